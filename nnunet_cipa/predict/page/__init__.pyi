from .options import PageOptions
from .write import write_page

__all__ = ["PageOptions", "write_page"]
