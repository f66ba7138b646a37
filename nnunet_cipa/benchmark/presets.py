"""Comparisons of the papers and their reviews, by name: a table of trainers and what each starts from."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nnunet_cipa.benchmark.entries import Entry, Source, existing_file
from nnunet_cipa.errors import CIPAError


@dataclass(frozen=True)
class Preset:
    """A named comparison: what it is, and its rows of title, trainer and source.

    A row with ``Source.ADAPTED`` starts from the GTV checkpoint.
    """

    purpose: str
    rows: tuple[tuple[str, str, Source], ...]

    @property
    def needs_gtv(self) -> bool:
        """Whether a row starts from the GTV checkpoint."""
        return any(source is Source.ADAPTED for *_, source in self.rows)


PRESETS: Mapping[str, Preset] = {
    "cipa-table4": Preset(
        "the modules of CIPA, table 4 of the CVPR paper",
        (
            ("no CRM, no DCIM", "nnUNetTrainerCIPA_noCRM_noDCIM", Source.AS_SET),
            ("CRM alone", "nnUNetTrainerCIPA_noDCIM", Source.AS_SET),
            ("DCIM alone", "nnUNetTrainerCIPA_noCRM", Source.AS_SET),
            ("CIPA: CRM and DCIM", "nnUNetTrainerCIPA", Source.AS_SET),
        ),
    ),
    "igtv-table2": Preset(
        "from GTV to IGTV, table 2 of the IGTV paper",
        (
            ("2D, IGTV alone", "nnUNetTrainerCIPA", Source.AS_SET),
            ("2D, from GTV", "nnUNetTrainerCIPATransfer", Source.ADAPTED),
            ("2.5D, from GTV", "nnUNetTrainerCIPA25DTransfer", Source.ADAPTED),
            ("2.5D and SIM, from GTV", "nnUNetTrainerCIPASIMTransfer", Source.ADAPTED),
        ),
    ),
    "depth": Preset(
        "1, 3 and 5 slices, without and with SIM",
        (
            ("1 slice", "nnUNetTrainerCIPA", Source.AS_SET),
            ("3 slices", "nnUNetTrainerCIPA25D", Source.AS_SET),
            ("5 slices", "nnUNetTrainerCIPA25D_5slices", Source.AS_SET),
            ("3 slices, SIM", "nnUNetTrainerCIPASIM", Source.AS_SET),
            ("5 slices, SIM", "nnUNetTrainerCIPASIM_5slices", Source.AS_SET),
        ),
    ),
    "sim-weights": Preset(
        "the weights of SIM's branches fixed and learned, and each branch off",
        (
            ("fixed weights", "nnUNetTrainerCIPASIM", Source.AS_SET),
            ("learned weights", "nnUNetTrainerCIPASIM_learnable", Source.AS_SET),
            ("no channel attention", "nnUNetTrainerCIPASIM_noChannel", Source.AS_SET),
            ("no spatial attention", "nnUNetTrainerCIPASIM_noSpatial", Source.AS_SET),
            ("no slice relation", "nnUNetTrainerCIPASIM_noRelation", Source.AS_SET),
        ),
    ),
    "transfer-source": Preset(
        "what the weights start from: nothing, an encoder of ImageNet, GTV",
        (
            ("from nothing", "nnUNetTrainerCIPASIM", Source.INITIAL),
            ("encoder from ImageNet", "nnUNetTrainerCIPASIM", Source.ENCODER),
            ("from GTV", "nnUNetTrainerCIPASIM", Source.ADAPTED),
            ("from GTV, settings of fine-tuning", "nnUNetTrainerCIPASIMTransfer", Source.ADAPTED),
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
        Entry(trainer, title, source, checkpoint if source is Source.ADAPTED else None)
        for title, trainer, source in preset.rows
    ]
