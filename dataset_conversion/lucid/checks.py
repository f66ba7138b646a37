"""Checks of the options of a conversion before any work."""

import math
from pathlib import Path

from nnunet_cipa.dataset_conversion.lucid.options import Options
from nnunet_cipa.dataset_conversion.pipeline.dataset_files import check_run
from nnunet_cipa.dataset_conversion.study_set.key_table import check_place
from nnunet_cipa.dataset_conversion.study_set.options import LOWEST_HU
from nnunet_cipa.errors import CIPAError


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
