from .catalogue import ROWS as ROWS
from .layout import Demo as Demo
from .options import Options as Options
from .run import run_demo as run_demo
