"""The report of a benchmark: one page that opens offline, Markdown, CSV and JSON."""

from nnunet_cipa.report.collect import Request, collect
from nnunet_cipa.report.content import Report
from nnunet_cipa.report.write import make_report, write_report

__all__ = ["Report", "Request", "collect", "make_report", "write_report"]
