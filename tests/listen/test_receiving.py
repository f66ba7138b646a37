"""What comes over the wire is kept as it came, or refused with nothing left of it."""

import contextlib
import errno
import os
import socket
import threading

import pydicom
import pytest
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    MRImageStorage,
    RTStructureSetStorage,
    SegmentationStorage,
)
from pynetdicom import AE

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.listen import server as server_module
from nnunet_cipa.listen import spool as spool_module
from nnunet_cipa.listen.arrivals import Arrivals
from nnunet_cipa.listen.options import ListenOptions
from nnunet_cipa.listen.server import Server
from tests.dicom.clients import free_port
from tests.listen.peers import STUDY, associate, make_object, send

PRIVATE = "1.3.12.2.1107.5.9.1"  # Siemens' objects that are no images


def kept(spool):
    """The files of a spool."""
    return sorted(path.relative_to(spool.folder).as_posix() for path in spool.folder.rglob("*") if path.is_file())


def test_an_object_is_kept_as_it_came(serve, spool):
    sent = make_object(PatientName="Möller^A", SpecificCharacterSet="ISO_IR 100")
    assert send(serve(), [sent]) == [0]
    assert kept(spool) == [f"{STUDY}/objects/{STUDY}.1.dcm", f"{STUDY}/received"]
    assert pydicom.dcmread(spool.folder / STUDY / "objects" / f"{STUDY}.1.dcm") == sent
    assert spool.folder.stat().st_mode & 0o77 == 0


def test_echo(serve):
    entity = AE()
    entity.add_requested_context("1.2.840.10008.1.1")
    association = entity.associate("127.0.0.1", serve(), ae_title="NNUNETCIPA")
    assert association.send_c_echo().Status == 0
    association.release()


def test_a_kind_that_nobody_knows_and_an_object_without_patient_are_kept(serve, spool):
    private, nobodys = make_object(1, kind=PRIVATE), make_object(2)
    del nobodys.PatientID
    assert send(serve(), [private, nobodys]) == [0, 0]
    assert kept(spool) == [f"{STUDY}/objects/{STUDY}.2.dcm", f"{STUDY}/others/{STUDY}.1.dcm", f"{STUDY}/received"]


@pytest.mark.parametrize("kind", [PRIVATE, RTStructureSetStorage, SegmentationStorage, MRImageStorage])
def test_what_nothing_is_predicted_from_is_kept_and_no_study_waits(serve, spool, kind):
    assert send(serve(), [make_object(1, kind=kind)]) == [0]
    assert kept(spool) == [f"{STUDY}/others/{STUDY}.1.dcm"]
    assert spool.waiting() == []


def test_an_object_without_end_ends_its_association(serve, spool, monkeypatch):
    monkeypatch.setattr(server_module, "_LARGEST", 100_000)
    port = serve()
    large = [make_object(k, PixelData=bytes(60_000 * k)) for k in (1, 2)]
    for one in large:
        one["PixelData"].VR = "OW"
    association = associate(port)
    association.dimse_timeout = 2
    assert association.send_c_store(large[0]).Status == 0
    assert association.send_c_store(make_object(9)).Status == 0
    with contextlib.suppress(RuntimeError):  # raised if it is gone before all is sent
        assert association.send_c_store(large[1]).get("Status") is None
    assert len(kept(spool)) == 3
    assert send(port, [make_object(4)]) == [0]


def test_no_uid_leads_out_of_the_spool(serve, spool, tmp_path):
    hostile = ("../../evil", "..", "/tmp/evil", "1.2/../3", "1.2\\3", "1." * 32 + "1", "1..2", "", "1.\xb2")
    objects = [with_uid("StudyInstanceUID", uid) for uid in hostile]
    assert send(serve(), objects) == [0xC000] * len(hostile)
    assert kept(spool) == []
    assert [path.name for path in tmp_path.iterdir()] == ["spool"]


def test_nor_does_the_uid_of_an_object(serve, spool):
    assert send(serve(), [with_uid("SOPInstanceUID", uid) for uid in ("../../evil", "1.2/3", "x")]) == [0xC000] * 3
    assert kept(spool) == []


def with_uid(keyword, uid):
    """An object with a UID that pydicom would not let pass."""
    made = make_object()
    made[keyword]._value = uid
    return made


def test_an_object_that_is_another_inside_is_refused(serve, spool):
    association = associate(serve())
    inside = make_object(1)
    original = association.dimse.send_msg

    def tell_another(message, context):
        message.AffectedSOPInstanceUID = f"{STUDY}.2"
        original(message, context)

    association.dimse.send_msg = tell_another
    assert association.send_c_store(inside).Status == 0xC000
    association.release()
    assert kept(spool) == []


