"""Activation checkpointing: parts of the network that are computed again in the backward pass."""

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

Output = TypeVar("Output")


def keep_inputs(part: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
    """Return ``part(*inputs)``, of which the inputs alone are kept for the backward pass.

    It is for cheap steps, such as a norm, before a linear layer or a convolution, whose input would be kept beside
    theirs. Recomputing ends when that input is there again, so that the layer itself is not computed twice. A part
    must neither draw random numbers nor hold batch normalisation.
    """
    if torch.is_grad_enabled():
        return checkpoint(part, *inputs, use_reentrant=False, preserve_rng_state=False)
    return part(*inputs)


class Recomputing(nn.Module):
    """A module that can keep the input of a part of it instead of all that the part's backward pass needs.

    ``recompute`` switches it on. Outputs and gradients are the same, and so is what stochastic depth drops: random
    states are kept with the input. A part must not hold batch normalisation, which would count its batch twice.

    Source: Chen et al., Training Deep Nets with Sublinear Memory Cost, arXiv 1604.06174.
    """

    recompute = False

    def run(self, part: Callable[..., Output], *inputs: Tensor) -> Output:
        """Return ``part(*inputs)``."""
        if self.recompute and torch.is_grad_enabled():
            return checkpoint(part, *inputs, use_reentrant=False)
        return part(*inputs)
