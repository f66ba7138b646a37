"""From a request to the files of a report."""

from pathlib import Path

from nnunet_cipa.benchmark.report.collect import ReportRequest, collect
from nnunet_cipa.evaluation.report.place import claimed_folder
from nnunet_cipa.evaluation.report.write import PAGE, write_files


def make_report(request: ReportRequest, out: Path) -> Path:
    """Collect a report and write it as ``write_report`` does; nobody else makes ``out`` meanwhile.

    Raises
    ------
    CIPAError
        As ``collect`` and ``write_report``.
    """
    with claimed_folder(out) as building:
        write_files(collect(request), building)
    return out / PAGE
