"""Comparisons of the papers and their reviews, by name: a table of trainers and what each starts from."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nnunet_cipa.benchmark.plan.entries import Entry, WeightSource, existing_file
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.options import UsageError


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


def preset_entries(name: str, gtv_checkpoint: Path | None, sources: Mapping[str, Path] | None = None) -> list[Entry]:
    """Return the entries of a preset.

    Parameters
    ----------
    name : str
        One of ``PRESETS``.
    gtv_checkpoint : Path or None
        The checkpoint of a training on GTV, for the rows that start from it.
    sources : mapping of str to Path
        Checkpoints of trainings on other data sets, by names for the table.

    Raises
    ------
    CIPAError
        If there is no such preset, or it starts from a checkpoint that was not given.
    UsageError
        If there are sources and the preset compares none.
    """
    if name not in PRESETS:
        raise CIPAError(f"--preset {name}: no such preset; choose one of {', '.join(PRESETS)}")
    preset = PRESETS[name]
    if sources and not preset.compares_sources:
        raise UsageError(f"--source: is for --preset transfer-source, and {name} compares no sources; leave it out")
    starts = {} if gtv_checkpoint is None else {"GTV": existing_file(gtv_checkpoint, "--gtv-checkpoint")}
    starts |= {title: existing_file(path, "--source") for title, path in (sources or {}).items()}
    if preset.needs_gtv and not starts:
        further = ", or checkpoints of other data sets as --source NAME=FILE" if preset.compares_sources else ""
        raise CIPAError(
            f"--preset {name}: starts from a training on GTV; give its checkpoint_final.pth as "
            f"--gtv-checkpoint{further}"
        )
    listed: list[tuple[str, Path | None]] = [*starts.items()] or [("", None)]
    first, *others = listed
    entries = [_entry(row, *first) for row in preset.rows]
    return entries + [_entry(row, *start) for start in others for row in preset.rows if row[2] is WeightSource.ADAPTED]


def _entry(row: tuple[str, str, WeightSource], start: str, checkpoint: Path | None) -> Entry:
    title, trainer, source = row
    if source is not WeightSource.ADAPTED:
        return Entry(trainer, title, source)
    return Entry(trainer, title.replace("from GTV", f"from {start}"), source, checkpoint)
