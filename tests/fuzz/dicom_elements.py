"""DICOM in explicit VR little endian as a tree of elements, read and written without pydicom.

An element is a list [tag, vr, value]; the value of a sequence is a list of items, each a list of elements.
"""

import struct

START = bytes(128) + b"DICM"
_LONG = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
_ITEM = (0xFFFE, 0xE000)


def read_file(data):
    """Return the elements of a file; ValueError if it is not plainly of this form."""
    if data[128:132] != b"DICM":
        raise ValueError
    return _elements(data[132:])


def write_file(elements):
    return START + _bytes(elements)


def holders(elements):
    """Give every list of elements: the file's, and those of all items."""
    yield elements
    for _, _, value in elements:
        if isinstance(value, list):
            for item in value:
                yield from holders(item)


def find(elements, tag):
    """Return the value of the last element with a tag; None if there is none."""
    found = [value for own, _, value in elements if own == tag]
    return found[-1] if found else None


def numbers(elements, tag):
    """Return the numbers of the last element with a tag, in text or as FD."""
    vr, value = next((vr, value) for own, vr, value in reversed(elements) if own == tag)
    if vr == b"FD":
        return list(struct.unpack(f"<{len(value) // 8}d", value))
    return [float(number.strip(b" \0\xa0")) for number in value.split(b"\\")]


def _elements(data):
    found, at = [], 0
    while at < len(data):
        tag, vr = _unpack("<HH", data, at), data[at + 4 : at + 6]
        if len(vr) < 2 or not vr.isalpha():
            raise ValueError
        long = vr in _LONG
        (length,) = _unpack("<L", data, at + 8) if long else _unpack("<H", data, at + 6)
        at += 12 if long else 8
        value = data[at : at + length]
        if len(value) != length:
            raise ValueError
        at += length
        found.append([tag, vr, _items(value) if vr == b"SQ" else value])
    return found


def _items(data):
    items, at = [], 0
    while at < len(data):
        group, element, length = _unpack("<HHL", data, at)
        item = data[at + 8 : at + 8 + length]
        if (group, element) != _ITEM or len(item) != length:
            raise ValueError
        items.append(_elements(item))
        at += 8 + length
    return items


def _bytes(elements):
    out = []
    for tag, vr, value in elements:
        if isinstance(value, list):
            items = [_bytes(item) for item in value]
            content = b"".join(struct.pack("<HHL", *_ITEM, len(item)) + item for item in items)
        else:
            content = value + b" " * (len(value) % 2)
        long = vr in _LONG
        content = content if long else content[:65534]
        head = struct.pack("<HH", *tag) + vr
        out.append(head + (struct.pack("<HL", 0, len(content)) if long else struct.pack("<H", len(content))) + content)
    return b"".join(out)


def _unpack(kind, data, at):
    try:
        return struct.unpack_from(kind, data, at)
    except struct.error as error:
        raise ValueError from error
