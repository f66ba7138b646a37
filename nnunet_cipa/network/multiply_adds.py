"""Multiply-adds of a network, counted without computing anything."""

import copy
import math
from collections.abc import Sequence

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from nnunet_cipa.ops import scan_op  # noqa: F401 - registers the operator that is counted


def count_multiply_adds(network: nn.Module, shape: Sequence[int]) -> float:
    """Count the multiply-adds of a prediction.

    Parameters
    ----------
    network : nn.Module
        Stays as it is.
    shape : sequence of int
        Of the input.

    Returns
    -------
    float
        Those of convolutions and matrix products as ``torch.utils.flop_counter`` counts them, on tensors without
        content. The selective scan is counted by its recurrence: four for each position, channel and state, two more
        for each position and channel. Norms and activations are not counted.
    """
    formulas = {torch.ops.nnunet_cipa.selective_scan: _scan_operations}
    with torch.inference_mode(), FlopCounterMode(display=False, custom_mapping=formulas) as counter:
        copy.deepcopy(network).to("meta").eval()(torch.empty(*shape, device="meta"))
    return counter.get_total_flops() / 2


def _scan_operations(
    u: tuple[int, ...], _delta: tuple[int, ...], A: tuple[int, ...], *_others: object, **_named: object
) -> int:
    """Additions and multiplications of a scan with u (b, d, l) and A (d, n), from its shapes."""
    return 2 * math.prod(u) * (4 * A[-1] + 2)
