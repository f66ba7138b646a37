"""Tells from the lengths in a DICOM file whether sequences, items and elements lie whole within each other.

pydicom drops silently what follows a wrong length, so that contours would be lost.
"""

import struct
from dataclasses import dataclass

from pydicom.datadict import dictionary_VR
from pydicom.uid import UID, ExplicitVRBigEndian, ImplicitVRLittleEndian

_ITEM, _ITEM_END, _SEQUENCE_END = (0xFFFE, 0xE000), (0xFFFE, 0xE00D), (0xFFFE, 0xE0DD)
_UNDEFINED = 0xFFFFFFFF
_LONG = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
_DEEPEST = 32
_META = 2


class _FaultError(Exception):
    pass


@dataclass(frozen=True)
class _Form:
    """How elements are coded: byte order as ``struct`` has it, and whether they name their VR."""

    order: str
    explicit: bool


_EXPLICIT, _IMPLICIT, _BIG = _Form("<", True), _Form("<", False), _Form(">", True)


@dataclass(frozen=True)
class _Walker:
    data: bytes

    def dataset(self, at: int, end: int, form: _Form, depth: int, stop: tuple[int, int] | None = None) -> int:
        """Step from element to element up to ``end``, or to the delimiter ``stop``; return what comes after."""
        if depth > _DEEPEST:
            raise _FaultError(f"its sequences are nested more than {_DEEPEST} deep")
        seen = set()
        while at < end:
            tag = self._tag(at, form)
            if tag == stop:
                return at + 8
            if tag in seen:
                raise _FaultError(f"({tag[0]:04X},{tag[1]:04X}) is there twice")
            seen.add(tag)
            at = self._element(tag, at, end, form, depth)
        if stop is not None:
            raise _FaultError("an item has no end")
        return at

    def meta(self) -> int:
        """Step over the file meta information and return where the dataset starts."""
        at = 132
        while at < len(self.data) and self._tag(at, _EXPLICIT)[0] == _META:
            at = self._element(self._tag(at, _EXPLICIT), at, len(self.data), _EXPLICIT, 0)
        return at

    def _element(self, tag: tuple[int, int], at: int, end: int, form: _Form, depth: int) -> int:
        vr = self.data[at + 4 : at + 6] if form.explicit else _known_vr(tag)
        head = 12 if form.explicit and vr in _LONG else 8
        if form.explicit and head == 8:
            length = self._unpack("H", at + 6, form)
        else:
            length = self._unpack("L", at + head - 4, form)
        at += head
        if length == _UNDEFINED:
            return self._items(at, end, _IMPLICIT if vr == b"UN" else form, depth, ends=True)
        if at + length > end:
            raise _FaultError(f"({tag[0]:04X},{tag[1]:04X}) has {end - at} of {length} bytes")
        if vr == b"SQ":
            self._items(at, at + length, form, depth, ends=False)
        return at + length

    def _items(self, at: int, end: int, form: _Form, depth: int, *, ends: bool) -> int:
        while at < end:
            tag, length = self._tag(at, form), self._unpack("L", at + 4, form)
            at += 8
            if ends and tag == _SEQUENCE_END:
                return at
            if tag != _ITEM:
                raise _FaultError(f"a sequence holds ({tag[0]:04X},{tag[1]:04X}) where an item should be")
            if length == _UNDEFINED:
                at = self.dataset(at, end, form, depth + 1, stop=_ITEM_END)
            elif at + length > end:
                raise _FaultError(f"an item has {end - at} of {length} bytes")
            else:
                at = self.dataset(at, at + length, form, depth + 1)
        if ends:
            raise _FaultError("a sequence has no end")
        return at

    def _tag(self, at: int, form: _Form) -> tuple[int, int]:
        return self._unpack("H", at, form), self._unpack("H", at + 2, form)

    def _unpack(self, kind: str, at: int, form: _Form) -> int:
        try:
            return int(struct.unpack_from(form.order + kind, self.data, at)[0])
        except struct.error as error:
            raise _FaultError("it is cut short") from error


def fault_of_nesting(data: bytes, syntax: UID) -> str | None:
    """Check a whole file without pixels that starts with the preamble of part 10; tell what is wrong with it."""
    form = {ImplicitVRLittleEndian: _IMPLICIT, ExplicitVRBigEndian: _BIG}.get(syntax, _EXPLICIT)
    walker = _Walker(data)
    try:
        walker.dataset(walker.meta(), len(data), form, 0)
    except _FaultError as fault:
        return str(fault)
    return None


def _known_vr(tag: tuple[int, int]) -> bytes:
    try:
        return dictionary_VR(tag).encode()
    except KeyError:
        return b"UN"
