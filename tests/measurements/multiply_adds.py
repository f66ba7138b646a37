"""Multiply-adds of the comparators for a slice of 512 x 512, by two counters, in 10^9.

``pip install fvcore``, then, with the names of some or none:
``NNUNET_CIPA_SCAN_BACKEND=torch TIMM_FUSED_ATTN=0 python -m tests.measurements.multiply_adds [NAME ...]``.
The count of fvcore, which has norms and interpolations and lacks scans, is followed by its parts and by that of
``bench network``.
"""

import logging
import math
import sys
import warnings

import torch
from fvcore.nn import FlopCountAnalysis
from fvcore.nn.jit_handles import get_shape

from nnunet_cipa.network import comparators
from nnunet_cipa.network.multiply_adds import count_multiply_adds

SIDE = 512


def product(inputs: list, outputs: list) -> int:
    """Count a matrix product: fvcore's own count takes no vector as a factor."""
    return math.prod(get_shape(outputs[0])) * get_shape(inputs[0])[-1]


def attention(inputs: list, outputs: list) -> int:
    """Count both products of an attention in one operator, which fvcore leaves out."""
    queries, keys = get_shape(inputs[0]), get_shape(inputs[1])
    return math.prod(queries) * keys[-2] + math.prod(get_shape(outputs[0])) * keys[-2]


@torch.no_grad()
def main(names: list[str]) -> None:
    logging.getLogger("fvcore").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    for name in names or comparators.names():
        network = comparators.build(name, 2, 2, patch_size=(SIDE, SIDE)).eval()
        found = FlopCountAnalysis(network, torch.zeros(1, 2, SIDE, SIDE))
        found.set_op_handle("aten::matmul", product, "aten::scaled_dot_product_attention", attention)
        found.unsupported_ops_warnings(enabled=False).uncalled_modules_warnings(enabled=False)
        ours = count_multiply_adds(network, (1, 2, SIDE, SIDE))
        parts = ", ".join(f"{kind} {count / 1e9:.2f}" for kind, count in found.by_operator().most_common())
        print(f"{name}: fvcore {found.total() / 1e9:.2f} ({parts}); bench network {ours / 1e9:.2f}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
