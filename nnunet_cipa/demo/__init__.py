"""The whole job on synthetic patients, from making them to a page that shows what a network learned from them."""

from nnunet_cipa.demo.layout import Demo, Options
from nnunet_cipa.demo.rows import ROWS
from nnunet_cipa.demo.run import run_demo

__all__ = ["ROWS", "Demo", "Options", "run_demo"]
