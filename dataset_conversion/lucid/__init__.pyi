from .convert import Conversion, convert_lucid
from .options import Options, choose_roi

__all__ = [
    "Conversion",
    "Options",
    "choose_roi",
    "convert_lucid",
]
