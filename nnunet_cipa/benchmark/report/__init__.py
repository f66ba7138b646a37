"""The report of a benchmark: one page that opens offline, Markdown, CSV and JSON."""

from nnunet_cipa.benchmark.report.collect import Request, collect
from nnunet_cipa.benchmark.report.content import Report
from nnunet_cipa.benchmark.report.write import make_report, write_report

__all__ = ["Report", "Request", "collect", "make_report", "write_report"]
