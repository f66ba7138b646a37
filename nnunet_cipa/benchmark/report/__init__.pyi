from .collect import Request as Request, collect as collect
from .content import Report as Report
from .options import ReportOptions as ReportOptions
from .request import resolve as resolve
from .write import make_report as make_report, write_report as write_report
