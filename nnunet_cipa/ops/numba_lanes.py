"""Sixteen float32 lanes as one value in numba kernels: an AVX-512 register, or what the processor has in its place.

Left to itself the compiler makes vector code of one loop and not of the next. With a type of its own the vector code
is written down: ``h = decay * h + drive * load(B, t, part)`` is three instructions. Values of the type live inside a
kernel only. Its operators may be fused into multiply-adds, but never reordered, and NaN stays NaN.
"""

# ruff: noqa: ARG001 - numba prescribes the arguments of what it calls while it types and lowers

import operator
from collections.abc import Callable, Iterable
from typing import Any

import numba.extending
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import models, overload, register_model

from nnunet_cipa.ops.numba_layout import LANES

_VECTOR = ir.VectorType(ir.FloatType(), LANES)
_INTEGERS = ir.VectorType(ir.IntType(32), LANES)
_INDEX = ir.IntType(32)
_FUSED = ("contract",)

# Not typed: a kernel's call has no typing context, which the definition takes first.
intrinsic: Any = numba.extending.intrinsic

_Typed = tuple[Any, Callable[..., Any]] | None


class _LanesType(types.Type):
    """Numba's type of the sixteen lanes."""

    def __init__(self) -> None:
        super().__init__(name="Lanes")


lanes = _LanesType()


@register_model(_LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _VECTOR)


def _define_operator(symbol: Callable[..., Any], instruction: str) -> None:
    @intrinsic
    def apply(typing_context: Any, a: Any, b: Any) -> _Typed:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            pair = zip(arguments, signature.args, strict=True)
            a, b = (value if kind == lanes else _splat(builder, value) for value, kind in pair)
            return getattr(builder, instruction)(a, b, flags=_FUSED)

        return lanes(a, b), generate

    @overload(symbol)
    def _(a: Any, b: Any) -> Callable[..., Any] | None:
        def implementation(a: Any, b: Any) -> Any:
            return apply(a, b)

        return implementation if lanes in {a, b} and {a, b} <= {lanes, types.float32} else None


for _symbol, _instruction in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):
    _define_operator(_symbol, _instruction)


@intrinsic
def splat(typing_context: Any, value: Any) -> _Typed:
    """Make lanes that all hold one float32."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _splat(builder, arguments[0])

    return lanes(types.float32), generate


@intrinsic
def load(typing_context: Any, array: Any, index: Any) -> _Typed:
    """Read array[index] to array[index + 15], along the last axis; the index is a tuple and is not checked."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        position = cgutils.unpack_tuple(builder, arguments[1])
        return builder.load(_vector_at(context, builder, signature.args[0], arguments[0], position), align=4)

    return lanes(array, index), generate


@intrinsic
def store(typing_context: Any, array: Any, index: Any, value: Any) -> _Typed:
    """Write what ``load`` with the same index would read."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        position = cgutils.unpack_tuple(builder, arguments[1])
        pointer = _vector_at(context, builder, signature.args[0], arguments[0], position)
        builder.store(arguments[2], pointer, align=4)
        return context.get_dummy_value()

    return types.void(array, index, lanes), generate


@intrinsic
def spread_one(typing_context: Any, array: Any, index: Any) -> _Typed:
    """Make lanes that all hold array[index]; the index is a tuple and is not checked."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        position = cgutils.unpack_tuple(builder, arguments[1])
        return _splat(builder, builder.load(_element(context, builder, signature.args[0], arguments[0], position)))

    return lanes(array, index), generate


