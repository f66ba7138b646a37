"""Text and JSON files that appear whole or not."""

import json
import os

import pytest

from nnunet_cipa.files.atomic import write_text
from nnunet_cipa.files.json_files import write_json


def test_text_in_new_folders(tmp_path):
    path = tmp_path / "a" / "b" / "file.py"
    write_text(path, "Grüße\n")
    assert path.read_bytes() == "Grüße\n".encode()
    written = path.stat()
    write_text(path, "Grüße\n")
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (written.st_ino, written.st_mtime_ns)
    write_text(path, "new\n")
    assert path.read_text() == "new\n"
    assert path.stat().st_ino != written.st_ino
    assert [p.name for p in path.parent.iterdir()] == ["file.py"]


def test_json(tmp_path):
    write_json(tmp_path / "a" / "file.json", {"name": "ü", "list": [1, None]})
    text = (tmp_path / "a" / "file.json").read_text(encoding="utf-8")
    assert json.loads(text) == {"name": "ü", "list": [1, None]}
    assert text.endswith("\n")


@pytest.mark.parametrize("function", ["fsync", "rename"])
def test_a_failure_leaves_what_was_there(tmp_path, monkeypatch, function):
    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    path = tmp_path / "file"
    write_text(path, "earlier")
    monkeypatch.setattr(*((os, "fsync") if function == "fsync" else ("pathlib.Path.replace",)), fail)
    with pytest.raises(OSError, match="No space left") as raised:
        write_text(path, "new")
    assert raised.value.filename == str(path)
    assert path.read_text() == "earlier"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
