"""CIPA whose neighbouring slices are chosen among several."""

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from nnunet_cipa.network.arguments import MODALITIES, check_slices, check_spacing
from nnunet_cipa.network.cipa.network import CIPA
from nnunet_cipa.network.dynamic.chooser import NeighbourChooser, take_chosen

_READ = 3


class CIPADynamic(CIPA):
    """CIPA on three slices, of which the outer two are chosen from a wider window.

    ``NeighbourChooser`` chooses one slice on each side, for CT and PET together; the three slices then are what
    ``CIPA(slices=3)`` reads. A new network chooses the nearest, so that its logits are those of that network, whose
    tensors it has under their names.

    Parameters
    ----------
    input_channels, num_classes, deep_supervision, patch_size
        As in ``CIPA``.
    spacing_z : float
        Distance of neighbouring slices in mm.
    slices : int
        Slices of a window: 3, 5, 7 or 9; of 3 there is one to choose on each side.
    sim : None, "encoder" or "input"
        As in ``CIPA``.
    **more
        The other arguments of ``CIPA``.

    Raises
    ------
    ValueError
        If an argument, or the shape of an input, is none that the network is defined for.

    Examples
    --------
    >>> import torch
    >>> network = CIPADynamic(2, 2, patch_size=(64, 64), variant="nano", sim="encoder", spacing_z=2.5).eval()
    >>> network(torch.zeros(1, 2 * 7, 64, 64)).shape
    torch.Size([1, 2, 64, 64])
    """

    admitted_slices: ClassVar[tuple[int, ...]] = (3, 5, 7, 9)
    reads_spacing: ClassVar[bool] = True

    def __init__(
        self,
        input_channels: int,
        num_classes: int,
        deep_supervision: bool = False,
        *,
        patch_size: Sequence[int],
        spacing_z: float,
        slices: int = 7,
        sim: str | None = None,
        **more: Any,
    ) -> None:
        if sim == "features":
            raise ValueError("sim is 'features'; slices are chosen before the encoder: choose None, encoder or input")
        super().__init__(
            input_channels,
            num_classes,
            deep_supervision,
            patch_size=patch_size,
            slices=_READ,
            sim=sim,
            **more,
        )
        self.slices = check_slices(slices, self.admitted_slices)
        self.chooser = NeighbourChooser(check_spacing(spacing_z))

    @property
    def image_slices(self) -> int:
        """The slices that are the channels of the encoder's input."""
        return _READ

    def slice_modules(self) -> list[nn.Module]:
        """Return the chooser, and SIM if there is one."""
        return [self.chooser, *super().slice_modules()]

    def encode(self, x: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Encode the three slices that are chosen from windows (B, 2 * slices, H, W), as ``CIPA`` does."""
        images = self.intensities(x)
        choice = self.chooser(torch.stack([images[name] for name in MODALITIES], dim=1))
        return super().encode(take_chosen(x.unflatten(1, (len(MODALITIES), self.slices)), choice).flatten(1, 2))
