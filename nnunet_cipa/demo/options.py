"""The options of the demo."""

from dataclasses import dataclass
from typing import Annotated

from nnunet_cipa.demo.catalogue import ROWS
from nnunet_cipa.options import LARGEST_SEED, Option


@dataclass(frozen=True)
class DemoOptions:
    """What the demo runs on.

    Attributes
    ----------
    patients : int
        Patients of the phantom, a fifth held out.
    size : int
        Pixels per side.
    slices : int
        About how many slices per patient.
    seed : int
        Seed of phantoms and trainings.
    device : str
        Type of the device, such as cpu or cuda.
    rows : tuple of str
        Rows of the IGTV table to train after the main job, none if nothing follows.
    baseline : bool
        Train nnU-Net's own 2D network too, as long, and compare.
    """

    patients: Annotated[int, Option("N")] = 60
    size: Annotated[int, Option("N")] = 128
    slices: Annotated[int, Option("N")] = 6
    seed: Annotated[int, Option("N", least=0, most=LARGEST_SEED)] = 0
    device: str = "cpu"
    rows: Annotated[tuple[str, ...], Option("ROW", choices=lambda: ROWS, empty=True)] = tuple(ROWS)
    baseline: bool = False
