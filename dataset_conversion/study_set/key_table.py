"""The table that tells which patient a case is; it is kept apart from the dataset."""

import csv
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from nnunet_cipa.dataset_conversion.study_set.study_set import Key
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.atomic import put_in_place


def check_key_table_place(path: Path, dataset: Path, *, overwrite: bool) -> None:
    """Refuse a place inside of nnUNet_raw, where it would travel with the data, and one that is taken.

    Raises
    ------
    CIPAError
        For such a place, or if its folder does not exist or cannot be written to.
    """
    resolved = path.resolve()
    if resolved.is_relative_to(dataset.parent.resolve()):
        raise CIPAError(
            f"--key-table {path}: lies in nnUNet_raw, and must not travel with the data; choose another place"
        )
    if not resolved.parent.is_dir():
        raise CIPAError(f"--key-table {path}: {resolved.parent} is not a folder; make it first")
    if not os.access(resolved.parent, os.W_OK | os.X_OK):
        raise CIPAError(f"--key-table {path}: {resolved.parent} is not writable; choose another place")
    if resolved.is_dir() or (resolved.exists() and not overwrite):
        raise CIPAError(f"--key-table {path}: exists; give --overwrite to replace it, or another name")


@contextmanager
def writing_keys(path: Path | None, keys: Sequence[Key]) -> Iterator[None]:
    """Write the table beside its place, and put it there if the block ends without an error; only its owner may read.

    Parameters
    ----------
    path
        A CSV file, or None for no table.
    keys
        A line each.
    """
    if path is None:
        yield
        return
    columns = ["case", *(keys[0].values if keys else ())]
    # Under a name of its own: another conversion may begin meanwhile with the same place, and be refused later.
    handle, name = tempfile.mkstemp(prefix=f".{path.name}_", dir=path.parent)
    os.close(handle)
    beside = Path(name)
    try:
        with beside.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows({"case": key.case, **key.values} for key in keys)
            file.flush()
            yield
            put_in_place(file, path)
    finally:
        beside.unlink(missing_ok=True)
