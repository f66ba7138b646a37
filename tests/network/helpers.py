"""What several tests of the network need."""

import numpy as np
import torch

from nnunet_cipa.network import VARIANTS, Variant
from nnunet_cipa.network.comparators.ensemble import TrainingOutput

MICRO = Variant(16, (1, 1, 2, 1), decoder_depth=1, d_state=3, decoder_d_state=2, crm_width=12)

# Wide enough that at stride 32 there are two regions: a scan of one token does not depend on A.
WIDE = {2: (32, 96), 4: (32, 160), 8: (32, 288)}


def add_micro(monkeypatch):
    """Make the variant "micro" known for one test: small enough for loops over pixels in Python."""
    monkeypatch.setitem(VARIANTS, "micro", MICRO)


@torch.no_grad()
def randomise(module, seed=0):
    """Move every parameter and running statistic away from its initial value, so that each one counts."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():
        parameter.add_(0.2 * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype))
    for name, buffer in module.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            buffer.add_(0.5 * torch.rand(buffer.shape, generator=generator, dtype=buffer.dtype))
    return module


def arrays(module):
    """Return the state of a module as NumPy arrays by name."""
    return {name: tensor.detach().numpy() for name, tensor in module.state_dict().items()}


def image(*shape, seed=0, dtype=torch.float64):
    """Return normally distributed values."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def assert_close(actual, expected, relative):
    """Assert that the L2 norm of the difference is below ``relative`` times that of ``expected``."""
    actual, expected = (np.asarray(x, dtype=np.float64) for x in (actual, expected))
    assert actual.shape == expected.shape
    error = np.linalg.norm(actual - expected) / np.linalg.norm(expected)
    assert error < relative, f"relative difference {error:.2e}"


def gradients(network, batch):
    """Return each parameter's gradient of a loss that every logit has a part in."""
    channels = 2 * network.slices
    output = network(image(batch, channels, *network.patch_size, dtype=torch.float32))
    target = image(batch, 2, *network.patch_size, seed=1, dtype=torch.float32)
    for logits in output.logits if isinstance(output, TrainingOutput) else (output,):
        assert logits.shape == target.shape
        assert logits.isfinite().all()
        (logits - target).square().mean().backward(retain_graph=True)
    return {name: parameter.grad for name, parameter in network.named_parameters() if parameter.requires_grad}


def assert_all_take_part(found):
    """Assert that every gradient is there, finite and not zero."""
    assert [name for name, gradient in found.items() if gradient is None] == []
    assert [name for name, gradient in found.items() if not gradient.isfinite().all()] == []
    assert [name for name, gradient in found.items() if not gradient.any()] == []
