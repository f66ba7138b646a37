"""Comparisons of the papers and their reviews, by name: a table of trainers and what each starts from."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nnunet_cipa.benchmark.plan.entries import Entry, WeightSource, existing_file
from nnunet_cipa.errors import CIPAError


@dataclass(frozen=True)
class Preset:
    """A named comparison: what it is, and its rows of title, trainer and source.

    A row with ``WeightSource.ADAPTED`` starts from the GTV checkpoint.
    """

    purpose: str
    rows: tuple[tuple[str, str, WeightSource], ...]

    @property
    def needs_gtv(self) -> bool:
        """Whether a row starts from the GTV checkpoint."""
        return any(source is WeightSource.ADAPTED for *_, source in self.rows)


PRESETS: Mapping[str, Preset] = {
    "cipa-table4": Preset(
        "the modules of CIPA, table 4 of the CVPR paper",
        (
            ("no CRM, no DCIM", "nnUNetTrainerCIPA_noCRM_noDCIM", WeightSource.AS_SET),
            ("CRM alone", "nnUNetTrainerCIPA_noDCIM", WeightSource.AS_SET),
            ("DCIM alone", "nnUNetTrainerCIPA_noCRM", WeightSource.AS_SET),
            ("CIPA: CRM and DCIM", "nnUNetTrainerCIPA", WeightSource.AS_SET),
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
        "what the weights start from: nothing, an encoder of ImageNet, GTV",
        (
            ("from nothing", "nnUNetTrainerCIPASIM", WeightSource.INITIAL),
            ("encoder from ImageNet", "nnUNetTrainerCIPASIM", WeightSource.ENCODER),
            ("from GTV", "nnUNetTrainerCIPASIM", WeightSource.ADAPTED),
            ("from GTV, settings of fine-tuning", "nnUNetTrainerCIPASIMTransfer", WeightSource.ADAPTED),
        ),
    ),
}


def preset_entries(name: str, gtv_checkpoint: Path | None) -> list[Entry]:
    """Return the entries of a preset.

    Parameters
    ----------
    name : str
        One of ``PRESETS``.
    gtv_checkpoint : Path or None
        The checkpoint of a training on GTV, for the rows that start from it.

    Raises
    ------
    CIPAError
        If there is no such preset, or it starts from a checkpoint that was not given.
    """
    if name not in PRESETS:
        raise CIPAError(f"--preset {name}: no such preset; choose one of {', '.join(PRESETS)}")
    preset = PRESETS[name]
    checkpoint = None
    if preset.needs_gtv:
        if gtv_checkpoint is None:
            raise CIPAError(
                f"--preset {name}: starts from a training on GTV; give its checkpoint_final.pth as --gtv-checkpoint"
            )
        checkpoint = existing_file(gtv_checkpoint, "--gtv-checkpoint")
    return [
        Entry(trainer, title, source, checkpoint if source is WeightSource.ADAPTED else None)
        for title, trainer, source in preset.rows
    ]
