"""Kills at any moment lose no study and double none."""

import json
import os
import random
import sys
import threading
import time
from collections import Counter

import pydicom
import pytest

from nnunet_cipa.listen import couriers, predicting
from nnunet_cipa.listen.arrivals import Arrivals
from nnunet_cipa.listen.options import ListenOptions
from nnunet_cipa.listen.spool import Spool
from nnunet_cipa.listen.versions import SENT
from tests.dicom.clients import free_port
from tests.listen import quick
from tests.listen.node import Node, wait_until
from tests.listen.peers import STUDY, Receiver, associate, make_object
from tests.listen.test_spool import whole

KILLS = 20
# What changes a disk, as Python's audit hooks name it.
CHANGES = {"open", "os.rename", "os.link", "os.mkdir", "os.remove", "os.rmdir"}


def send_until_stored(port, study, numbers):
    """Send as a scanner does: what was not acknowledged is sent again, in another association."""
    left = list(numbers)
    while left:
        association = associate(port)
        while left and association.is_established:
            time.sleep(0.1)  # as slow as a scanner, so that kills come in between
            try:
                if association.send_c_store(make_object(left[0], study=study)).get("Status") == 0:
                    del left[0]
            except RuntimeError:
                break
        association.release() if association.is_established else time.sleep(0.05)


@pytest.mark.slow
def test_a_node_that_is_killed_at_random_moments(tmp_path):
    folder, port, rng = tmp_path / "spool", free_port(), random.Random(20)
    studies = {f"1.2.840.{k}": range(1, 5) for k in range(1, 7)}

    def send_all():
        for study, numbers in studies.items():
            send_until_stored(port, study, numbers)
            time.sleep(1)

    with Receiver() as receiver:
        node, sender = Node(folder, port, receiver, most_starts=KILLS), threading.Thread(target=send_all)
        sender.start()
        for _ in range(KILLS):
            receiver.came.clear()
            node.start()
            if rng.random() < 0.5:
                time.sleep(rng.uniform(0, 2))
            else:  # while it sends, or just after
                receiver.came.wait(2)
                time.sleep(rng.uniform(0, 0.02))
            node.kill()
        with node:
            sender.join()
            wait_until(lambda: finished(folder, len(studies)), 60)
        made = Counter((str(one.StudyInstanceUID), one.StructureSetDescription) for one in receiver.stored.values())
    whole_studies = {(study, quick.digest_of(f"{study}.{k}" for k in numbers)) for study, numbers in studies.items()}
    assert whole_studies <= set(made)  # none is lost
    assert set(made.values()) == {1}  # and none doubled


def finished(folder, count):
    """Whether all studies are predicted and sent, in the folder of a node that runs."""
    states = [(path.parts[-3], json.loads(path.read_text())["stage"]) for path in folder.glob("*/0*/state.json")]
    is_quiet = not list(folder.glob("*/received"))
    return is_quiet and len({study for study, _ in states}) == count and {stage for _, stage in states} == {SENT}


class Until(threading.Event):
    """Lets a loop run, without a pause, until something holds."""

    def __init__(self, holds):
        super().__init__()
        self._holds = holds

    def wait(self, timeout=None):
        return self._holds()


def receive_predict_and_send(folder):
    """All that a node does with a study of two objects, in one thread; what it acknowledged does not come again."""
    options = ListenOptions(port=1, send_to=("PACS@archive:104",))
    spool = Spool(folder)
    courier = couriers.Courier(options.destinations()[0], options, spool.lock, Until(lambda: not courier._items))
    queue = predicting.Predicting(
        spool, Arrivals(0), quick.predict, courier.add, Until(lambda: not spool.waiting() and not queue._unfinished)
    )
    queue.take_up(retry=False)
    for number in (1, 2):
        acknowledged = folder.parent / f"{folder.name}_{number}"
        if not acknowledged.exists():
            spool.store(whole(make_object(number)))
            acknowledged.touch()
    queue.run()
    courier.run()


def run_until(folder, last):
    """Do it in a process that ends like one that is killed, before it changes the disk once more than ``last`` times.

    Returns its exit status: 0 if it came to its end.
    """
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    changes = 0

    def watch(event, arguments):
        nonlocal changes
        reads = event == "open" and not arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if event in CHANGES and not reads and str(arguments[0]).startswith(str(folder.parent)):
            changes += 1
            if changes > last:
                os._exit(9)

    sys.addaudithook(watch)
    receive_predict_and_send(folder)
    os._exit(0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_kill_before_each_change_of_the_disk(tmp_path, monkeypatch):
    archive = tmp_path / "archive" / "stored"

    def send(files, _destination, _title, stored):
        for path in files:
            with archive.open("a") as file:
                file.write(f"{pydicom.dcmread(path).SOPInstanceUID}\n")
            stored(path)

    monkeypatch.setattr(couriers, "send", send)
    monkeypatch.setattr(predicting, "run_apart", lambda predict, study, out, log, stop: predict(study, out))
    archive.parent.mkdir()
    for last in range(1000):
        folder = tmp_path / "archive" / str(last)
        ended = run_until(folder, last)
        assert run_until(folder, 1000) == 0
        (version,) = Spool(folder).versions(STUDY)
        sent = archive.read_text().split()
        assert version.read().stage == SENT
        assert set(sent) == {str(pydicom.dcmread(path).SOPInstanceUID) for path in version.files()}
        assert len(sent) <= 2
        archive.unlink()
        if ended == 0:
            break
    assert last > 25
