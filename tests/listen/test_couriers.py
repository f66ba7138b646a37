"""Results are sent until they are stored, the same ones each time."""

import threading
import time
from contextlib import contextmanager
from dataclasses import replace

import pydicom
import pytest
from pydicom.uid import ImplicitVRLittleEndian, RTStructureSetStorage
from pynetdicom import AE, evt

from nnunet_cipa.listen.couriers import Courier
from nnunet_cipa.listen.options import ListenOptions
from nnunet_cipa.listen.versions import FAILED, PREDICTED, SENT
from tests.dicom.clients import free_port
from tests.listen import quick
from tests.listen.node import wait_until
from tests.listen.peers import STUDY, Receiver, make_object
from tests.listen.test_spool import whole


@pytest.fixture
def version(spool):
    """A version with a result of two objects."""
    spool.store(whole(make_object(1)))
    version = spool.freeze(STUDY)
    for part in "ab":
        quick.predict(version.inputs, version.result / part)
    version.write(replace(version.read(), stage=PREDICTED, since=time.time()))
    return version


@contextmanager
def couriers(spool, version, *receivers, **options):
    """Couriers at work, one to each."""
    stop = threading.Event()
    options = ListenOptions(port=1, send_to=tuple(map(str, receivers)), pause=0.1, **options)
    all_of_them = [Courier(one, options, spool.lock, stop) for one in options.destinations()]
    for courier in all_of_them:
        courier.add(version)
    threads = [threading.Thread(target=courier.run) for courier in all_of_them]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def uids(version):
    return {str(pydicom.dcmread(path).SOPInstanceUID) for path in version.files()}


def test_two_receivers_get_all_of_it_once(spool, version, receiver):
    with Receiver() as other, couriers(spool, version, receiver, other):
        wait_until(lambda: version.read().stage == SENT)
        for one in (receiver, other):
            assert dict(one.times) == dict.fromkeys(uids(version), 1)


def test_a_receiver_that_is_down_for_a_while_gets_it_later(spool, version, receiver, caplog):
    port = free_port()
    with couriers(spool, version, receiver, f"PACS@127.0.0.1:{port}"):
        wait_until(lambda: len(receiver.stored) == 2 and "does not answer" in caplog.text)
        assert version.read().stage == PREDICTED
        with Receiver(port) as late:
            wait_until(lambda: version.read().stage == SENT)
            assert set(late.stored) == uids(version)
    assert set(receiver.times.values()) == {1}
    assert "SECRET17" not in caplog.text


@pytest.mark.parametrize("status", [0xA700, 0xC000, 0x0122])
def test_only_success_counts_as_stored(spool, version, receiver, status):
    receiver.status = status
    with couriers(spool, version, receiver):
        wait_until(lambda: receiver.times.total() >= 3)
        assert version.read().stored == {}
        receiver.status = 0
        wait_until(lambda: version.read().stage == SENT)
    assert set(receiver.stored) == uids(version)


def test_a_warning_counts_as_stored(spool, version, receiver):
    receiver.status = 0xB000
    with couriers(spool, version, receiver):
        wait_until(lambda: version.read().stage == SENT)
    assert set(receiver.times.values()) == {1}


def test_what_is_stored_is_not_sent_again(spool, version, receiver):
    first, second = version.files()
    version.write(replace(version.read(), stored={str(receiver): (version.key(first),)}))
    with couriers(spool, version, receiver):
        wait_until(lambda: version.read().stage == SENT)
    assert set(receiver.times) == {str(pydicom.dcmread(second).SOPInstanceUID)}


def test_one_that_never_takes_it_is_given_up_and_the_reason_kept(spool, version, receiver):
    nobody = f"PACS@127.0.0.1:{free_port()}"
    with couriers(spool, version, receiver, nobody, give_up=0.3 / 3600):
        wait_until(lambda: version.read().stage == FAILED)
        wait_until(lambda: len(receiver.stored) == 2)
    state = version.read()
    assert state.reason.startswith(f"{nobody}: does not answer the association; check that it runs, and knows AE title")
    assert list(state.refused) == [nobody]


def test_a_rejection_is_told(spool, version, receiver, caplog):
    with couriers(spool, version, f"OTHER@127.0.0.1:{receiver.port}"):
        wait_until(lambda: "rejects the association" in caplog.text)


def test_a_receiver_of_implicit_vr_alone_gets_it(spool, version):
    stored, port = [], free_port()
    entity = AE("PACS")
    entity.add_supported_context(RTStructureSetStorage, ImplicitVRLittleEndian)

    def store(event):
        stored.append(event.dataset)
        return 0

    server = entity.start_server(("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, store)])
    try:
        with couriers(spool, version, f"PACS@127.0.0.1:{port}"):
            wait_until(lambda: version.read().stage == SENT)
    finally:
        server.shutdown()
    assert {str(one.SOPInstanceUID): one for one in stored} == {
        str(one.SOPInstanceUID): one for one in map(pydicom.dcmread, version.files())
    }
