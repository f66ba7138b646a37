"""What is done to bytes, numbers, names and JSON; every draw comes from the generator that is given."""

import copy
import json

NUMBERS = (0, 1, -1, 2, 7, 127, 255, 256, 32767, 32768, 65535, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**64 - 1)
TEXTS = (b"", b"0", b"-1", b"-0.0", b"nan", b"inf", b"-inf", b"1e308", b"-1e-308", b"99999999999", b"1e5", b"0.001",
         b"1e999", b"abc", b"1,5", b"0x10", b"\xff\xfe", b"1\\2", b"1e4", b"12.000000000000000000001")  # fmt: skip
NAMES = ("..", ".", "../outside", "../../outside_1", "/outside_1", "a/../../b_1", "nul\0_1", "C:\\x_1", "~_1",
         "\u202eabc_1", "a" * 300 + "_1", "a\nb_1", "-rf_1", "\x1b[2J_1", "%2e%2e_1", "\u0663_\u0663", "")  # fmt: skip
VALUES = (None, True, False, 0, 1, -1, 2, 2**31, 2**63, 10**30, 0.5, -1e308, float("nan"), float("inf"), "", "..",
          "../../outside", "/outside", "2d", "abc", "a" * 300, "nul\0", [], {}, [0], [[]], [None, None], [-1, -1],
          [0, 0], [2**31, 2**31], [1e9, 1e9], ["a", "b"], {"0": "CT"}, {"a": {"b": []}})  # fmt: skip


def choose(rng, options):
    """Return one of the options."""
    return options[int(rng.integers(len(options)))]


def mutate_bytes(data, rng):
    """Return the bytes after one to three changes."""
    for _ in range(int(rng.integers(1, 4))):
        data = choose(rng, BYTE_CHANGES)(bytearray(data), rng)
    return bytes(data)


def _place(data, rng, length=1):
    return int(rng.integers(max(1, len(data) - length + 1)))


def _piece(data, rng):
    start = _place(data, rng)
    return start, min(len(data), start + int(rng.integers(1, 65)))


def _flip(data, rng):
    for _ in range(int(rng.integers(1, 9)) if data else 0):
        data[_place(data, rng)] ^= 1 << int(rng.integers(8))
    return data


def _extreme(data, rng):
    width = choose(rng, (1, 2, 4, 8))
    number = choose(rng, NUMBERS) % 256**width
    start = _place(data, rng, width)
    data[start : start + width] = number.to_bytes(width, choose(rng, ("little", "big")))
    return data


def _truncate(data, rng):
    return data[: _place(data, rng)]


def _insert(data, rng):
    start = _place(data, rng)
    new = choose(rng, TEXTS) if rng.random() < 0.5 else rng.bytes(int(rng.integers(1, 33)))
    return data[:start] + new + data[start:]


def _delete(data, rng):
    start, end = _piece(data, rng)
    return data[:start] + data[end:]


def _double(data, rng):
    start, end = _piece(data, rng)
    place = _place(data, rng)
    return data[:place] + data[start:end] + data[place:]


def _swap(data, rng):
    (a, b), (c, d) = sorted((_piece(data, rng), _piece(data, rng)))
    b, d = min(b, c), max(d, c)
    return data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


def _zero(data, rng):
    start, end = _piece(data, rng)
    data[start:end] = bytes(end - start)
    return data


BYTE_CHANGES = (_flip, _extreme, _truncate, _insert, _delete, _double, _swap, _zero)


def mutate_json(content, rng):
    """Return JSON text of the content after one to three changes of its structure, or of the text."""
    content = copy.deepcopy(content)
    if rng.random() < 0.2:
        return mutate_bytes(json.dumps(content).encode(), rng)
    for _ in range(int(rng.integers(1, 4))):
        places = list(_places(content))
        if not places:
            break
        holder, key = choose(rng, places)
        other, other_key = choose(rng, places)
        change = int(rng.integers(6))
        if change <= 2:
            holder[key] = copy.deepcopy(choose(rng, VALUES))
        elif change == 3:
            del holder[key]
        elif change == 4:
            holder[key], other[other_key] = copy.deepcopy(other[other_key]), copy.deepcopy(holder[key])
        elif isinstance(other, dict):
            other[choose(rng, ("labels", "0", "", "../x", str(key)))] = copy.deepcopy(holder[key])
        else:
            other.insert(other_key, copy.deepcopy(holder[key]))
    return json.dumps(content).encode()


def edit(content, path, value):
    """Put a value at a path of keys and indices."""
    *way, last = path
    for key in way:
        content = content[key]
    content[last] = value


def _places(content):
    """Give every place of a value: its container, and its key there."""
    if isinstance(content, (dict, list)):
        for key in list(content) if isinstance(content, dict) else range(len(content)):
            yield content, key
            yield from _places(content[key])
