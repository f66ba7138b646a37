"""CIPA that reads, beside its three slices, two that are composed of several neighbours."""

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from nnunet_cipa.network.arguments import MODALITIES, check_slices, check_spacing
from nnunet_cipa.network.cipa.network import CIPA
from nnunet_cipa.network.dynamic.attention import NeighbourAttention, compose

_READ = 5


class CIPADynamic(CIPA):
    """CIPA on three slices and two more, which attention composes of the neighbours in a wider window.

    ``NeighbourAttention`` composes one slice of those below the centre and one of those above it. The five are what
    ``CIPA(slices=5)`` reads, whose tensors it has under their names. The encoder's weights for the two start at zero:
    logits of a new network are those of the three slices in the middle, and yet what reads the two has a gradient from
    the first step on.

    Parameters
    ----------
    input_channels, num_classes, deep_supervision, patch_size
        As in ``CIPA``.
    spacing_z : float
        Distance of neighbouring slices in mm.
    slices : int
        Slices of a window: 3, 5, 7 or 9; of 3 there is one on each side to compose of.
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
            raise ValueError("sim is 'features'; slices are composed before the encoder: choose None, encoder or input")
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
        self.neighbour_attention = NeighbourAttention(check_spacing(spacing_z))
        with torch.no_grad():
            for name in self.encoder.image_layers:
                self.encoder.get_parameter(name)[:, [0, -1]] = 0

    @property
    def image_slices(self) -> int:
        """The slices that are the channels of the encoder's input."""
        return _READ

    def slice_modules(self) -> list[nn.Module]:
        """Return the attention, and SIM if there is one."""
        return [self.neighbour_attention, *super().slice_modules()]

    def encode(self, x: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Encode what is composed of windows (B, 2 * slices, H, W), as ``CIPA`` does."""
        images = self.intensities(x)
        weights = self.neighbour_attention(torch.stack([images[name] for name in MODALITIES], dim=1))
        return super().encode(compose(x.unflatten(1, (len(MODALITIES), self.slices)), weights).flatten(1, 2))
