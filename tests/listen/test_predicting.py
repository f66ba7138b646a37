"""The queue of studies, with predictions in processes of their own."""

import threading
from contextlib import contextmanager

import pydicom

from nnunet_cipa.listen import predicting
from nnunet_cipa.listen.arrivals import Arrivals
from nnunet_cipa.listen.predicting import MOST_STARTS, Predicting
from nnunet_cipa.listen.versions import FAILED, PREDICTED, PREDICTING, State, Version
from tests.listen import quick
from tests.listen.node import wait_until
from tests.listen.peers import STUDY, make_object
from tests.listen.test_spool import whole


@contextmanager
def queue(spool, predict, *, retry=False):
    """A queue at work; gives the versions that it passed on."""
    stop, passed_on = threading.Event(), []
    made = Predicting(spool, Arrivals(0.05), predict, passed_on.append, stop)
    made.take_up(retry=retry)
    thread = threading.Thread(target=made.run)
    thread.start()
    try:
        yield passed_on
    finally:
        stop.set()
        thread.join()


def settled(spool, number=1):
    """The state of a version once nothing more is done to it."""
    wait_until(lambda: len(spool.versions(STUDY)) == number)
    version = spool.versions(STUDY)[-1]
    wait_until(lambda: version.read().stage != PREDICTING)
    return version.read()


def test_a_late_object_makes_another_prediction_and_the_same_ones_none(spool):
    spool.store(whole(make_object(1)))
    with queue(spool, quick.predict) as passed_on:
        state = settled(spool)
        assert (state.stage, state.warnings, state.reason) == (PREDICTED, ("look at it",), "")
        first = spool.versions(STUDY)[0]
        before = [path.read_bytes() for path in first.files()]
        spool.store(whole(make_object(1)))
        wait_until(lambda: not spool.waiting())
        assert len(spool.versions(STUDY)) == 1
        spool.store(whole(make_object(2)))
        settled(spool, 2)
        wait_until(lambda: len(passed_on) == 2)
    assert [path.read_bytes() for path in first.files()] == before
    found = [pydicom.dcmread(version.files()[0]) for version in passed_on]
    of_both = quick.digest_of([f"{STUDY}.1", f"{STUDY}.2"])
    assert [one.StructureSetDescription for one in found] == [quick.digest_of([f"{STUDY}.1"]), of_both]
    assert "SECRET17" in first.log.read_text()


def test_a_refusal_is_kept_in_one_line_and_sending_the_missing_part_helps(spool):
    spool.store(whole(make_object(1)))
    with queue(spool, quick.refuse) as passed_on:
        state = settled(spool)
        assert (state.stage, state.reason) == (FAILED, "patient P1: no PET; send it")
        assert not spool.versions(STUDY)[0].unfinished.exists()
        spool.store(whole(make_object(2)))
        assert settled(spool, 2).stage == PREDICTED
        wait_until(lambda: passed_on == spool.versions(STUDY)[1:])


def test_a_process_that_is_killed_fails_and_does_not_stop_the_queue(spool):
    spool.store(whole(make_object(1)))
    with queue(spool, quick.fall):
        state = settled(spool)
        assert state.stage == FAILED
        assert "ended with signal SIGKILL, often for lack of memory" in state.reason
        spool.store(whole(make_object(2)))
        assert settled(spool, 2).stage == FAILED


def test_a_prediction_that_is_stopped_is_begun_again_with_the_node(spool):
    spool.store(whole(make_object(1)))
    with queue(spool, quick.slow):
        wait_until(lambda: spool.versions(STUDY) and spool.versions(STUDY)[0].log.exists())
    version = spool.versions(STUDY)[0]
    assert (version.read().stage, version.read().begun) == (PREDICTING, 0)
    with queue(spool, quick.predict):
        assert settled(spool).stage == PREDICTED


def test_what_takes_the_node_down_each_time_is_given_up(spool):
    spool.store(whole(make_object(1)))
    version = spool.freeze(STUDY)
    version.write(State(PREDICTING, "x", begun=MOST_STARTS))
    with queue(spool, quick.predict) as passed_on:
        state = settled(spool)
    assert (state.stage, passed_on) == (FAILED, [])
    assert state.reason == f"was begun 5 times, and the node never saw the end; look into {version.log}"


def test_what_failed_is_tried_again_if_that_is_asked_for(spool):
    spool.store(whole(make_object(1)))
    with queue(spool, quick.refuse):
        settled(spool)
    with queue(spool, quick.predict, retry=True) as passed_on:
        wait_until(lambda: passed_on == spool.versions(STUDY))
    assert spool.versions(STUDY)[0].read().stage == PREDICTED


def test_a_result_without_a_state_is_taken_as_it_is(spool):
    spool.store(whole(make_object(1)))
    version = spool.freeze(STUDY)
    quick.predict(version.inputs, version.result)
    before = version.files()[0].read_bytes()
    with queue(spool, quick.fall) as passed_on:
        wait_until(lambda: passed_on == [version])
    assert version.files()[0].read_bytes() == before
    assert version.read().stage == PREDICTED


def test_an_error_of_the_disk_holds_up_one_study_only(spool, monkeypatch, caplog):
    spool.store(whole(make_object(1)))
    spool.store(whole(make_object(1, study="1.2.7")))
    freeze = spool.freeze

    def sometimes(uid):
        if uid == STUDY:
            raise OSError(28, "No space left on device")
        return freeze(uid)

    monkeypatch.setattr(spool, "freeze", sometimes)
    with queue(spool, quick.predict) as passed_on:
        wait_until(lambda: passed_on)
    assert passed_on[0].study_uid == "1.2.7"
    assert STUDY in spool.waiting()
    assert "No space left on device; tried again" in caplog.text


def test_a_state_that_the_disk_does_not_take_is_written_later(spool, monkeypatch, caplog):
    spool.store(whole(make_object(1)))
    monkeypatch.setattr(predicting, "_AFTER_ERROR", 0.1)
    write, failures = Version.write, [OSError(28, "No space left on device")]

    def fail_once(version, state):
        if state.begun and failures:
            raise failures.pop()
        write(version, state)

    monkeypatch.setattr(Version, "write", fail_once)
    with queue(spool, quick.predict) as passed_on:
        wait_until(lambda: passed_on)
    assert "No space left on device; tried again" in caplog.text
    assert spool.versions(STUDY)[0].read().stage == PREDICTED
