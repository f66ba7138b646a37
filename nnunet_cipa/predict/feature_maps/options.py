"""Options of drawing feature maps."""

from dataclasses import dataclass
from typing import Annotated

from nnunet_cipa.options import Option


@dataclass(frozen=True)
class DrawOptions:
    """What is drawn.

    Attributes
    ----------
    slice : int or None
        Slice of the images, counted from 1 in their order.
    fold : str or None
        Fold of the model, a number or all.
    checkpoint : str
        File of the weights in the fold.
    device : str
        Type of the device, such as cpu or cuda.
    """

    slice: Annotated[int | None, Option("N", least=1, default="the one with the highest PET value")] = None
    fold: Annotated[str | None, Option("FOLD", default="the first that it has")] = None
    checkpoint: Annotated[str, Option("FILE")] = "checkpoint_final.pth"
    device: str = "cpu"
