"""Arguments that do not fit are refused in one line that says what was found and what is wanted."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.ops import selective_scan

WRONG = {
    "u": (torch.randn(8, 33), "(8, 33)"),
    "delta": (torch.randn(2, 8, 32), "(2, 8, 32); it must be (2, 8, 33)"),
    "A": (-torch.rand(7, 3), "(7, 3)"),
    "B": (torch.randn(2, 3, 3, 33), "(2, 3, 3, 33)"),
    "C": (torch.randn(2, 33, 3), "(2, 33, 3)"),
    "D": (torch.randn(3), "(3,); it must be (8,)"),
    "z": (torch.randn(2, 8, 1), "(2, 8, 1)"),
    "delta_bias": (torch.randn(1), "(1,); it must be (8,)"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_shapes(make_inputs: Callable[..., dict[str, Tensor]], name: str) -> None:
    tensor, shown = WRONG[name]
    with pytest.raises(CIPAError) as error:
        selective_scan(**make_inputs(dtype=torch.float32) | {name: tensor})
    message = str(error.value)
    assert f"{name} has shape" in message
    assert shown in message
    assert "\n" not in message


@pytest.mark.parametrize("dtype", [torch.complex64, torch.int64])
def test_complex_and_integer_tensors(make_inputs: Callable[..., dict[str, Tensor]], dtype: torch.dtype) -> None:
    inputs = make_inputs()
    inputs["A"] = inputs["A"].detach().to(dtype)
    with pytest.raises(CIPAError, match=rf"A is {dtype}; it must be a real floating-point tensor"):
        selective_scan(**inputs)


def test_tensors_on_several_devices(make_inputs: Callable[..., dict[str, Tensor]]) -> None:
    with pytest.raises(CIPAError, match="D is on meta but u on cpu"):
        selective_scan(**make_inputs() | {"D": torch.empty(8, device="meta")})


def test_groups_without_common_measure(make_inputs: Callable[..., dict[str, Tensor]]) -> None:
    inputs = make_inputs(channels=6, groups=2) | {"C": torch.randn(2, 3, 3, 33)}
    with pytest.raises(CIPAError, match=r"B has shape \(2, 2, 3, 33\) and C \(2, 3, 3, 33\)"):
        selective_scan(**inputs)


def test_no_states() -> None:
    x = torch.randn(1, 2, 5)
    with pytest.raises(CIPAError, match=r"A has shape \(2, 0\)"):
        selective_scan(x, x, torch.empty(2, 0), torch.empty(2, 0), torch.empty(2, 0))
