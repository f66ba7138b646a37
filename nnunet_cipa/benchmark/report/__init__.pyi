from .collect import ReportRequest, collect
from .make import make_report
from .options import ReportOptions
from .request import resolve_report

__all__ = ["ReportOptions", "ReportRequest", "collect", "make_report", "resolve_report"]
