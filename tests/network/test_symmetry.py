"""What a scan in four directions keeps when the image is transposed or turned."""

import pytest
import torch

from nnunet_cipa.network.layers.ss2d import SS2D
from tests.network.helpers import assert_close, image, randomise

DIRECTION_PARAMETERS = ("x_proj_weight", "dt_projs_weight", "dt_projs_bias", "A_logs", "Ds")


@torch.no_grad()
def with_directions(module, order, turn_kernel):
    """Copy a module with its four directions in another order and its convolution's kernel turned."""
    turned = SS2D(12, 3).double()
    state = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    for name in DIRECTION_PARAMETERS:
        tensor = state[f"ssm.{name}"]
        by_direction = tensor if name.endswith(("weight", "bias")) else tensor.unflatten(0, (4, -1))
        state[f"ssm.{name}"] = by_direction[order].reshape(tensor.shape)
    state["conv.weight"] = turn_kernel(state["conv.weight"])
    turned.load_state_dict(state)
    return turned


@torch.no_grad()
@pytest.mark.parametrize(
    ("order", "turn_image", "turn_kernel"),
    [
        ([1, 0, 3, 2], lambda x: x.transpose(1, 2), lambda k: k.transpose(2, 3)),
        ([2, 3, 0, 1], lambda x: x.flip(1, 2), lambda k: k.flip(2, 3)),
        ([3, 2, 1, 0], lambda x: x.transpose(1, 2).flip(1, 2), lambda k: k.transpose(2, 3).flip(2, 3)),
    ],
    ids=["transposed", "turned by 180 degrees", "transposed the other way"],
)
def test_ss2d(order, turn_image, turn_kernel):
    module = randomise(SS2D(12, 3).double())
    x = image(2, 5, 7, 12)
    turned = with_directions(module, order, turn_kernel)
    assert_close(turned(turn_image(x)), turn_image(module(x)), 1e-12)
    assert (module(turn_image(x)) - turn_image(module(x))).abs().max() > 1e-3
