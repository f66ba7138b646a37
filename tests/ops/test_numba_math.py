"""Error bounds of the vector functions, over the whole range of float32."""

from collections.abc import Callable

import numpy as np
import pytest

from nnunet_cipa.ops.numba.compile import compile_function
from nnunet_cipa.ops.numba.kernels import math as numba_math
from nnunet_cipa.ops.numba.kernels.lanes import load, store

SMALLEST_NORMAL = np.finfo(np.float32).tiny


def evaluate(function: Callable[..., object], x: np.ndarray) -> np.ndarray:
    @compile_function
    def apply(source, target):
        for i in range(0, source.size, 16):
            store(target, (i,), function(load(source, (i,))))

    padded = np.pad(x, (0, -x.size % 16))
    result = np.empty_like(padded)
    apply(padded, result)
    return result[: x.size].astype(np.float64)


@pytest.fixture(scope="module")
def positive() -> np.ndarray:
    """One in 499 of all finite positive float32 numbers, subnormal ones too: four million."""
    return np.arange(0, 0x7F800000, 499, dtype=np.int32).view(np.float32)


def relative_error(found: np.ndarray, exact: np.ndarray) -> float:
    """Largest error where the exact value is a normal float32; elsewhere both must be next to nothing."""
    normal = np.abs(exact) >= 2 * SMALLEST_NORMAL
    assert np.abs(found[~normal]).max(initial=0) <= 4 * SMALLEST_NORMAL
    return float(np.max(np.abs(found[normal] / exact[normal] - 1)))


@pytest.mark.parametrize("function", [numba_math.exp2, numba_math.exp2_decay])
def test_exp2_of_negative_numbers(function: Callable[..., object], positive: np.ndarray) -> None:
    x = -positive
    assert relative_error(evaluate(function, x), np.exp2(x.astype(np.float64))) < 2.5e-7


def test_exp2_of_positive_numbers(positive: np.ndarray) -> None:
    x = positive[positive <= 127.4]
    assert relative_error(evaluate(numba_math.exp2, x), np.exp2(x.astype(np.float64))) < 2.5e-7
    assert np.all(np.isinf(evaluate(numba_math.exp2, positive[positive > 128])))


def test_exp2_is_exactly_one_at_zero() -> None:
    x = np.array([0, -0.0, -1e-9, -1e-30], np.float32)
    assert np.all(evaluate(numba_math.exp2_decay, x) == 1)


def test_softplus(positive: np.ndarray) -> None:
    for x in (positive, -positive):
        wide = x.astype(np.float64)
        exact = np.maximum(wide, 0) + np.log1p(np.exp(-np.abs(wide)))
        assert relative_error(evaluate(numba_math.softplus, x), exact) < 4e-7


def test_sigmoid(positive: np.ndarray) -> None:
    for x in (positive, -positive):
        wide = x.astype(np.float64)
        e = np.exp(-np.abs(wide))
        exact = np.where(wide < 0, e, 1) / (1 + e)
        assert relative_error(evaluate(numba_math.sigmoid, x), exact) < 4e-7


@pytest.mark.parametrize(
    ("function", "at_nan_minus_plus_infinity"),
    [
        (numba_math.exp2, (np.nan, 0, np.inf)),
        (numba_math.exp2_decay, (np.nan, 0, None)),
        (numba_math.softplus, (np.nan, 0, np.inf)),
        (numba_math.sigmoid, (np.nan, 0, 1)),
    ],
)
def test_values_that_are_no_numbers(
    function: Callable[..., object], at_nan_minus_plus_infinity: tuple[float | None, ...]
) -> None:
    found = evaluate(function, np.array([np.nan, -np.inf, np.inf], np.float32))
    for value, expected in zip(found, at_nan_minus_plus_infinity, strict=True):
        if expected is not None:
            np.testing.assert_equal(value, expected)
