from .catalogue import ROWS
from .layout import Demo
from .options import Options
from .run import run_demo

__all__ = [
    "ROWS",
    "Demo",
    "Options",
    "run_demo",
]
