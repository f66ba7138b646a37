from .convert import Pclt20kConversion, convert_pclt20k
from .options import Options
from .tumour_statistics import write_statistics

__all__ = [
    "Options",
    "Pclt20kConversion",
    "convert_pclt20k",
    "write_statistics",
]