def test_syntaxes_are_chosen_that_are_read_without_loss(serve):
    proposed = {
        JPEG2000Lossless: [DeflatedExplicitVRLittleEndian, JPEG2000Lossless],
        ExplicitVRLittleEndian: [JPEG2000Lossless, ImplicitVRLittleEndian, ExplicitVRLittleEndian],
        ImplicitVRLittleEndian: ["1.2.840.10008.1.2.4.110", ExplicitVRBigEndian, ImplicitVRLittleEndian],
        ExplicitVRBigEndian: ["1.2.840.10008.1.2.4.110", ExplicitVRBigEndian],
    }
    port = serve()
    for chosen, syntaxes in proposed.items():
        association = associate(port, syntaxes=syntaxes)
        assert [one.transfer_syntax for one in association.accepted_contexts] == [[chosen]]
        association.release()


def test_compressed_objects_are_kept_compressed(serve, spool):
    packed = make_object(PixelData=pydicom.encaps.encapsulate([b"\xff\xd8\xff\xd9"]))
    packed["PixelData"].VR = "OB"
    packed["PixelData"].is_undefined_length = True
    packed.file_meta.TransferSyntaxUID = JPEGLosslessSV1
    assert send(serve(), [packed], syntaxes=JPEGLosslessSV1) == [0]
    found = pydicom.dcmread(spool.folder / STUDY / "objects" / f"{STUDY}.1.dcm")
    assert found.file_meta.TransferSyntaxUID == JPEGLosslessSV1
    assert found.PixelData == packed.PixelData


def test_what_is_deflated_is_refused(serve, spool):
    packed = make_object()
    packed.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    assert send(serve(), [packed], syntaxes=DeflatedExplicitVRLittleEndian) == [0xC000]
    assert kept(spool) == []


@pytest.mark.parametrize(("allow", "names"), [((), {"called": "OTHER"}), (("CT1", "CT2"), {"calling": "SCANNER"})])
def test_associations_that_are_not_for_us_are_rejected(serve, allow, names):
    assert associate(serve(allow=allow), **names).is_rejected


def test_those_that_are_allowed_may_send(serve):
    assert send(serve(allow=("CT1", "CT2")), [make_object()], calling="CT2") == [0]


def test_a_full_disk_is_told_and_nothing_is_left(serve, spool, monkeypatch):
    port = serve()
    assert send(port, [make_object(1)]) == [0]

    def full(_descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        assert send(port, [make_object(2)]) == [0xA700]
    assert kept(spool) == [f"{STUDY}/objects/{STUDY}.1.dcm", f"{STUDY}/received"]
    assert send(port, [make_object(2)]) == [0]


def cut(port, allowed):
    """The port of a way to another that closes both ends after some bytes to it."""
    listener = socket.create_server(("127.0.0.1", 0))

    def carry():
        client, _ = listener.accept()
        with listener, client, socket.create_connection(("127.0.0.1", port)) as node:
            back = threading.Thread(
                target=lambda: [client.sendall(data) for data in iter(lambda: node.recv(4096), b"")]
            )
            back.start()
            left = allowed
            while left:
                data = client.recv(min(left, 4096))
                node.sendall(data)
                left -= len(data)
            node.shutdown(socket.SHUT_RDWR)
            client.shutdown(socket.SHUT_RDWR)
            back.join()

    threading.Thread(target=carry, daemon=True).start()
    return listener.getsockname()[1]


@pytest.mark.parametrize("length", [30_000, 100_000])
def test_a_connection_that_breaks_leaves_what_was_whole(serve, spool, length):
    port = serve()
    association = associate(cut(port, length))
    association.dimse_timeout = 2  # how long the sender waits for an answer that never comes
    large = [make_object(k, PixelData=bytes(40_000)) for k in range(1, 4)]
    for one in large:
        one["PixelData"].VR = "OW"
    statuses = []
    for one in large:
        try:
            statuses.append(association.send_c_store(one).get("Status"))
        except RuntimeError:
            break
    whole = length // 40_000
    assert statuses[:whole] == [0] * whole
    assert 0 not in statuses[whole:]
    assert len([name for name in kept(spool) if name.endswith(".dcm")]) == whole
    assert send(port, large) == [0, 0, 0]


def test_a_port_that_is_taken_is_told(spool):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CIPAError, match=f"--port {port}: cannot listen there .*; give others"):
            Server(ListenOptions(port=port), spool, Arrivals(1)).start()


def test_what_is_being_stored_is_finished_at_the_end(spool, monkeypatch):
    port, writing, go_on = free_port(), threading.Event(), threading.Event()
    server = Server(ListenOptions(port=port), spool, Arrivals(1))
    server.start()
    flush = spool_module.replacing

    def wait(path):
        writing.set()
        assert go_on.wait(10)
        return flush(path)

    monkeypatch.setattr(spool_module, "replacing", wait)
    association = associate(port)
    statuses = []
    sending = threading.Thread(target=lambda: statuses.append(association.send_c_store(make_object()).get("Status")))
    sending.start()
    assert writing.wait(10)
    closing = threading.Thread(target=server.close)
    closing.start()
    go_on.set()
    closing.join()
    sending.join()
    assert statuses == [0]
    assert len(kept(spool)) == 2
    assert not associate(port).is_established
