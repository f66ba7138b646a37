"""Entries of a named comparison: a table of trainers and what each starts from."""

from collections.abc import Collection, Mapping
from pathlib import Path

from nnunet_cipa.benchmark.plan.entries import Entry, WeightSource, existing_file
from nnunet_cipa.benchmark.plan.preset_tables import PRESETS
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.options import UsageError


def preset_entries(
    name: str,
    gtv_checkpoint: Path | None,
    sources: Mapping[str, Path] | None = None,
    only: Collection[str] = (),
) -> list[Entry]:
    """Return the entries of a preset.

    Parameters
    ----------
    name : str
        One of ``PRESETS``.
    gtv_checkpoint : Path or None
        The checkpoint of a training on GTV, for the rows that start from it.
    sources : mapping of str to Path
        Checkpoints of trainings on other data sets, by names for the table.
    only : collection of str
        Trainers whose rows are taken; all if it is empty.

    Raises
    ------
    CIPAError
        If there is no such preset, it has no row of a trainer in ``only``, or it starts from a checkpoint that was not
        given.
    UsageError
        If there are sources and the preset compares none.
    """
    if name not in PRESETS:
        raise CIPAError(f"--preset {name}: no such preset; choose one of {', '.join(PRESETS)}")
    preset = PRESETS[name].of(only, name)
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
