"""The options of an import of weights."""

from dataclasses import dataclass
from typing import Annotated, Literal

from nnunet_cipa.options import Option

# What the released networks are imported for unless one says otherwise.
PATCH_SIZE = (512, 512)
NUM_CLASSES = 2


@dataclass(frozen=True)
class ImportOptions:
    """What a released file is imported for.

    Attributes
    ----------
    patch_size : (int, int) or None
        Patch size of the training that will load it, as its plans.json says.
    num_classes : int or None
        Classes, background included.
    backbone : str or None
        Of a file of Swin-T: one network each for CT and PET, as in the paper (swin_t, the default), or one for both.
    """

    patch_size: Annotated[tuple[int, int] | None, Option(("H", "W"), default="{} {}".format(*PATCH_SIZE))] = None
    num_classes: Annotated[int | None, Option("N", default=str(NUM_CLASSES))] = None
    backbone: Literal["swin_t", "swin_t_shared"] | None = None
