from .catalogue import ROWS
from .layout import Demo
from .options import DemoOptions
from .page import (
    CaseResult,
    Page,
    TimedCommand,
    Verdict,
    score_case,
    write_page,
)
from .run import run_demo

__all__ = [
    "ROWS",
    "CaseResult",
    "Demo",
    "DemoOptions",
    "Page",
    "TimedCommand",
    "Verdict",
    "run_demo",
    "score_case",
    "write_page",
]
