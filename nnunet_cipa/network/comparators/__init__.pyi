from .comparator import Comparator, load_original
from .registry import build, names, network_class

__all__ = ["Comparator", "build", "load_original", "names", "network_class"]
