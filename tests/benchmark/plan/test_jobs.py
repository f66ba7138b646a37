"""How far a fold is, by the files that are there."""

import json
import zipfile
from dataclasses import replace

import pytest

from nnunet_cipa.benchmark.plan.jobs import Action, Job


@pytest.fixture
def job(tmp_path):
    folder = tmp_path / "fold_2"
    (folder / "validation").mkdir(parents=True)
    words = ("nnUNetv2_train", "Dataset701_X", "2d", "2", "-tr", "T")
    return Job("T__P__2d", 2, folder, tmp_path / "jobs", words, ("-pretrained_weights", "w.pth"), {"A": "b"})


def put(job, *names):
    for name in names:
        path = job.folder / name
        if name.endswith(".json"):
            path.write_text(json.dumps({}))
        else:
            with zipfile.ZipFile(path, "w") as file:
                file.writestr("data", "x" * 1000)


FINAL, LATEST, BEST = "checkpoint_final.pth", "checkpoint_latest.pth", "checkpoint_best.pth"
SUMMARY = "validation/summary.json"


@pytest.mark.parametrize(
    ("files", "action", "ending"),
    [
        ((), Action.TRAIN, "-tr T -pretrained_weights w.pth"),
        ((LATEST,), Action.CONTINUE, "-tr T --c"),
        ((BEST,), Action.CONTINUE, "-tr T --c"),
        ((LATEST, BEST, SUMMARY), Action.CONTINUE, "-tr T --c"),
        ((FINAL, BEST), Action.VALIDATE, "-tr T --val"),
    ],
)
def test_command_of_what_remains(job, files, action, ending):
    put(job, *files)
    assert job.next_action() is action
    assert job.step(action).line == f"A=b nnUNetv2_train Dataset701_X 2d 2 {ending}"


def test_a_fold_with_final_checkpoint_and_summary_is_done(job):
    put(job, FINAL, SUMMARY)
    assert job.next_action() is Action.NONE


@pytest.mark.parametrize(
    ("files", "broken", "action", "left"),
    [
        ((LATEST,), LATEST, Action.TRAIN, set()),
        ((LATEST, BEST), LATEST, Action.CONTINUE, {BEST}),
        ((FINAL, LATEST), FINAL, Action.CONTINUE, {LATEST}),
        ((FINAL, BEST), BEST, Action.VALIDATE, {FINAL}),
    ],
)
def test_a_checkpoint_that_a_kill_has_cut_off_is_set_aside(job, files, broken, action, left):
    put(job, *files)
    whole = (job.folder / broken).read_bytes()
    (job.folder / broken).write_bytes(whole[: len(whole) - 30])
    assert job.next_action() is action
    job.set_broken_aside()
    assert {path.name for path in job.folder.glob("*.pth")} == left
    assert (job.folder / f"{broken}.broken").read_bytes() == whole[:-30]


def test_a_summary_that_a_kill_has_cut_off_is_written_again(job):
    put(job, FINAL)
    (job.folder / SUMMARY).write_text('{"mean": {"1"')
    assert job.next_action() is Action.VALIDATE


@pytest.mark.parametrize(("there", "action"), [(0, Action.VALIDATE), (1, Action.VALIDATE), (2, Action.NONE)])
def test_a_fold_whose_probabilities_are_wanted_has_those_of_every_case(job, there, action):
    put(job, FINAL, *(f"validation/case{number}.npz" for number in range(there)))
    (job.folder / SUMMARY).write_text(json.dumps({"metric_per_case": [{}, {}]}))
    assert job.next_action() is Action.NONE
    assert replace(job, probabilities=True).next_action() is action
