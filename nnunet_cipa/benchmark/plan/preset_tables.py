"""Tables of the presets: the papers' comparisons and those of their reviews."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from nnunet_cipa.benchmark.plan.entries import WeightSource
from nnunet_cipa.errors import CIPAError


@dataclass(frozen=True)
class Preset:
    """A named comparison: what it is, and its rows of title, trainer and source.

    A row with ``WeightSource.ADAPTED`` starts from the GTV checkpoint, and where the preset ``compares_sources``, there
    is such a row for each further source.
    """

    purpose: str
    rows: tuple[tuple[str, str, WeightSource], ...]
    compares_sources: bool = False

    @property
    def needs_gtv(self) -> bool:
        """Whether a row starts from the GTV checkpoint."""
        return any(source is WeightSource.ADAPTED for *_, source in self.rows)

    def of(self, trainers: Collection[str], name: str) -> "Preset":
        """Take the rows of some trainers alone, or all if none is named.

        Raises
        ------
        CIPAError
            If one has no row.
        """
        there = [trainer for _, trainer, _ in self.rows]
        for trainer in trainers:
            if trainer not in there:
                raise CIPAError(
                    f"--only {trainer}: is not in --preset {name}, which has {', '.join(dict.fromkeys(there))}"
                )
        return replace(self, rows=tuple(row for row in self.rows if row[1] in trainers)) if trainers else self


_COMPARATORS = (
    ("TransUNet", "nnUNetTrainerTransUNet", WeightSource.AS_SET),
    ("Swin-Unet", "nnUNetTrainerSwinUnet", WeightSource.AS_SET),
    ("nnSAM", "nnUNetTrainerNnSAM", WeightSource.AS_SET),
    ("CEN", "nnUNetTrainerCEN", WeightSource.AS_SET),
    ("TokenFusion", "nnUNetTrainerTokenFusion", WeightSource.AS_SET),
    ("CMX", "nnUNetTrainerCMX", WeightSource.AS_SET),
    ("CMNeXt", "nnUNetTrainerCMNeXt", WeightSource.AS_SET),
    ("AsymFormer", "nnUNetTrainerAsymFormer", WeightSource.AS_SET),
    ("DFormer", "nnUNetTrainerDFormer", WeightSource.AS_SET),
    ("GeminiFusion", "nnUNetTrainerGeminiFusion", WeightSource.AS_SET),
    ("Sigma", "nnUNetTrainerSigma", WeightSource.AS_SET),
    ("CIPA", "nnUNetTrainerCIPA", WeightSource.AS_SET),
)
PRESETS: Mapping[str, Preset] = {
    "cipa-table2": Preset("CIPA and the networks that it is compared with, table 2 of the CVPR paper", _COMPARATORS),
    "cipa-table3": Preset(
        "the same networks on the STS data set (convert sts), table 3 of the CVPR paper", _COMPARATORS
    ),
    "cipa-table4": Preset(
        "the modules of CIPA, table 4 of the CVPR paper",
        (
            ("no CRM, no DCIM", "nnUNetTrainerCIPA_noCRM_noDCIM", WeightSource.AS_SET),
            ("CRM alone", "nnUNetTrainerCIPA_noDCIM", WeightSource.AS_SET),
            ("DCIM alone", "nnUNetTrainerCIPA_noCRM", WeightSource.AS_SET),
            ("CIPA: CRM and DCIM", "nnUNetTrainerCIPA", WeightSource.AS_SET),
        ),
    ),
    "cipa-backbones": Preset(
        "CIPA on other encoders, of table 2 of the CVPR paper",
        (
            ("ResNet-50", "nnUNetTrainerCIPA_ResNet50", WeightSource.AS_SET),
            ("Swin-T", "nnUNetTrainerCIPA_SwinT", WeightSource.AS_SET),
            ("one shared Swin-T", "nnUNetTrainerCIPA_SwinTShared", WeightSource.AS_SET),
            ("VMamba", "nnUNetTrainerCIPA", WeightSource.AS_SET),
        ),
    ),
    "cipa-table6": Preset(
        "what DCIM gets of CT and PET, table 6 of the CVPR paper",
        (
            ("region PET, local PET", "nnUNetTrainerCIPA_regionPET_localPET", WeightSource.AS_SET),
            ("region CT, local CT", "nnUNetTrainerCIPA_regionCT_localCT", WeightSource.AS_SET),
            ("region CT, local PET", "nnUNetTrainerCIPA_regionCT_localPET", WeightSource.AS_SET),
            ("local CT alone", "nnUNetTrainerCIPA_localCT", WeightSource.AS_SET),
            ("region PET alone", "nnUNetTrainerCIPA_regionPET", WeightSource.AS_SET),
            ("DCIM: region PET, local CT", "nnUNetTrainerCIPA", WeightSource.AS_SET),
        ),
    ),
    "igtv-table2": Preset(
        "from GTV to IGTV, table 2 of the IGTV paper",
        (
            ("2D, IGTV alone", "nnUNetTrainerCIPA", WeightSource.AS_SET),
            ("2D, from GTV", "nnUNetTrainerCIPATransfer", WeightSource.ADAPTED),
            ("2.5D, from GTV", "nnUNetTrainerCIPA25DTransfer", WeightSource.ADAPTED),
            ("2.5D and SIM, from GTV", "nnUNetTrainerCIPASIMTransfer", WeightSource.ADAPTED),
        ),
    ),
    "depth": Preset(
        "1, 3 and 5 slices, without and with SIM",
        (
            ("1 slice", "nnUNetTrainerCIPA", WeightSource.AS_SET),
            ("3 slices", "nnUNetTrainerCIPA25D", WeightSource.AS_SET),
            ("5 slices", "nnUNetTrainerCIPA25D_5slices", WeightSource.AS_SET),
            ("3 slices, SIM", "nnUNetTrainerCIPASIM", WeightSource.AS_SET),
            ("5 slices, SIM", "nnUNetTrainerCIPASIM_5slices", WeightSource.AS_SET),
        ),
    ),
    "sim-weights": Preset(
        "the weights of SIM's branches fixed and learned, and each branch off",
        (
            ("fixed weights", "nnUNetTrainerCIPASIM", WeightSource.AS_SET),
            ("learned weights", "nnUNetTrainerCIPASIM_learnable", WeightSource.AS_SET),
            ("no channel attention", "nnUNetTrainerCIPASIM_noChannel", WeightSource.AS_SET),
            ("no spatial attention", "nnUNetTrainerCIPASIM_noSpatial", WeightSource.AS_SET),
            ("no slice relation", "nnUNetTrainerCIPASIM_noRelation", WeightSource.AS_SET),
        ),
    ),
    "transfer-source": Preset(
        "what the weights start from: nothing, an encoder of ImageNet, GTV, and each --source",
        (
            ("from nothing", "nnUNetTrainerCIPASIM", WeightSource.INITIAL),
            ("encoder from ImageNet", "nnUNetTrainerCIPASIM", WeightSource.ENCODER),
            ("from GTV", "nnUNetTrainerCIPASIM", WeightSource.ADAPTED),
            ("from GTV, settings of fine-tuning", "nnUNetTrainerCIPASIMTransfer", WeightSource.ADAPTED),
        ),
        compares_sources=True,
    ),
}
