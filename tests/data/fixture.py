"""The fixed weights and input behind cipa_tiny_fixture.npz.

reference_weights(shapes) fills every tensor of cipa_tiny_state_dict.tsv by a recipe that depends on its name alone;
reference_input(seed) makes a CT and a PET image. The .npz holds, for seed 1 and the authors' network in eval mode:
logits (64, 64), every 8th pixel from 4 of the one-class output; f0..f3, the fused features that go into the decoder,
channels 0..7, and every 4th pixel for f0 and f1.
"""

import zlib
from pathlib import Path

import numpy as np


def load_shapes(path=Path(__file__).with_name("cipa_tiny_state_dict.tsv")):
    """Tensor name -> (shape, dtype name), in the order of the released state dict."""
    shapes = {}
    for line in path.read_text().splitlines():
        name, shape, dtype = line.split("\t")
        shapes[name] = (tuple(int(n) for n in shape.strip("()").split(",") if n.strip()), dtype)
    return shapes


def reference_weights(shapes):
    """Tensor name -> float32 array (int64 zero for num_batches_tracked), the same on every machine."""
    weights = {}
    for name, (shape, _) in shapes.items():
        if name.endswith("num_batches_tracked"):
            weights[name] = np.zeros((), np.int64)
            continue
        x = np.random.RandomState(zlib.crc32(name.encode())).standard_normal(shape).astype(np.float32)
        if name.endswith("running_var"):
            x = 1 + 0.1 * np.abs(x)
        elif name.endswith("running_mean"):
            x = 0.1 * x
        elif name.endswith("A_logs"):
            x = np.log(np.arange(1, shape[1] + 1, dtype=np.float32))[None] + 0.1 * x
        elif name.endswith("dt_projs_bias"):
            x = -4.6 + 0.5 * x
        elif name.endswith("Ds") or ".scale" in name or (len(shape) == 1 and name.endswith("weight")):
            x = 1 + 0.1 * x
        elif name.endswith("bias"):
            x = 0.1 * x
        else:
            per_input = name.endswith(("x_proj_weight", "dt_projs_weight"))
            x = x / np.sqrt(shape[-1] if per_input else int(np.prod(shape[1:])))
        weights[name] = np.ascontiguousarray(x.astype(np.float32))
    return weights


def reference_input(seed=1, size=512):
    """(ct, pet), each (1, 3, size, size) float32 and smooth: uniform noise under a 9 x 9 mean filter, times 4."""
    rng = np.random.RandomState(seed)
    noise = [rng.uniform(-1.6, 1.6, (1, 3, size, size)).astype(np.float32) for _ in range(2)]

    def smooth(image):
        padded = np.pad(image.astype(np.float64), ((0, 0), (0, 0), (5, 4), (5, 4)))
        s = padded.cumsum(2).cumsum(3)
        box = s[..., 9:, 9:] - s[..., :-9, 9:] - s[..., 9:, :-9] + s[..., :-9, :-9]
        return (box / 81 * 4).astype(np.float32)

    return smooth(noise[0]), smooth(noise[1])
