"""What ``benchmark run`` tells one to do about an earlier run, its records and Slurm, done as the message has it."""

import fcntl
import json
import os
import re
from pathlib import Path

import pytest
from filelock import FileLock

from nnunet_cipa.benchmark.report.models import read_record
from nnunet_cipa.benchmark.run.run import LOCK
from nnunet_cipa.errors import CIPAError
from tests.benchmark.run.test_refusals import refused
from tests.benchmark.run.test_remedies import trained
from tests.benchmark.run.test_slurm import SBATCH, SLURM

KEY = "nnUNetTrainer_218x250__nnUNetPlans__2d"
CIPA = ("nnUNetTrainerCIPA",)


def damage(fake):
    (fake.out / "benchmark.json").write_text("{")


def something_else(fake):
    (fake.out / "benchmark.json").write_text('{"made_by": "somebody"}')


def change_plans(fake):
    fake.plan(batch_size=11)


@pytest.mark.parametrize(
    ("fault", "options", "told"),
    [
        (damage, (), "benchmark.json: is not valid JSON .*; give another folder as (--out)$"),
        (something_else, (), "is of no benchmark, or damaged; give another folder as (--out)$"),
        (None, ("--epochs", 9), "budget 218 x 250, not 9 x 250; give another folder as (--out)$"),
        (change_plans, (), "has changed since .*; bring it back, or give another folder as (--out)$"),
    ],
)
def test_another_folder_takes_what_the_first_does_not(fake, capsys, tmp_path, fault, options, told):
    trained(fake)
    capsys.readouterr()
    if fault:
        fault(fake)
    option = re.search(told, refused(fake, capsys, *options))[1]
    trained(fake, *options, option, tmp_path / "another")


def test_plans_that_changed_are_brought_back(fake, capsys):
    trained(fake, folds=(0,))
    path = fake.preprocessed / "nnUNetPlans.json"
    before = path.read_text()
    change_plans(fake)
    capsys.readouterr()
    assert f"{path}: has changed since" in refused(fake, capsys, folds=(1,))
    path.write_text(before)
    trained(fake, folds=(1,))


def test_a_folder_is_given_instead_of_a_file(fake, capsys, tmp_path):
    (tmp_path / "file").touch()
    option = re.search(r"is a file; give a folder as (--out)$", refused(fake, capsys, "--out", tmp_path / "file"))[1]
    trained(fake, option, tmp_path / "folder")


def test_another_folder_beside_a_run_that_is_at_work(fake, capsys, tmp_path):
    fake.out.mkdir(parents=True)
    with FileLock(fake.out / LOCK):
        line = refused(fake, capsys)
        trained(fake, re.search(r"give another folder as (--out)$", line)[1], tmp_path / "another")
    trained(fake)


@pytest.mark.parametrize("seeds", [("7", "8"), ("7", None), (None, "7")], ids=str)
@pytest.mark.parametrize("way", ["variable", "--out", "--seeds"])
def test_a_model_of_another_seed(fake, capsys, monkeypatch, tmp_path, seeds, way):
    def set_variable(value):
        if value is None:
            monkeypatch.delenv("NNUNET_CIPA_SEED", raising=False)
        else:
            monkeypatch.setenv("NNUNET_CIPA_SEED", value)

    set_variable(seeds[0])
    trained(fake, trainers=CIPA, folds=(0,))
    set_variable(seeds[1])
    capsys.readouterr()
    line = refused(fake, capsys, trainers=CIPA, folds=(1,))
    told = re.search(
        r"; (?:unset|set) NNUNET_CIPA_SEED(?: to (\d+))?, or give another folder as --out, or --seeds", line
    )
    if way == "variable":
        set_variable(told[1])
    options = {"variable": (), "--out": ("--out", tmp_path / "another"), "--seeds": ("--seeds", 8)}[way]
    trained(fake, *options, trainers=CIPA, folds=(1,))


