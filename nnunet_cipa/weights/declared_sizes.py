"""The sizes that a file of torch declares of its storages against those of the parts that hold them.

torch up to 2.8 at least takes a declared size as it is and reads behind a part that is smaller, whatever lies there.
So the pickle is gone through first with stand-ins for all that it names, and nothing of it is imported or called.
"""

import errno
import io
import pickle
import pickletools
import zipfile
from pathlib import Path
from typing import Any

# What torch's own reader of weights knows; with others a pickle can ask for any amount of memory.
_OPCODES = {
    "APPEND", "APPENDS", "BINFLOAT", "BINGET", "BININT", "BININT1", "BININT2", "BINPERSID", "BINPUT", "BINUNICODE",
    "BUILD", "EMPTY_DICT", "EMPTY_LIST", "EMPTY_SET", "EMPTY_TUPLE", "GLOBAL", "LONG1", "LONG_BINGET", "LONG_BINPUT",
    "MARK", "NEWFALSE", "NEWOBJ", "NEWTRUE", "NONE", "PROTO", "REDUCE", "SETITEM", "SETITEMS", "SHORT_BINSTRING",
    "STOP", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3",
}  # fmt: skip
_BYTES_PER_ITEM = {
    "BoolStorage": 1, "ByteStorage": 1, "CharStorage": 1, "UntypedStorage": 1, "QInt8Storage": 1, "QUInt8Storage": 1,
    "BFloat16Storage": 2, "HalfStorage": 2, "ShortStorage": 2, "FloatStorage": 4, "IntStorage": 4, "QInt32Storage": 4,
    "DoubleStorage": 8, "LongStorage": 8, "ComplexFloatStorage": 8, "ComplexDoubleStorage": 16,
}  # fmt: skip


def check_declared_sizes(path: Path) -> None:
    """Refuse an archive with a storage that is not of the size that its part has, before torch reads it.

    Raises
    ------
    pickle.UnpicklingError
        If the pickle is none that torch would read.
    ValueError, KeyError, zipfile.BadZipFile and others
        If a size differs, two parts have one name, or the archive or its pickle is damaged.
    """
    with zipfile.ZipFile(path) as archive:
        sizes = {part.filename.casefold(): part.file_size for part in archive.infolist()}
        if len(sizes) < len(archive.infolist()):
            raise ValueError("two parts have the same name")
        folder = archive.namelist()[0].split("/")[0]
        try:
            content = archive.read(f"{folder}/data.pkl")
        except OSError as error:
            if error.errno == errno.EINVAL:
                raise ValueError("a part lies before the start of the file") from error
            raise
    for opcode, argument, _ in pickletools.genops(content):
        if opcode.name not in _OPCODES or (opcode.name == "LONG_BINPUT" and int(argument or 0) > len(content)):
            raise pickle.UnpicklingError(f"{opcode.name} is nothing that torch writes")
    _Sizes(content, folder.casefold(), sizes).load()


class _StandIn:
    """Takes the place of whatever a pickle names: it can be called, filled and given a state, and does nothing."""

    def __init__(self, *_: Any) -> None: ...

    def __setstate__(self, _: Any) -> None: ...

    def __setitem__(self, _: Any, __: Any) -> None: ...

    def append(self, _: Any) -> None: ...


class _Sizes(pickle.Unpickler):
    """Goes through a pickle of torch and compares the storages in it with the parts of its archive."""

    def __init__(self, content: bytes, folder: str, sizes: dict[str, int]) -> None:
        super().__init__(io.BytesIO(content))
        self._folder = folder
        self._sizes = sizes

    def find_class(self, module: str, name: str) -> type:
        """Return a stand-in of its own with the name that is asked for."""
        return type(name, (_StandIn,), {"__module__": module})

    def persistent_load(self, pid: Any) -> _StandIn:
        """Compare one storage: ('storage', type, key, location, number of items)."""
        kind, storage, key, _, items = pid
        item_size = _BYTES_PER_ITEM[storage.__name__]
        part = f"{self._folder}/data/{key}".casefold()
        if kind != "storage" or type(items) is not int or items * item_size != self._sizes[part]:
            raise ValueError(f"{part} has {self._sizes[part]} bytes, and {items} items are declared")
        return _StandIn()
