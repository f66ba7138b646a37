"""The options of a conversion of a study set."""

import math
from dataclasses import dataclass, field
from pathlib import Path

from nnunet_cipa.dataset_conversion.pipeline.dataset_files import check_run
from nnunet_cipa.dataset_conversion.study_set.case import LOWEST_HU, Storage
from nnunet_cipa.dataset_conversion.study_set.key_table import check_place
from nnunet_cipa.dataset_conversion.study_set.study_set import Roi
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.processes.workers import default_processes


@dataclass(frozen=True)
class Options:
    """How to convert.

    Attributes
    ----------
    dataset_id, name
        Of the folder ``DatasetNNN_NAME``.
    roi
        The mask that becomes the label.
    pattern
        In DICOM, a regular expression for the name of its region; None for the usual names of an IGTV, or ``roi``.
    series
        In DICOM, UIDs of series that go before others, for patients who have several.
    key_table
        In DICOM, a file outside of nnUNet_raw for the table that tells which patient a case is.
    keep_going
        Convert the other patients if some cannot be.
    organs
        Further masks, of ``ORGANS``, that are written beside the label, to organsTr and organsTs.
    storage
        How intensities are stored.
    crop
        Cut the cases to the patient's outline in the axial plane.
    test_fraction
        Part of the patients to hold out; None to go by test.txt, or hold out none.
    seed
        Of the five folds and of ``test_fraction``.
    processes
        Number of processes.
    overwrite
        Replace an existing dataset.
    """

    dataset_id: int = 702
    name: str = "LUCID"
    roi: Roi = Roi.IGTV
    pattern: str | None = None
    series: tuple[str, ...] = ()
    key_table: Path | None = None
    keep_going: bool = False
    organs: tuple[str, ...] = ()
    storage: Storage = field(default_factory=Storage)
    crop: bool = False
    test_fraction: float | None = None
    seed: int = 12345
    processes: int = field(default_factory=default_processes)
    overwrite: bool = False


def check_options(options: Options, final: Path) -> None:
    """Refuse options that cannot be, before any work; ``final`` is the folder of the dataset.

    Raises
    ------
    CIPAError
        For the first of them.
    """
    check_run(options.processes, options.seed)
    if options.key_table is not None:
        check_place(options.key_table, final, overwrite=options.overwrite)
    storage = options.storage
    for name, limits, least in (("hu-window", storage.hu_window, LOWEST_HU), ("suv-range", storage.suv_range, 0.0)):
        low, high = limits
        if not (math.isfinite(low) and math.isfinite(high) and low < high and high > least):
            raise CIPAError(f"--{name} {low:g} {high:g}: give a lower and a higher number, the higher above {least:g}")