@pytest.mark.parametrize("content", ["{", "[]", '{"attempts": [{}]}'])
def test_a_record_of_a_fold_is_removed_and_its_training_goes_on(fake, capsys, content):
    fake.behave("* fail-after-latest")
    assert fake.run(folds=(0,)) == 1
    record = fake.out / "jobs" / KEY / "fold_0.json"
    record.write_text(content)
    fake.forget()
    capsys.readouterr()
    assert fake.run(folds=(0,)) == 1
    line = capsys.readouterr().err.splitlines()[0]
    assert fake.words() == []
    Path(re.search(r"failed: (\S+): .*; remove it; the training is not lost$", line)[1]).unlink()
    trained(fake, folds=(0,))
    assert json.loads(record.read_text())["attempts"][0]["action"] == "continue"


def test_the_same_command_once_another_process_has_ended(fake, capsys):
    (fake.out / "jobs" / KEY).mkdir(parents=True)
    with (fake.out / "jobs" / KEY / "fold_0.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert fake.run() == 1
        failed, last = capsys.readouterr().err.splitlines()
        assert "another process trains this fold" in failed
        assert f"wait for it or end it, see {fake.out / 'jobs' / KEY / 'fold_0.log'}" in failed
        assert last.endswith("1 of 2 jobs failed; the same command runs these again and no other")
    trained(fake, folds=(0,))


@pytest.fixture
def slurm(fake, monkeypatch):
    """Commands of Slurm that take jobs and run none."""
    monkeypatch.setenv("PATH", str(fake.bin), prepend=os.pathsep)
    (fake.folder / "queue_is_full").touch()

    def install():
        fake.program("sbatch", SBATCH)
        fake.program("srun", "")

    return install


def submitted(fake, *options):
    assert fake.run(*SLURM, "--no-wait", *options, device="cuda") == 0
    return (fake.folder / "batch_1").read_text()


def test_slurm_is_taken_where_its_commands_are(fake, capsys, slurm):
    assert refused(fake, capsys, *SLURM, device="cuda").endswith("; run it where sbatch and srun are")
    slurm()
    assert "#SBATCH --array=0-1" in submitted(fake)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("partition", r"write it as in (\S+)$"),
        ("time=1-00:00:00", r"\(time is in minutes\); write it as in (\S+)$"),
        ("gpus_per_node=a100:2", r"has to be a whole number .*; write it as in (\S+)$"),
    ],
)
def test_options_of_slurm_are_written_as_told(fake, capsys, slurm, wrong, told):
    slurm()
    option = re.search(told, refused(fake, capsys, *SLURM, "--slurm", wrong, device="cuda"))[1]
    assert f"#SBATCH --{option.replace('_', '-')}\n" in submitted(fake, "--slurm", option)


def test_the_number_of_jobs_at_a_time_is_an_option_of_the_benchmark(fake, capsys, slurm):
    slurm()
    line = refused(fake, capsys, *SLURM, "--slurm", "array_parallelism=1", device="cuda")
    option = re.search(r"leave it out \((--jobs) says how many run at a time\)$", line)[1]
    assert "#SBATCH --array=0-1%1\n" in submitted(fake, option, 1)


@pytest.mark.parametrize("content", ["{", "[]", "{}"])
def test_a_file_of_the_queue_is_removed(fake, capsys, slurm, content):
    slurm()
    (fake.out / "jobs" / KEY).mkdir(parents=True)
    path = fake.out / "jobs" / KEY / "fold_0.slurm.json"
    path.write_text(content)
    line = refused(fake, capsys, *SLURM, device="cuda")
    Path(re.search(r"error: (\S+): .*; remove it, after a look at squeue$", line)[1]).unlink()
    submitted(fake)
    assert json.loads(path.read_text())["job_id"] == "1_0"


@pytest.mark.parametrize("content", ["{", '{"made_by": "somebody"}'])
def test_a_record_that_a_report_refuses_is_written_again_by_the_same_command(fake, content):
    trained(fake)
    (fake.out / "benchmark.json").write_text(content)
    with pytest.raises(
        CIPAError, match="remove it and give the command of 'benchmark run' again, which trains nothing"
    ):
        read_record(fake.out)
    (fake.out / "benchmark.json").unlink()
    assert fake.run() == 0
    assert fake.words() == []
    assert list(read_record(fake.out).models) == [KEY]
