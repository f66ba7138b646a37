"""The spool: what is stored twice, versions, and what a kill leaves."""

import os
from io import BytesIO

import pytest
from pydicom.uid import JPEGLosslessSV1
from pynetdicom.dsutils import encode, encode_file_meta

from nnunet_cipa.listen.objects import identify, is_same
from nnunet_cipa.listen.spool import Spool
from nnunet_cipa.listen.versions import FAILED, PREDICTED, PREDICTING, State
from tests.listen.peers import STUDY, make_object


def whole(made):
    """An object as it is received."""
    stream = BytesIO()
    made.save_as(stream, enforce_file_format=True)
    return identify(stream.getvalue(), str(made.SOPInstanceUID), str(made.file_meta.TransferSyntaxUID))


def names(version):
    return sorted(path.stem.rpartition(".")[2] for path in version.inputs.iterdir())


def test_a_version_has_what_came_before_it(spool):
    assert spool.waiting() == []
    spool.store(whole(make_object(1)))
    spool.store(whole(make_object(2)))
    assert spool.waiting() == [STUDY]
    first = spool.freeze(STUDY)
    assert (names(first), first.read().stage, spool.waiting()) == (["1", "2"], PREDICTING, [])
    spool.store(whole(make_object(3)))
    second = spool.freeze(STUDY)
    assert (names(first), names(second), second.folder.name) == (["1", "2"], ["1", "2", "3"], "0002")
    assert spool.versions(STUDY) == [first, second]


def test_the_same_again_makes_no_version(spool):
    spool.store(whole(make_object(1)))
    first = spool.freeze(STUDY)
    spool.store(whole(make_object(1)))
    assert spool.waiting() == [STUDY]
    assert spool.freeze(STUDY) is None
    assert (spool.waiting(), spool.versions(STUDY)) == ([], [first])


def test_a_corrected_object_makes_one_and_leaves_the_first_as_it_was(spool):
    spool.store(whole(make_object(1, PatientWeight="7")))
    first = spool.freeze(STUDY)
    before = next(first.inputs.iterdir()).read_bytes()
    corrected = whole(make_object(1, PatientWeight="70"))
    spool.store(corrected)
    second = spool.freeze(STUDY)
    assert next(second.inputs.iterdir()).read_bytes() == corrected.data
    assert next(first.inputs.iterdir()).read_bytes() == before


def test_one_object_in_two_transfer_syntaxes_is_the_same():
    one, other, changed = (make_object(PixelData=b"\1\2") for _ in range(3))
    for made in (one, other, changed):
        made["PixelData"].VR = "OB"
    other.file_meta.TransferSyntaxUID = changed.file_meta.TransferSyntaxUID = JPEGLosslessSV1
    changed.PatientWeight = "70"
    first, second, third = (as_file(made) for made in (one, other, changed))
    assert is_same(first, second)
    assert not is_same(first, third)
    assert not is_same(first, first.replace(b"\1\2", b"\1\3"))
    assert not is_same(first, b"damaged")


def as_file(made):
    """The bytes of a file, whose pixels are as they are."""
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    return bytes(128) + b"DICM" + encode_file_meta(made.file_meta) + encode(made, False, True)


def test_where_there_are_no_links_objects_are_copied(spool, monkeypatch):
    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(os, "link", refuse)
    received = whole(make_object(1))
    spool.store(received)
    assert next(spool.freeze(STUDY).inputs.iterdir()).read_bytes() == received.data


def test_a_version_is_not_made_while_something_comes(spool, monkeypatch):
    spool.store(whole(make_object(1)))

    def meanwhile(paths):
        spool.store(whole(make_object(2)))
        return "hash"

    monkeypatch.setattr("nnunet_cipa.listen.spool.files_hash", meanwhile)
    assert spool.freeze(STUDY) is None
    assert (spool.waiting(), spool.versions(STUDY)) == ([STUDY], [])


@pytest.mark.parametrize("has_result", [False, True])
def test_what_failed_is_taken_up_where_it_failed_when_it_comes_again(spool, has_result):
    spool.store(whole(make_object(1)))
    version = spool.freeze(STUDY)
    failed = State(FAILED, version.read().inputs, begun=5, reason="why", refused={"PACS@a:1": "no"})
    version.write(failed)
    if has_result:
        version.result.mkdir()
    spool.store(whole(make_object(1)))
    assert spool.freeze(STUDY) == version
    state = version.read()
    assert (state.stage, state.reason) == (PREDICTED if has_result else PREDICTING, "")
    assert (state.refused == {}) if has_result else (state.begun == 0)


def test_what_a_kill_leaves_is_removed_or_taken_up(spool):
    spool.store(whole(make_object(1)))
    objects = spool.folder / STUDY / "objects"
    (objects / ".1.2.dcm.part").write_bytes(b"half")
    (spool.folder / STUDY / ".0001_abc" / "inputs").mkdir(parents=True)
    (spool.folder / "1.9" / "objects").mkdir(parents=True)
    (spool.folder / "1.9" / "received").touch()
    again = Spool(spool.folder)
    left = sorted(path.name for path in (spool.folder / STUDY).rglob("*"))
    assert left == [f"{STUDY}.1.dcm", "objects", "received"]
    assert set(again.waiting()) == {"1.9", STUDY}
    assert again.freeze("1.9") is None
    assert names(again.freeze(STUDY)) == ["1"]


@pytest.mark.parametrize("damage", ["{", "[]", '{"stage": "sent"}'])
def test_a_version_whose_state_is_damaged_is_told_and_made_once_more(spool, caplog, damage):
    spool.store(whole(make_object(1)))
    first = spool.freeze(STUDY)
    first.state_file.write_text(damage)
    spool.store(whole(make_object(1)))
    assert spool.freeze(STUDY).folder.name == "0002"
    assert f"remove {first.folder} and send the study again" in caplog.text
