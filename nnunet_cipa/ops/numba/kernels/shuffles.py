"""Sixteen lanes spread, summed and transposed: what moves values from lane to lane in numba kernels."""

# ruff: noqa: ARG001 - numba prescribes the arguments of what it calls while it types and lowers

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types

from nnunet_cipa.ops.numba.kernels.lanes import (
    INDEX,
    VECTOR,
    Typed,
    constants,
    element_at,
    intrinsic,
    lanes,
    shuffle,
    vector_at,
)
from nnunet_cipa.ops.numba.layout import LANES


@intrinsic(prefer_literal=True)
def spread(typing_context: Any, rows: Any, t: Any, width: Any) -> Typed:
    """Make lanes j = rows[j // width, t]: a channel's value to each of its states; width is a constant."""
    if not isinstance(width, types.IntegerLiteral):
        return None
    size = width.literal_value

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector = ir.Constant(VECTOR, ir.Undefined)
        for channel in range(LANES // size):
            position = [ir.Constant(arguments[1].type, channel), arguments[1]]
            value = builder.load(element_at(context, builder, signature.args[0], arguments[0], position))
            vector = builder.insert_element(vector, value, INDEX(channel))
        return shuffle(builder, vector, (j // size for j in range(LANES)))

    return lanes(rows, t, width), generate


@intrinsic(prefer_literal=True)
def merge(typing_context: Any, even: Any, odd: Any, bit: Any) -> Typed:
    """Add lanes whose numbers differ in a bit: those of even go where the bit is 0, those of odd where it is 1."""
    if not isinstance(bit, types.IntegerLiteral):
        return None

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _merge(builder, arguments[0], arguments[1], bit.literal_value)

    return lanes(even, odd, bit), generate


@intrinsic(prefer_literal=True)
def add_channels(typing_context: Any, sums: Any, rows: Any, t: Any, width: Any) -> Typed:
    """Add lanes to rows from t on, ``width`` to the row of each channel: rows[j // width, t + j % width] += sums[j]."""
    if not isinstance(width, types.IntegerLiteral):
        return None

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector, rows, step, _ = arguments
        _add_channels(context, builder, vector, (signature.args[1], rows, step), width.literal_value)
        return context.get_dummy_value()

    return types.void(sums, rows, t, width), generate


@intrinsic(prefer_literal=True)
def fold(typing_context: Any, terms: Any, t: Any, rows: Any, width: Any) -> Typed:
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
        at = (vector_at(context, builder, signature.args[0], arguments[0], [time, first]) for time in times)
        vectors = [builder.load(pointer, align=4) for pointer in at]
        # Each round halves the vectors: lanes whose bit is 0 go on with the even one's sums, the others with the odd's.
        bit = 1
        while len(vectors) > 1:
            pairs = zip(vectors[::2], vectors[1::2], strict=True)
            vectors = [_merge(builder, even, odd, bit) for even, odd in pairs]
            bit *= 2
        _add_channels(context, builder, vectors[0], (signature.args[2], arguments[2], step), size)
        return context.get_dummy_value()

    return types.void(terms, t, rows, width), generate


@intrinsic
def transpose(typing_context: Any, chunk: Any, t: Any, columns: Any) -> Typed:
    """Turn sixteen rows of sixteen: columns[c, t + i] = chunk[t + i, c], for chunk (steps, 16), columns (16, steps)."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        step = arguments[1]
        first = ir.Constant(step.type, 0)
        vectors = []
        for i in range(LANES):
            position = [builder.add(step, ir.Constant(step.type, i)), first]
            vectors.append(
                builder.load(vector_at(context, builder, signature.args[0], arguments[0], position), align=4)
            )
        # Each round swaps the two halves off the diagonal in blocks of twice the size of the round before.
        for bit in (1, 2, 4, 8):
            upper = [j if not j & bit else LANES + (j ^ bit) for j in range(LANES)]
            lower = [(j | bit) if not j & bit else LANES + j for j in range(LANES)]
            for i in (i for i in range(LANES) if not i & bit):
                pair = vectors[i], vectors[i | bit]
                vectors[i] = shuffle(builder, pair[0], upper, pair[1])
                vectors[i | bit] = shuffle(builder, pair[0], lower, pair[1])
        for c, vector in enumerate(vectors):
            position = [ir.Constant(step.type, c), step]
            builder.store(vector, vector_at(context, builder, signature.args[2], arguments[2], position), align=4)
        return context.get_dummy_value()

    return types.void(chunk, t, columns), generate


def _merge(builder: Any, even: Any, odd: Any, bit: int) -> Any:
    kept = [j + LANES * bool(j & bit) for j in range(LANES)]
    added = [(j ^ bit) + LANES * bool(j & bit) for j in range(LANES)]
    return builder.fadd(shuffle(builder, even, kept, odd), shuffle(builder, even, added, odd))


def _add_channels(context: Any, builder: Any, vector: Any, target: tuple[Any, Any, Any], width: int) -> None:
    rows_type, rows, step = target
    for channel in range(LANES // width):
        order = range(channel * width, (channel + 1) * width)
        sums = builder.shuffle_vector(vector, vector, constants(order))
        position = [ir.Constant(step.type, channel), step]
        pointer = element_at(context, builder, rows_type, rows, position)
        pointer = builder.bitcast(pointer, sums.type.as_pointer())
        builder.store(builder.fadd(builder.load(pointer, align=4), sums), pointer, align=4)
