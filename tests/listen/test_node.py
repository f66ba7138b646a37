"""A node as a process, from what it receives to what it sends on."""

from pathlib import Path

import pytest

from tests.dicom.clients import free_port
from tests.listen import quick
from tests.listen.node import Node, wait_until
from tests.listen.peers import STUDY, associate, make_object, send

OTHER = "1.2.3.5"


@pytest.fixture
def place(tmp_path):
    return tmp_path / "spool", free_port()


def received_of(receiver):
    """Study and digest of the objects of what was stored."""
    return sorted((str(one.StudyInstanceUID), one.StructureSetDescription) for one in receiver.stored.values())


def digest(study, numbers):
    return study, quick.digest_of(f"{study}.{k}" for k in numbers)


def test_two_studies_in_one_association_and_again(place, receiver):
    folder, port = place
    both = [make_object(k, study=study) for k in range(1, 4) for study in (STUDY, OTHER)]
    expected = [digest(STUDY, range(1, 4)), digest(OTHER, range(1, 4))]
    with Node(folder, port, receiver) as node:
        assert send(port, both) == [0] * 6
        wait_until(lambda: len(receiver.stored) == 2)
        assert received_of(receiver) == expected
        assert send(port, both) == [0] * 6
        wait_until(lambda: not list(folder.glob("*/received")))
        assert node.end() == 0
        log = node.log.read_text()
        assert log.count("prediction begins, 3 objects") == 2
        assert log.count("has the objects that it had") == 2
        assert "SECRET17" not in log
        assert "may send: everybody (no --allow)" in log
    assert set(receiver.times.values()) == {1}
    assert len(list(folder.glob("*/0*"))) == 2


def test_a_study_waits_until_its_association_is_closed(place, receiver):
    folder, port = place
    with Node(folder, port, receiver):
        association = associate(port)
        assert association.send_c_store(make_object(1)).Status == 0
        assert not receiver.came.wait(1.5)
        assert not list(folder.glob("*/0*"))
        assert association.send_c_store(make_object(2)).Status == 0
        association.abort()
        assert receiver.came.wait(30)
    assert received_of(receiver) == [digest(STUDY, (1, 2))]


def test_a_node_ends_in_order_while_it_predicts_and_goes_on(place, receiver):
    folder, port = place
    with Node(folder, port, receiver, predictor="slow") as node:
        send(port, [make_object(1)])
        wait_until(lambda: list(folder.glob("*/0001/predict.log")))
        assert node.end() == 0
    with Node(folder, port, receiver):
        assert receiver.came.wait(30)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for the process in /proc")
def test_a_prediction_ends_with_a_node_that_is_killed(place):
    folder, port = place
    with Node(folder, port, predictor="slow") as node:
        send(port, [make_object(1)])
        wait_until(lambda: [path.read_text() for path in folder.glob("*/0001/predict.log")] not in ([], [""]))
        node.kill()
        worker = next(folder.glob("*/0001/predict.log")).read_text().strip()
        wait_until(lambda: not Path("/proc", worker).exists())


def test_an_archive_that_sends_the_result_back_gets_no_other(place, receiver):
    folder, port = place
    with Node(folder, port, receiver):
        send(port, [make_object(1)])
        assert receiver.came.wait(30)
        wait_until(lambda: receiver.stored)
        assert send(port, list(receiver.stored.values())) == [0]
        wait_until(lambda: list(folder.glob("*/others/*.dcm")))
        assert not list(folder.glob("*/received"))


def test_a_second_node_on_one_folder_is_refused(place):
    folder, port = place
    with Node(folder, port), Node(folder, port) as second:  # which finds the port open
        assert second._process.wait(30) == 1
        assert "another node uses it; end that one, or give another --folder" in second.log.read_text()


def test_results_stay_where_nobody_wants_them_and_are_sent_once_somebody_does(place, receiver):
    folder, port = place
    with Node(folder, port):
        send(port, [make_object(1)])
        wait_until(lambda: '"predicted"' in "".join(path.read_text() for path in folder.glob("*/0001/state.json")))
    with Node(folder, port, receiver):
        assert receiver.came.wait(30)
