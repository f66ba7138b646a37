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

from nnunet_cipa.ops.numba.layout import LANES

VECTOR = ir.VectorType(ir.FloatType(), LANES)
_INTEGERS = ir.VectorType(ir.IntType(32), LANES)
INDEX = ir.IntType(32)
_BYTES = ir.IntType(8).as_pointer()
_FUSED = ("contract",)

# Not typed: a kernel's call has no typing context, which the definition takes first.
intrinsic: Any = numba.extending.intrinsic

Typed = tuple[Any, Callable[..., Any]] | None


class _LanesType(types.Type):
    """Numba's type of the sixteen lanes."""

    def __init__(self) -> None:
        super().__init__(name="Lanes")


lanes = _LanesType()


@register_model(_LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, VECTOR)


def _define_operator(symbol: Callable[..., Any], instruction: str) -> None:
    @intrinsic
    def apply(typing_context: Any, a: Any, b: Any) -> Typed:
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
def splat(typing_context: Any, value: Any) -> Typed:
    """Make lanes that all hold one float32."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _splat(builder, arguments[0])

    return lanes(types.float32), generate


@intrinsic
def load(typing_context: Any, array: Any, index: Any) -> Typed:
    """Read array[index] to array[index + 15], along the last axis; the index is a tuple and is not checked."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        position = cgutils.unpack_tuple(builder, arguments[1])
        return builder.load(vector_at(context, builder, signature.args[0], arguments[0], position), align=4)

    return lanes(array, index), generate


@intrinsic
def store(typing_context: Any, array: Any, index: Any, value: Any) -> Typed:
    """Write what ``load`` with the same index would read."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        position = cgutils.unpack_tuple(builder, arguments[1])
        pointer = vector_at(context, builder, signature.args[0], arguments[0], position)
        builder.store(arguments[2], pointer, align=4)
        return context.get_dummy_value()

    return types.void(array, index, lanes), generate


@intrinsic
def prefetch(typing_context: Any, array: Any, index: Any) -> Typed:
    """Start to fetch what ``load`` with the same index would read; the index may lie outside the array."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        position = cgutils.unpack_tuple(builder, arguments[1])
        pointer = builder.bitcast(element_at(context, builder, signature.args[0], arguments[0], position), _BYTES)
        kind = ir.FunctionType(ir.VoidType(), [_BYTES, INDEX, INDEX, INDEX])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        builder.call(function, [pointer, INDEX(0), INDEX(3), INDEX(1)])  # to read, into the first-level cache, data
        return context.get_dummy_value()

    return types.void(array, index), generate


@intrinsic
def spread_one(typing_context: Any, array: Any, index: Any) -> Typed:
    """Make lanes that all hold array[index]; the index is a tuple and is not checked."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        position = cgutils.unpack_tuple(builder, arguments[1])
        return _splat(builder, builder.load(element_at(context, builder, signature.args[0], arguments[0], position)))

    return lanes(array, index), generate


@intrinsic
def at_least(typing_context: Any, value: Any, bound: Any) -> Typed:
    """Raise lanes that are below a float32 bound to it; NaN stays."""
    return _bounded("<")


@intrinsic
def at_most(typing_context: Any, value: Any, bound: Any) -> Typed:
    """Lower lanes that are above a float32 bound to it; NaN stays."""
    return _bounded(">")


@intrinsic
def where_negative(typing_context: Any, condition: Any, negative: Any, otherwise: Any) -> Typed:
    """Take one value where the condition is below 0, the other elsewhere."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        is_negative = builder.fcmp_ordered("<", arguments[0], ir.Constant(VECTOR, [0.0] * LANES))
        return builder.select(is_negative, arguments[1], arguments[2])

    return lanes(lanes, lanes, lanes), generate


@intrinsic
def power_of_two(typing_context: Any, bits: Any, bias: Any) -> Typed:
    """Make the float32 whose exponent field is the lanes' own bits plus an int32 bias."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        integers = builder.bitcast(arguments[0], _INTEGERS)
        exponent = builder.add(integers, _splat(builder, arguments[1]))
        return builder.bitcast(builder.shl(exponent, ir.Constant(_INTEGERS, [23] * LANES)), VECTOR)

    return lanes(lanes, types.int32), generate


@intrinsic
def scale_by_power(typing_context: Any, value: Any, bits: Any) -> Typed:
    """Add the low bits of one value to the exponent field of another, which must stay a normal number."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        number, power = (builder.bitcast(argument, _INTEGERS) for argument in arguments)
        exponent = builder.shl(power, ir.Constant(_INTEGERS, [23] * LANES))
        return builder.bitcast(builder.add(number, exponent), VECTOR)

    return lanes(lanes, lanes), generate


def _bounded(comparison: str) -> Typed:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        bound = _splat(builder, arguments[1])
        return builder.select(builder.fcmp_ordered(comparison, arguments[0], bound), bound, arguments[0])

    return lanes(lanes, types.float32), generate


def _splat(builder: Any, value: Any) -> Any:
    vector = builder.insert_element(ir.Constant(ir.VectorType(value.type, LANES), ir.Undefined), value, INDEX(0))
    return shuffle(builder, vector, [0] * LANES)


def shuffle(builder: Any, vector: Any, order: Iterable[int], other: Any = None) -> Any:
    """Generate a choice of lanes from one or two vectors."""
    return builder.shuffle_vector(vector, vector if other is None else other, constants(order))


def constants(values: Iterable[int]) -> Any:
    """Make a vector of constant int32."""
    listed = list(values)
    return ir.Constant(ir.VectorType(INDEX, len(listed)), listed)


def element_at(context: Any, builder: Any, array_type: Any, value: Any, position: list[Any]) -> Any:
    """Generate a pointer to an element of an array."""
    array = context.make_array(array_type)(context, builder, value)
    return cgutils.get_item_pointer(context, builder, array_type, array, position, wraparound=False)


def vector_at(context: Any, builder: Any, array_type: Any, value: Any, position: list[Any]) -> Any:
    """Generate a pointer to sixteen elements of an array, from a position on along its last axis."""
    return builder.bitcast(element_at(context, builder, array_type, value, position), VECTOR.as_pointer())