@intrinsic(prefer_literal=True)
def spread(typing_context: Any, rows: Any, t: Any, width: Any) -> _Typed:
    """Make lanes j = rows[j // width, t]: a channel's value to each of its states; width is a constant."""
    if not isinstance(width, types.IntegerLiteral):
        return None
    size = width.literal_value

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector = ir.Constant(_VECTOR, ir.Undefined)
        for channel in range(LANES // size):
            position = [ir.Constant(arguments[1].type, channel), arguments[1]]
            value = builder.load(_element(context, builder, signature.args[0], arguments[0], position))
            vector = builder.insert_element(vector, value, _INDEX(channel))
        return _shuffle(builder, vector, (j // size for j in range(LANES)))

    return lanes(rows, t, width), generate


@intrinsic(prefer_literal=True)
def fold(typing_context: Any, terms: Any, t: Any, rows: Any, width: Any) -> _Typed:
    """Add a channel's terms, summed over its states, to its row, for ``width`` steps from t on; width is a constant.

    terms: (steps, 16). rows: (16 / width, steps); rows[c, t + i] += sum over j of terms[t + i, c * width + j].
    """
    if not isinstance(width, types.IntegerLiteral):
        return None
    size = width.literal_value

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        step = arguments[1]
        times = [builder.add(step, ir.Constant(step.type, i)) for i in range(size)]
        first = ir.Constant(step.type, 0)
        at = (_vector_at(context, builder, signature.args[0], arguments[0], [time, first]) for time in times)
        vectors = [builder.load(pointer, align=4) for pointer in at]
        # Each round halves the vectors: lanes whose bit is 0 go on with the even one's sums, the others with the odd's.
        bit = 1
        while len(vectors) > 1:
            kept = [j + LANES * bool(j & bit) for j in range(LANES)]
            added = [(j ^ bit) + LANES * bool(j & bit) for j in range(LANES)]
            vectors = [
                builder.fadd(_shuffle(builder, even, kept, odd), _shuffle(builder, even, added, odd))
                for even, odd in zip(vectors[::2], vectors[1::2], strict=True)
            ]
            bit *= 2
        for channel in range(LANES // size):
            order = range(channel * size, (channel + 1) * size)
            sums = builder.shuffle_vector(vectors[0], vectors[0], _constants(order))
            position = [ir.Constant(step.type, channel), step]
            pointer = _element(context, builder, signature.args[2], arguments[2], position)
            pointer = builder.bitcast(pointer, sums.type.as_pointer())
            builder.store(builder.fadd(builder.load(pointer, align=4), sums), pointer, align=4)
        return context.get_dummy_value()

    return types.void(terms, t, rows, width), generate


@intrinsic
def transpose(typing_context: Any, chunk: Any, t: Any, columns: Any) -> _Typed:
    """Turn sixteen rows of sixteen: columns[c, t + i] = chunk[t + i, c], for chunk (steps, 16), columns (16, steps)."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        step = arguments[1]
        first = ir.Constant(step.type, 0)
        vectors = []
        for i in range(LANES):
            position = [builder.add(step, ir.Constant(step.type, i)), first]
            vectors.append(builder.load(_vector_at(context, builder, signature.args[0], arguments[0], position), align=4))
        # Each round swaps the two halves off the diagonal in blocks of twice the size of the round before.
        for bit in (1, 2, 4, 8):
            upper = [j if not j & bit else LANES + (j ^ bit) for j in range(LANES)]
            lower = [(j | bit) if not j & bit else LANES + j for j in range(LANES)]
            for i in (i for i in range(LANES) if not i & bit):
                pair = vectors[i], vectors[i | bit]
                vectors[i] = _shuffle(builder, pair[0], upper, pair[1])
                vectors[i | bit] = _shuffle(builder, pair[0], lower, pair[1])
        for c, vector in enumerate(vectors):
            position = [ir.Constant(step.type, c), step]
            builder.store(vector, _vector_at(context, builder, signature.args[2], arguments[2], position), align=4)
        return context.get_dummy_value()

    return types.void(chunk, t, columns), generate


@intrinsic
def at_least(typing_context: Any, value: Any, bound: Any) -> _Typed:
    """Raise lanes that are below a float32 bound to it; NaN stays."""
    return _bounded("<")


@intrinsic
def at_most(typing_context: Any, value: Any, bound: Any) -> _Typed:
    """Lower lanes that are above a float32 bound to it; NaN stays."""
    return _bounded(">")


@intrinsic
def where_negative(typing_context: Any, condition: Any, negative: Any, otherwise: Any) -> _Typed:
    """Take one value where the condition is below 0, the other elsewhere."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        is_negative = builder.fcmp_ordered("<", arguments[0], ir.Constant(_VECTOR, [0.0] * LANES))
        return builder.select(is_negative, arguments[1], arguments[2])

    return lanes(lanes, lanes, lanes), generate


@intrinsic
def zero_below(typing_context: Any, condition: Any, bound: Any, value: Any) -> _Typed:
    """Take 0 where the condition is below a float32 bound, the value elsewhere."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        below = builder.fcmp_ordered("<", arguments[0], _splat(builder, arguments[1]))
        return builder.select(below, ir.Constant(_VECTOR, [0.0] * LANES), arguments[2])

    return lanes(lanes, types.float32, lanes), generate


@intrinsic
def power_of_two(typing_context: Any, bits: Any, bias: Any) -> _Typed:
    """Make the float32 whose exponent field is the lanes' own bits plus an int32 bias."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        integers = builder.bitcast(arguments[0], _INTEGERS)
        exponent = builder.add(integers, _splat(builder, arguments[1]))
        return builder.bitcast(builder.shl(exponent, ir.Constant(_INTEGERS, [23] * LANES)), _VECTOR)

    return lanes(lanes, types.int32), generate


@intrinsic
def scale_by_power(typing_context: Any, value: Any, bits: Any) -> _Typed:
    """Add the low bits of one value to the exponent field of another, which must stay a normal number."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        number, power = (builder.bitcast(argument, _INTEGERS) for argument in arguments)
        exponent = builder.shl(power, ir.Constant(_INTEGERS, [23] * LANES))
        return builder.bitcast(builder.add(number, exponent), _VECTOR)

    return lanes(lanes, lanes), generate


def _bounded(comparison: str) -> _Typed:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        bound = _splat(builder, arguments[1])
        return builder.select(builder.fcmp_ordered(comparison, arguments[0], bound), bound, arguments[0])

    return lanes(lanes, types.float32), generate


def _splat(builder: Any, value: Any) -> Any:
    vector = builder.insert_element(ir.Constant(ir.VectorType(value.type, LANES), ir.Undefined), value, _INDEX(0))
    return _shuffle(builder, vector, [0] * LANES)


def _shuffle(builder: Any, vector: Any, order: Iterable[int], other: Any = None) -> Any:
    return builder.shuffle_vector(vector, vector if other is None else other, _constants(order))


def _constants(values: Iterable[int]) -> Any:
    listed = list(values)
    return ir.Constant(ir.VectorType(_INDEX, len(listed)), listed)


def _element(context: Any, builder: Any, array_type: Any, value: Any, position: list[Any]) -> Any:
    array = context.make_array(array_type)(context, builder, value)
    return cgutils.get_item_pointer(context, builder, array_type, array, position, wraparound=False)


def _vector_at(context: Any, builder: Any, array_type: Any, value: Any, position: list[Any]) -> Any:
    return builder.bitcast(_element(context, builder, array_type, value, position), _VECTOR.as_pointer())
