"""JSON files that are there, and those that are not what they should be."""

import re

import pytest

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.json_files import read_json, read_object


def test_content(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"name": ["Jürgen", 1.5, null]}', encoding="utf-8")
    assert read_json(path) == read_object(path) == {"name": ["Jürgen", 1.5, None]}
    path.write_text("[1]")
    assert read_json(path) == [1]


@pytest.mark.parametrize("read", [read_json, read_object])
@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "no such file"),
        (b"", "is not valid JSON"),
        (b'{"a": 1', "is not valid JSON"),
        (b"\xff\xfe\x00", "is not valid JSON"),
        (b"[" * 200_000, "is not valid JSON"),
    ],
)
def test_what_cannot_be_read(tmp_path, read, content, problem):
    path = tmp_path / "a.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CIPAError, match=rf"{re.escape(str(path))}: {problem}.*; remove it$"):
        read(path, "remove it")
    with pytest.raises(CIPAError, match=r"run the step that writes it again, to its end$"):
        read(path)


@pytest.mark.parametrize(("content", "kind"), [("[1]", "list"), ("7", "int"), ("null", "NoneType")])
def test_something_else_than_an_object(tmp_path, content, kind):
    path = tmp_path / "a.json"
    path.write_text(content)
    with pytest.raises(CIPAError, match=rf"{re.escape(str(path))}: holds a {kind} where an object .*; remove it"):
        read_object(path, "remove it")
