from .convert import StudyConversion, convert_lucid
from .options import Options, choose_roi

__all__ = [
    "Options",
    "StudyConversion",
    "choose_roi",
    "convert_lucid",
]
