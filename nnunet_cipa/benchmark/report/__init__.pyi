from .collect import ReportRequest, collect
from .content import Report
from .options import ReportOptions
from .request import resolve_report
from .write import make_report, write_report

__all__ = [
    "Report",
    "ReportOptions",
    "ReportRequest",
    "collect",
    "make_report",
    "resolve_report",
    "write_report",
]
