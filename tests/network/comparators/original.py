"""Networks with the fixed weights of their original, and what they give for the fixed input."""

import numpy as np
import torch

from nnunet_cipa.network import comparators
from tests.data.comparators.fixture import HERE, reference_weights
from tests.data.fixture import reference_input


def read_fixture(original):
    """Return what the original gave, by name."""
    with np.load(HERE / f"{original}_fixture.npz") as file:
        return dict(file)


def build(name, original):
    """Build a network with the fixed weights, every one of which has a place, for one class and three channels."""
    network = comparators.build(name, 2, 1, patch_size=(256, 256), slices=3).eval()
    comparators.load_original(network, {k: torch.from_numpy(v) for k, v in reference_weights(original).items()})
    return network


def run(network, hooked, seed=1):
    """Return the logits (H, W), and by hand of ``hooked``, module -> names of its inputs and outputs, what passes."""
    found, hooks = {}, []

    def keep(names):
        def hook(module, inputs, outputs):
            outputs = outputs if isinstance(outputs, tuple) else (outputs,)
            found.update(zip(names, (*inputs, *outputs), strict=True))

        return hook

    hooks = [module.register_forward_hook(keep(names)) for module, names in hooked.items()]
    dtype = next(network.parameters()).dtype
    with torch.no_grad():
        pair = torch.cat([torch.from_numpy(image) for image in reference_input(seed, 256)], dim=1)
        logits = network(pair.to(dtype))[0, 0]
    for hook in hooks:
        hook.remove()
    return logits, found


def run_rectified(network):
    """Return logits and features of CMX or CMNeXt by the fixture's names, with the fixture's pixels."""
    hooked = {network.decoder.fuse: ("joined", "head")}
    for stage, (rectify, fuse) in enumerate(zip(network.rectifications, network.fusions, strict=True)):
        rectified = (f"frm{stage}_ct", f"frm{stage}_pet")
        hooked[rectify] = (f"enc{stage}_ct", f"enc{stage}_pet", *rectified)
        hooked[fuse] = (*rectified, f"fused{stage}")
    logits, found = run(network, hooked)
    steps = {"enc0": 4, "frm0": 4, "fused0": 4, "head": 4, "enc1": 2, "frm1": 2, "fused1": 2}
    picked = {name: feature[0, :8, :: steps.get(name.split("_")[0], 1)] for name, feature in found.items()}
    picked = {name: feature[..., :: steps.get(name.split("_")[0], 1)] for name, feature in picked.items()}
    return {"logits": logits[2::4, 2::4], **picked}
