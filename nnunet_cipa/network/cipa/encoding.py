"""Base classes of the encoders of CT and PET."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

STAGES = 4


class Encoder(nn.Module, ABC):
    """An encoder of CT and PET in four stages, whose features (B, H/s, W/s, C) have s = 4, 8, 16, 32.

    Attributes
    ----------
    in_channels : int
        Channels of an image.
    image_layers : tuple of str
        Names of the tensors whose second axis are these channels.
    output_layers : tuple of str
        Names of the last layer of a stage, each with ``{}`` for the stage; its feature is linear in their tensors.
    """

    image_layers: ClassVar[tuple[str, ...]]
    output_layers: ClassVar[tuple[str, ...]]

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.in_channels = in_channels

    @abstractmethod
    def encode_both(self, ct: Tensor, pet: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Encode CT and PET (B, S, H, W), one slice repeated for all channels, to the pair of each stage."""

    def make_fusion(self, level: int) -> nn.Module | None:  # noqa: ARG002
        """Make what fuses a stage's maps (B, C, H, W) to one that is added to CIPA's fused feature, if there is one."""
        return None

    def output_tensors(self, level: int) -> Sequence[str]:
        """Return the names of the tensors that a stage's feature is linear in."""
        layers = {layer.format(level): self.get_submodule(layer.format(level)) for layer in self.output_layers}
        return [f"{layer}.{name}" for layer, module in layers.items() for name in module.state_dict()]

    def pretrained_name(self, name: str) -> str | None:  # noqa: ARG002
        """Return what a tensor is called in the file, of elsewhere, that the encoder starts from, if it has it."""
        return None

    def widen(self, image: Tensor) -> Tensor:
        """Repeat a single slice (B, 1, H, W) for all channels of an image; an image of them all stays as it is."""
        return image.repeat(1, self.in_channels // image.shape[1], 1, 1)


class SharedEncoder(Encoder):
    """An encoder that CT and PET share, and go through as one batch."""

    @abstractmethod
    def forward(self, x: Tensor) -> list[Tensor]:
        """Map images (B, in_channels, H, W), sides multiples of 32, to features (B, H/s, W/s, C), s = 4, 8, 16, 32."""

    def encode_both(self, ct: Tensor, pet: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Encode CT and PET (B, S, H, W) as one batch, one slice repeated for all channels, to pairs of features."""
        features = self(self.widen(torch.cat((ct, pet))))
        return [(ct, pet) for ct, pet in (feature.chunk(2) for feature in features)]
