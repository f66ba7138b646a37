"""The modalities of DCIM's two branches, and the branches that scan: table 6 of the CVPR paper."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DCIMVariant:
    """The roles of CT and PET in DCIM.

    Parameters
    ----------
    region, local : str
        The modality of each branch, "CT" or "PET". Both have their convolutional stems in every variant.
    scans_regions, scans_windows : bool
        Whether the branch has its scan and the LayerNorm before it; without them the stem's output is what it adds.

    Notes
    -----
    Source: arXiv 2503.17261, table 6. Which layers a branch without its scan keeps is not published; the counts of the
    table are met with both stems, and with no norm of the branch that does not scan.
    """

    region: str = "PET"
    local: str = "CT"
    scans_regions: bool = True
    scans_windows: bool = True


DCIM_VARIANTS = {  # the published one first
    "pet_ct": DCIMVariant(),
    "pet_pet": DCIMVariant(local="PET"),
    "ct_ct": DCIMVariant(region="CT"),
    "ct_pet": DCIMVariant(region="CT", local="PET"),
    "local_ct": DCIMVariant(scans_regions=False),
    "region_pet": DCIMVariant(scans_windows=False),
}
