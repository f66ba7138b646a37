"""From a request to the files of a report."""

from pathlib import Path

from nnunet_cipa.benchmark.report.calibration import keep_temperatures
from nnunet_cipa.benchmark.report.collect import ReportRequest, collect
from nnunet_cipa.evaluation.report.place import claimed_folder
from nnunet_cipa.evaluation.report.write import PAGE, write_files


def make_report(request: ReportRequest, out: Path) -> Path:
    """Collect a report and write it as ``write_report`` does; nobody else makes ``out`` meanwhile.

    If it is asked for, the temperature of each model is written to its folder too.

    Raises
    ------
    CIPAError
        As ``collect``, ``write_report`` and ``keep_temperatures``.
    """
    with claimed_folder(out) as building:
        report = collect(request)
        write_files(report, building)
        if request.calibrate:
            keep_temperatures(request.models, report)
    return out / PAGE
