from .convert import Conversion, convert_pclt20k
from .options import Options
from .tumour_statistics import write_statistics

__all__ = [
    "Conversion",
    "Options",
    "convert_pclt20k",
    "write_statistics",
]
