"""The Hamburger head: features joined, replaced by a product of two thin non-negative matrices, classified.

Source: Geng et al., Is Attention Better Than Matrix Decomposition?, ICLR 2021, arXiv 2109.04553. Maps are
channels-first, (B, C, H, W).
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nnunet_cipa.network.layers.basic import BatchNorm
from nnunet_cipa.network.layers.precision import without_autocast

TRAINING_STEPS, STEPS = 6, 7
EPS, NORM_EPS = 1e-6, 1e-3
DROPOUT = 0.1


class MatrixDecomposition(nn.Module):
    """Non-negative matrix factorisation by multiplicative updates, through which gradients pass.

    The bases start at random, drawn for each sample and each pass in training. In evaluation the start is one fixed
    draw, where the original draws there too, so that a prediction is the same each time.

    Parameters
    ----------
    channels : int
        C, length of a basis.
    bases : int
        R, their number.
    """

    start: Tensor

    def __init__(self, channels: int, bases: int) -> None:
        super().__init__()
        draw = torch.rand(1, channels, bases, device="cpu", generator=torch.Generator().manual_seed(0))
        self.register_buffer("start", F.normalize(draw, dim=1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, N), not negative, to the product of C x R bases and R x N coefficients."""
        with without_autocast(x.device):
            x = x.to(torch.promote_types(x.dtype, torch.float32))  # half precision has no digits for quotients
            bases = self._draw(x) if self.training else self.start.to(x).expand(len(x), -1, -1)
            coefficients = (x.mT @ bases).softmax(dim=-1)
            for _ in range(TRAINING_STEPS if self.training else STEPS):
                coefficients = _update(coefficients, x.mT, bases)
                bases = _update(bases, x, coefficients)
            return bases @ _update(coefficients, x.mT, bases).mT

    def _draw(self, x: Tensor) -> Tensor:
        draw = torch.rand(len(x), *self.start.shape[1:], device=x.device, dtype=x.dtype)
        return F.normalize(draw, dim=1)


class HamburgerHead(nn.Module):
    """The decoder of DFormer.

    Parameters
    ----------
    widths : sequence of int
        Channels of the features that go in.
    width : int
        Channels of the decoder.
    bases : int
        Rank of the decomposition.
    num_classes : int
        Output channels.
    """

    def __init__(self, widths: Sequence[int], width: int, bases: int, num_classes: int) -> None:
        super().__init__()
        self.squeeze = _conv_norm(sum(widths), width)
        self.ham_in = nn.Conv2d(width, width, 1)
        self.decomposition = MatrixDecomposition(width, bases)
        self.ham_out = _conv_norm(width, width)
        self.align = _conv_norm(width, width)
        self.dropout = nn.Dropout2d(DROPOUT)
        self.head = nn.Conv2d(width, num_classes, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        nn.init.zeros_(self.ham_in.get_parameter("bias"))

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Map features, the finest first, to logits (B, num_classes, H, W) of the finest's size."""
        size = features[0].shape[2:]
        joined = [F.interpolate(x, size=size, mode="bilinear", align_corners=False) for x in features]
        x = F.relu(self.squeeze(torch.cat(joined, dim=1)))
        y = self.decomposition(F.relu(self.ham_in(x)).flatten(2)).unflatten(2, size)
        x = F.relu(x + self.ham_out(y))
        return self.head(self.dropout(F.relu(self.align(x))))


def _conv_norm(in_channels: int, channels: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(in_channels, channels, 1, bias=False), BatchNorm(channels, eps=NORM_EPS))


def _update(factor: Tensor, x: Tensor, other: Tensor) -> Tensor:
    """Step towards ``factor @ other.mT == x``: Lee and Seung's multiplicative update."""
    return factor * (x @ other) / (factor @ (other.mT @ other) + EPS)
