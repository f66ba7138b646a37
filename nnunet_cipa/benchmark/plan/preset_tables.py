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


def _as_set(title: str, trainer: str) -> tuple[str, str, WeightSource]:
    """Return a row that starts from the encoder file that is set, if there is one."""
    return title, trainer, WeightSource.AS_SET


_COMPARATORS = (
    _as_set("TransUNet", "nnUNetTrainerTransUNet"),
    _as_set("Swin-Unet", "nnUNetTrainerSwinUnet"),
    _as_set("nnSAM", "nnUNetTrainerNnSAM"),
    _as_set("CEN", "nnUNetTrainerCEN"),
    _as_set("TokenFusion", "nnUNetTrainerTokenFusion"),
    _as_set("CMX", "nnUNetTrainerCMX"),
    _as_set("CMNeXt", "nnUNetTrainerCMNeXt"),
    _as_set("AsymFormer", "nnUNetTrainerAsymFormer"),
    _as_set("DFormer", "nnUNetTrainerDFormer"),
    _as_set("GeminiFusion", "nnUNetTrainerGeminiFusion"),
    _as_set("Sigma", "nnUNetTrainerSigma"),
    _as_set("CIPA", "nnUNetTrainerCIPA"),
)
PRESETS: Mapping[str, Preset] = {
    "cipa-table2": Preset("CIPA and the networks that it is compared with, table 2 of the CVPR paper", _COMPARATORS),
    "cipa-table3": Preset(
        "the same networks on the STS data set (convert sts), table 3 of the CVPR paper", _COMPARATORS
    ),
    "cipa-table4": Preset(
        "the modules of CIPA, table 4 of the CVPR paper",
        (
            _as_set("no CRM, no DCIM", "nnUNetTrainerCIPA_noCRM_noDCIM"),
            _as_set("CRM alone", "nnUNetTrainerCIPA_noDCIM"),
            _as_set("DCIM alone", "nnUNetTrainerCIPA_noCRM"),
            _as_set("CIPA: CRM and DCIM", "nnUNetTrainerCIPA"),
        ),
    ),
    "cipa-backbones": Preset(
        "CIPA on other encoders, of table 2 of the CVPR paper",
        (
            _as_set("ResNet-50", "nnUNetTrainerCIPA_ResNet50"),
            _as_set("Swin-T", "nnUNetTrainerCIPA_SwinT"),
            _as_set("one shared Swin-T", "nnUNetTrainerCIPA_SwinTShared"),
            _as_set("VMamba", "nnUNetTrainerCIPA"),
        ),
    ),
    "cipa-table6": Preset(
        "what DCIM gets of CT and PET, table 6 of the CVPR paper",
        (
            _as_set("region PET, local PET", "nnUNetTrainerCIPA_regionPET_localPET"),
            _as_set("region CT, local CT", "nnUNetTrainerCIPA_regionCT_localCT"),
            _as_set("region CT, local PET", "nnUNetTrainerCIPA_regionCT_localPET"),
            _as_set("local CT alone", "nnUNetTrainerCIPA_localCT"),
            _as_set("region PET alone", "nnUNetTrainerCIPA_regionPET"),
            _as_set("DCIM: region PET, local CT", "nnUNetTrainerCIPA"),
        ),
    ),
    "igtv-table2": Preset(
        "from GTV to IGTV, table 2 of the IGTV paper",
        (
            _as_set("2D, IGTV alone", "nnUNetTrainerCIPA"),
            ("2D, from GTV", "nnUNetTrainerCIPATransfer", WeightSource.ADAPTED),
            ("2.5D, from GTV", "nnUNetTrainerCIPA25DTransfer", WeightSource.ADAPTED),
            ("2.5D and SIM, from GTV", "nnUNetTrainerCIPASIMTransfer", WeightSource.ADAPTED),
        ),
    ),
    "depth": Preset(
        "1, 3 and 5 slices, without and with SIM",
        (
            _as_set("1 slice", "nnUNetTrainerCIPA"),
            _as_set("3 slices", "nnUNetTrainerCIPA25D"),
            _as_set("5 slices", "nnUNetTrainerCIPA25D_5slices"),
            _as_set("3 slices, SIM", "nnUNetTrainerCIPASIM"),
            _as_set("5 slices, SIM", "nnUNetTrainerCIPASIM_5slices"),
        ),
    ),
    "sim-weights": Preset(
        "the weights of SIM's branches fixed and learned, and each branch off",
        (
            _as_set("fixed weights", "nnUNetTrainerCIPASIM"),
            _as_set("learned weights", "nnUNetTrainerCIPASIM_learnable"),
            _as_set("no channel attention", "nnUNetTrainerCIPASIM_noChannel"),
            _as_set("no spatial attention", "nnUNetTrainerCIPASIM_noSpatial"),
            _as_set("no slice relation", "nnUNetTrainerCIPASIM_noRelation"),
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
