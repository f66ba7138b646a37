from collections.abc import Callable

import pytest
import torch
from torch import Tensor

NAMES = ("u", "delta", "A", "B", "C", "D", "z", "delta_bias")


@pytest.fixture
def make_inputs() -> Callable[..., dict[str, Tensor]]:
    """Draw the arguments of a scan whose decays and step sizes are those of a trained network."""

    def make(
        batch: int = 2,
        channels: int = 8,
        length: int = 33,
        states: int = 3,
        groups: int | None = 2,
        *,
        constant: str = "",
        dtype: torch.dtype = torch.float64,
        seed: int = 0,
    ) -> dict[str, Tensor]:
        generator = torch.Generator().manual_seed(seed)

        def draw(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator, dtype=torch.float64)

        sequence = (batch, channels, length)
        varying = (batch, states, length) if groups is None else (batch, groups, states, length)
        inputs = {
            "u": draw(*sequence),
            "delta": draw(*sequence),
            "A": -draw(channels, states).abs() * states - 0.1,
            "B": draw(channels, states) if "B" in constant else draw(*varying),
            "C": draw(channels, states) if "C" in constant else draw(*varying),
            "D": draw(channels),
            "z": draw(*sequence),
            "delta_bias": draw(channels) - 1,
        }
        return {name: x.to(dtype).requires_grad_() for name, x in inputs.items()}

    return make


@pytest.fixture
def nan_in_fresh_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fill what torch allocates without a value with NaN, so that anything read before it is written shows.

    numpy.empty stays as it is: numba knows it by identity. The kernels' own buffers are poisoned in test_buffers.
    """

    def poison_torch(original: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def allocate(*args: object, **kwargs: object) -> Tensor:
            tensor = original(*args, **kwargs)
            return tensor.fill_(float("nan")) if tensor.is_floating_point() else tensor

        return allocate

    for name in ("empty", "empty_like"):
        monkeypatch.setattr(torch, name, poison_torch(getattr(torch, name)))
    monkeypatch.setattr(torch.Tensor, "new_empty", poison_torch(torch.Tensor.new_empty))
    assert torch.empty(3).isnan().all()
