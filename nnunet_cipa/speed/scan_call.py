"""One call of the selective scan, and what it costs at least."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class ScanCall:
    """A call in float32 with random arguments.

    Attributes
    ----------
    batch, channels, length, d_state : int
        Its sizes.
    groups : int
        Of channels, each with its own B and C; SS2D has 4.
    """

    batch: int
    channels: int
    length: int
    d_state: int
    groups: int = 4

    def __str__(self) -> str:
        """Return (b, d, l, n)."""
        return str((self.batch, self.channels, self.length, self.d_state))

    @property
    def state_updates(self) -> int:
        """Number of h_t = exp(dt A) h_{t-1} + dt B u in the forward pass: b * d * l * n."""
        return self.batch * self.channels * self.length * self.d_state

    def least_bytes(self, backward: bool) -> int:
        """Bytes that memory and processor exchange at least.

        The forward pass reads the arguments and writes y. The backward pass, between which and the forward pass the
        rest of a network runs, reads the arguments and the gradient of y and writes the arguments' gradients.
        """
        sequence = self.batch * self.channels * self.length
        matrix = self.batch * self.groups * self.d_state * self.length
        arguments = 2 * sequence + 2 * matrix + self.channels * (self.d_state + 2)
        return 4 * (3 * arguments + 2 * sequence if backward else arguments + sequence)

    def arguments(self, device: str) -> dict[str, Tensor]:
        """Draw the arguments of ``selective_scan``, the same each time."""
        generator = torch.Generator().manual_seed(0)

        def draw(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator)

        tensors = {
            "u": draw(self.batch, self.channels, self.length),
            "delta": draw(self.batch, self.channels, self.length),
            "A": -torch.arange(1.0, self.d_state + 1).repeat(self.channels, 1),
            "B": draw(self.batch, self.groups, self.d_state, self.length),
            "C": draw(self.batch, self.groups, self.d_state, self.length),
            "D": torch.ones(self.channels),
            "delta_bias": draw(self.channels) - 4,
        }
        return {name: tensor.to(device).requires_grad_() for name, tensor in tensors.items()}
