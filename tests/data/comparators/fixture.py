"""The fixed weights behind the comparators' .npz files: the recipe of ../fixture.py, and names that it does not know.

The originals were given ``reference_input(seed, 256)`` of ../fixture.py, CT then PET, in eval mode; the seed is 1, or
10 for GeminiFusion, TokenFusion and CEN. Features are channels first.
"""

import zlib
from pathlib import Path

import numpy as np

from tests.data import fixture

HERE = Path(__file__).parent
SMALL_SCALES = ("AsymFormer", "DFormer")  # whose branches are weighed by about 0.3


def load_shapes(network):
    """Tensor name -> (shape, dtype name), in the order of the original state dict."""
    return fixture.load_shapes(HERE / f"{network}_state_dict.tsv")


def reference_weights(network, shapes=None):
    """Tensor name -> array, the same on every machine; ``shapes`` goes before those of ``load_shapes``."""
    shapes = shapes or load_shapes(network)
    weights = fixture.reference_weights(shapes)
    for name, (shape, _) in shapes.items():
        x = np.random.RandomState(zlib.crc32(name.encode())).standard_normal(shape).astype(np.float32)
        if ".A_log_" in name:
            x = np.log(np.arange(1, shape[1] + 1, dtype=np.float32))[None] + 0.1 * x
        elif network in SMALL_SCALES and (".layer_scale_" in name or name.endswith("gamma")):
            x = 0.3 + 0.1 * x
        elif ".D_" in name or ".layer_scale_" in name:
            x = 1 + 0.1 * x
        elif name.endswith(("relative_position_bias_table", "position_embeddings")):
            x = 0.5 * x
        elif network == "CEN" and ".bn2.bn_" in name and name.endswith("weight"):
            scale = weights[name]  # some small, some below zero, or no channel is exchanged
            x = np.where(scale < 0.93, np.float32(0.01) * scale, np.where(scale > 1.1, -scale, scale))
        elif ".score_nets." in name and ".7." in name:
            x = 12 * weights[name]  # or no score is low enough for anything to be exchanged
        elif ".dt_proj_" in name and name.endswith("bias"):
            x = -4.6 + 0.5 * x
        elif ".cross_attn.kv" in name:
            x = 0.1 * x / np.sqrt(shape[1])  # or the softmax of a context saturates
        else:
            continue
        weights[name] = np.ascontiguousarray(x.astype(np.float32))
    return weights
