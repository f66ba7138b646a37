"""The report of a benchmark: one page that opens offline, Markdown, CSV and JSON."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
