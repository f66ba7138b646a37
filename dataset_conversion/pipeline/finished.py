"""Which cases of a staged dataset are whole, so that a conversion that was cut off goes on where it was.

A record beside the cases has what a case was made from (its provenance, with hashes of the source, options and
version) and the hashes of its files. It is written last; files without a record do not count, nor does a record that is
not as it was written.
"""

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from nnunet_cipa.files.hashes import file_hash

RECORDS = ".finished"


def note_finished(folder: Path, case: str, made_from: object, files: Iterable[Path]) -> None:
    """Write the record of a case whose files are whole."""
    hashes = {path.relative_to(folder).as_posix(): file_hash(path) for path in files}
    (folder / RECORDS).mkdir(exist_ok=True)
    content = _plain({"made_from": made_from, "files": hashes})
    text = json.dumps({"sha256": _digest(content), "content": content})
    (folder / RECORDS / f"{case}.json").write_text(text, encoding="utf-8")


def keep_finished(folder: Path, made_from: Mapping[str, object] | None = None) -> set[str]:
    """Remove all files of a staged folder but those of finished cases, and return these cases.

    Parameters
    ----------
    folder
        A staged dataset.
    made_from
        What each case is to be made from now; a case that was made from anything else is removed, as is one whose
        files have not the hashes of its record. None to keep every case that has a record.
    """
    cases, kept = set(), set()
    for record in sorted((folder / RECORDS).glob("*.json")):
        found = _read(record)
        if found is None or (made_from is not None and not _is_good(folder, found, made_from.get(record.stem))):
            continue
        cases.add(record.stem)
        kept |= {record, *(folder / name for name in found["files"])}
    for path in folder.rglob("*"):
        if path not in kept and (path.is_symlink() or not path.is_dir()):
            path.unlink()
    return cases


def forget_records(folder: Path) -> None:
    """Remove the records of a dataset that is complete."""
    shutil.rmtree(folder / RECORDS, ignore_errors=True)


def _read(record: Path) -> dict[str, Any] | None:
    """Return the content of a record; None if a kill has cut it off, or it was changed."""
    try:
        found = json.loads(record.read_bytes())
        same = found["sha256"] == _digest(found["content"])
    except (ValueError, RecursionError, KeyError, TypeError):
        return None
    return found["content"] if same else None


def _plain(content: object) -> Any:
    """Return what is left of an object in JSON."""
    return json.loads(json.dumps(content))


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _is_good(folder: Path, found: dict[str, Any], made_from: object) -> bool:
    if made_from is None or found["made_from"] != _plain(made_from):
        return False
    return all((folder / name).is_file() and file_hash(folder / name) == sha for name, sha in found["files"].items())
