from .collect import Request, collect
from .content import Report
from .options import ReportOptions
from .request import resolve
from .write import make_report, write_report

__all__ = [
    "Report",
    "ReportOptions",
    "Request",
    "collect",
    "make_report",
    "resolve",
    "write_report",
]
