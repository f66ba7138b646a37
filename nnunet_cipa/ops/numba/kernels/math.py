"""exp, softplus and sigmoid of sixteen float32 lanes.

Polynomials are minimax fits in relative error; tests hold the bounds over the whole range.
"""

from typing import Any

import numpy as np

from nnunet_cipa.ops.numba.compile import compile_function
from nnunet_cipa.ops.numba.kernels.lanes import (
    at_least,
    at_most,
    power_of_two,
    scale_by_power,
    splat,
    where_negative,
)

_ROUND = np.float32(1.5 * 2**23)  # adding it leaves the rounded integer in the low bits of the sum
_BIAS = np.int32(127 - int(_ROUND.view(np.int32)))
_LOG2_E = np.float32(1.4426950408889634)
_LN2_HIGH = np.float32(0.693359375)  # ten bits, so that its multiples by an exponent are exact
_LN2_LOW = np.float32(np.log(2) - 0.693359375)
_ZERO, _ONE = np.float32(0), np.float32(1)
_LOWEST, _HIGHEST = np.float32(-127), np.float32(128)  # the exponents that read as 0 and as infinity
_LOWEST_NATURAL = np.float32(-88.02)

_P1, _P2, _P3, _P4, _P5 = np.array(
    [0.6931469775987174, 0.24022242084635245, 0.05550733743572896, 0.009671512688148759, 0.001326472724750615],
    np.float32,
)
_E2, _E3, _E4, _E5, _E6 = np.array(
    [0.4999999417420069, 0.1666643033717747, 0.041668007421070345, 0.008374235969978812, 0.001384355987150148],
    np.float32,
)
_L1, _L2, _L3, _L4, _L5, _L6, _L7, _L8 = np.array(
    [
        -0.4999964796297544, 0.3332132260595644, -0.24857163567014534, 0.1915365453757746,
        -0.13753801475257982, 0.0792045252918543, -0.030065785955371113, 0.005364822744922176,
    ],
    np.float32,
)  # fmt: skip


@compile_function
def exp2_decay(x: Any) -> Any:
    """2^x for x <= 0 (or NaN); next to nothing below 2^-126, and 0 from 2^-127 on."""
    x = at_least(x, _LOWEST)
    rounded = x + _ROUND
    return scale_by_power(_exp2_fraction(x - (rounded - _ROUND)), rounded)


@compile_function
def exp2(x: Any) -> Any:
    """2^x for any x; 0 below 2^-126.5, infinite above 2^127.5."""
    x = at_most(at_least(x, _LOWEST), _HIGHEST)
    rounded = x + _ROUND
    return _exp2_fraction(x - (rounded - _ROUND)) * power_of_two(rounded, _BIAS)


@compile_function
def decay_of(x: Any, decaying: bool) -> Any:
    """2^x, by ``exp2_decay`` if x is known to be no more than 0; which one is decided when a kernel is compiled."""
    return exp2_decay(x) if decaying else exp2(x)


@compile_function
def _exp2_fraction(r: Any) -> Any:
    """2^r for -1/2 <= r <= 1/2; exactly 1 at 0: a bias there would grow with the sequence."""
    return ((((r * _P5 + _P4) * r + _P3) * r + _P2) * r + _P1) * r + _ONE


@compile_function
def softplus(x: Any) -> Any:
    """log(1 + exp(x)) as max(x, 0) + log1p(exp(-|x|)); a polynomial costs less than the division of a series."""
    e = _exp_of_minus_absolute(x)
    e2 = e * e
    low = (e * _L3 + _L2) * e2 + (e * _L1 + _ONE)
    high = (e * _L7 + _L6) * e2 + (e * _L5 + _L4)
    e4 = e2 * e2
    return at_least(x, _ZERO) + e * ((e4 * _L8 + high) * e4 + low)


@compile_function
def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)), the derivative of softplus."""
    e = _exp_of_minus_absolute(x)
    return where_negative(x, e, splat(_ONE)) / (e + _ONE)


@compile_function
def _exp_of_minus_absolute(x: Any) -> Any:
    """exp(-|x|), the argument reduced in two parts; 0 below 2^-126.5."""
    x = at_least(where_negative(x, x, splat(_ZERO) - x), _LOWEST_NATURAL)
    rounded = x * _LOG2_E + _ROUND
    integer = rounded - _ROUND
    r = (x - integer * _LN2_HIGH) - integer * _LN2_LOW
    r2 = r * r
    return ((r + _ONE) + r2 * ((r * _E3 + _E2) + r2 * ((r * _E6 + _E5) * r + _E4))) * power_of_two(rounded, _BIAS)
