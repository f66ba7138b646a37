"""Options of a node that cannot be, told before it listens."""

import builtins
import threading

import pytest

from nnunet_cipa.cli import main
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.listen import run
from nnunet_cipa.listen.options import Destination, ListenOptions
from nnunet_cipa.options import UsageError
from tests.listen import quick


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("PACS@10.0.0.7:104", Destination("PACS", "10.0.0.7", 104)),
        ("MY PACS@pacs.clinic.example:11112", Destination("MY PACS", "pacs.clinic.example", 11112)),
        ("P@[fe80::1]:104", Destination("P", "fe80::1", 104)),
    ],
)
def test_destinations(text, found):
    assert Destination.parse(text) == found
    assert str(found) == text


@pytest.mark.parametrize(
    "text",
    ["PACS", "PACS@host", "PACS@host:0", "PACS@host:65536", "@host:1", "A" * 17 + "@host:1", "A\\B@host:1", "P@a/b:1"],
)
def test_what_is_no_destination(text):
    with pytest.raises(UsageError, match="--send-to"):
        ListenOptions(port=1, send_to=(text,)).check()


@pytest.mark.parametrize(
    "wrong",
    [["--port", "0"], ["--port", "x"], ["--quiet", "-1"], ["--quiet", "nan"], ["--give-up", "0"], ["--aet", "A" * 17],
     ["--aet", ""], ["--allow", "Ä"], ["--send-to", "PACS"]],
)  # fmt: skip
def test_a_wrong_command_line_ends_with_2(wrong, tmp_path, capsys):
    given = ["--model", str(tmp_path), "--port", "11112", "--folder", str(tmp_path / "spool")]
    with pytest.raises(SystemExit) as stop:
        main(["listen", *given, *wrong])
    assert stop.value.code == 2
    assert wrong[0] in capsys.readouterr().err
    assert not (tmp_path / "spool").exists()


def test_a_destination_that_is_given_twice_is_one():
    assert len(ListenOptions(port=1, send_to=("A@b:1", "A@b:1", "C@b:1")).destinations()) == 2


def test_a_missing_pynetdicom_is_told(tmp_path, monkeypatch):
    original = builtins.__import__

    def lack(name, *arguments, **more):
        if name.startswith(("nnunet_cipa.listen.couriers", "nnunet_cipa.listen.server")):
            raise ModuleNotFoundError("No module named 'pynetdicom'", name="pynetdicom")
        return original(name, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", lack)
    with pytest.raises(CIPAError, match=r"needs pynetdicom; pip install 'nnunet-cipa\[listen\]'"):
        run.run_node(ListenOptions(port=1, folder=tmp_path / "spool"), quick.predict)
    assert not (tmp_path / "spool").exists()


def test_a_part_that_ends_by_itself_ends_the_node():
    stop = threading.Event()
    with pytest.raises(CIPAError, match="what was received is kept, start it again"):
        run._work([lambda: None, stop.wait], stop)
    assert stop.is_set()
