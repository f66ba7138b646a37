"""One call of the four-direction scan behind its operator."""

from dataclasses import dataclass

import torch
from torch import Tensor

from nnunet_cipa.ops.directions import DIRECTIONS


@dataclass(frozen=True)
class MapCall:
    """A call in float32 with random arguments, their projections made beforehand.

    Attributes
    ----------
    batch, height, width, channels, rank, d_state : int
        Its sizes; the rank is that of dt.
    """

    batch: int
    height: int
    width: int
    channels: int
    rank: int
    d_state: int

    def __str__(self) -> str:
        """Return (b, h, w, d, r, n)."""
        return str((self.batch, self.height, self.width, self.channels, self.rank, self.d_state))

    @property
    def length(self) -> int:
        """Steps of a direction."""
        return self.height * self.width

    def arguments(self, device: str) -> dict[str, Tensor]:
        """Draw the arguments of ``CrossArguments``, the same each time."""
        generator = torch.Generator().manual_seed(0)

        def draw(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator)

        area = (self.batch, self.height, self.width)
        tensors = {
            "x": draw(*area, self.channels),
            "projections": draw(*area, DIRECTIONS, self.rank + 2 * self.d_state),
            "dt_proj": draw(DIRECTIONS, self.channels, self.rank) * self.rank**-0.5,
            "dt_bias": draw(DIRECTIONS, self.channels) - 4,
            "A": -torch.arange(1.0, self.d_state + 1).expand(DIRECTIONS, self.channels, -1).contiguous(),
            "D": torch.ones(DIRECTIONS, self.channels),
        }
        return {name: tensor.to(device) for name, tensor in tensors.items()}
