"""What ``benchmark run`` tells one to do about data and trainers, done as the message has it."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from nnunet_cipa.cli import main
from tests.benchmark.conftest import CASES
from tests.benchmark.run.test_refusals import refused


def trained(fake, *options, folds=(0, 1), **more):
    """Run again, and see that each fold was trained."""
    fake.forget()
    assert fake.run(*options, folds=folds, **more) == 0
    assert [words.split()[2] for words in fake.words()] == [str(fold) for fold in folds]
    fake.forget()


def folds(*pairs):
    return json.dumps([{"train": train.split(), "val": val.split()} for train, val in pairs])


SOUND = folds(("0002 0003", "0001"), ("0001 0003", "0002"))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "write the folds there, by patient"),
        ('{"train": []}', "write the folds there, by patient"),
        ('[{"train": ["0001"]}]', "write the folds there, by patient"),
        (folds(("", "0001"), ("0001 0003", "0002")), "name some for both"),
        (folds(("0001 0002 0003", "0001"), ("0001 0003", "0002")), "take it out of the training cases"),
    ],
    ids=["cut off", "no list", "half a fold", "nothing to train", "in both parts"],
)
def test_the_file_of_folds_is_written_as_told(fake, capsys, content, told):
    (fake.preprocessed / "splits_final.json").write_text(content)
    line = refused(fake, capsys)
    assert told in line
    Path(re.search(r"error: (\S+): ", line)[1]).write_text(SOUND)
    trained(fake)


def test_the_file_of_folds_is_written_where_there_is_none(fake, capsys):
    path = fake.preprocessed / "splits_final.json"
    path.unlink()
    assert f"{path}: no such file; write the folds there" in refused(fake, capsys)
    path.write_text(SOUND)
    trained(fake)


def test_folds_of_those_that_are_told(fake, capsys):
    first, last = re.search(r"give --folds from (\d) to (\d)$", refused(fake, capsys, folds=(0, 3))).groups()
    trained(fake, folds=range(int(first), int(last) + 1))


def test_configurations_of_those_that_are_told(fake, capsys):
    line = refused(fake, capsys, "--configurations", "3d_lowres")
    for configuration in re.search(r"only (.*); give some of these as --configurations$", line)[1].split(", "):
        trained(fake, "--configurations", configuration)
    line = refused(fake, capsys, "--configurations", "3d_fullres", trainers=("nnUNetTrainerCIPA",))
    named = re.search(r"train configuration (\w+); give a --configurations that it can be trained on$", line)[1]
    trained(fake, "--configurations", named, trainers=("nnUNetTrainerCIPA",))


@pytest.fixture
def planner(fake, monkeypatch):
    """Let nnU-Net's programs for planning write what the real ones do."""
    plans = (fake.preprocessed / "nnUNetPlans.json").read_text()
    planned = str(fake.preprocessed / "nnUNetResEncUNetLPlans.json")
    fake.program(
        "nnUNetv2_plan_and_preprocess",
        f"import sys\nassert sys.argv[-1] == 'nnUNetPlannerResEncL'\nopen({planned!r}, 'w').write({plans!r})\n",
    )
    files = [str(fake.preprocessed / "nnUNetPlans_2d" / f"{case}.b2nd") for case in CASES]
    fake.program("nnUNetv2_preprocess", f"for path in {files}:\n    open(path, 'w').close()\n")
    monkeypatch.setenv("PATH", str(fake.bin), prepend=os.pathsep)


@pytest.mark.parametrize("plans", ["nnUNetPlans", "nnUNetResEncUNetLPlans"])
@pytest.mark.parametrize("way", ["run", "give"])
def test_what_is_missing_is_planned_by_the_command_or_the_option(fake, capsys, planner, plans, way):
    if plans == "nnUNetPlans":
        (fake.preprocessed / "nnUNetPlans_2d" / "0002.b2nd").unlink()
    line = refused(fake, capsys, "--plans", plans)
    command, option = re.search("is not planned and preprocessed; run (.*); or give (--plan)$", line).groups()
    if way == "run":
        subprocess.run(command, shell=True, check=True)
    trained(fake, "--plans", plans, *([option] if way == "give" else []))


def test_other_plans_of_those_that_are_told(fake, capsys, planner):
    line = refused(fake, capsys, "--plans", "MyPlans")
    option, names = re.search(r"give one of these as --plans, and (--plan): (.*)$", line).groups()
    for name in ("nnUNetPlans", "nnUNetResEncUNetLPlans"):
        assert name in names.split(", ")
        trained(fake, "--plans", name, option)


def test_plans_that_are_cut_off_are_made_again_or_others_given(fake, capsys):
    fake.plan("OtherPlans")
    (fake.preprocessed / "nnUNetPlans.json").write_text("{")
    assert "plan the data set, or give the name of other --plans" in refused(fake, capsys)
    trained(fake, "--plans", "OtherPlans")
    fake.plan()
    trained(fake)


def test_a_case_of_the_folds_that_the_data_set_does_not_have_is_taken_out(fake, capsys, planner):
    path = fake.preprocessed / "splits_final.json"
    path.write_text(folds(("0002 0003", "0001 0009"), ("0001 0003", "0002")))
    assert refused(fake, capsys).endswith("or give --plan")
    line = refused(fake, capsys, "--plan")
    assert f"take cases out of {path} that the data set does not have" in line
    (log,) = Path(re.search(r"or see the logs in (\S+)$", line)[1]).iterdir()
    assert log.name == "preprocess_nnUNetPlans.log"
    path.write_text(SOUND)
    trained(fake)


OWN = """\
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer


class nnUNetTrainerOfAUser(nnUNetTrainer):
    pass
"""


@pytest.mark.parametrize(
    ("wrong", "options", "told", "right"),
    [
        ("trainer nnUNetTrainer", (), "NAME is what follows nnU-Net's -tr", "nnUNetTrainer"),
        ("nnUNetTrainer:no.pth", (), "give the checkpoint to start from", "nnUNetTrainer:{}/a.pth"),
        ("nnUNetTrainer:{}/a.pth", ("--adapt",), "leave out --adapt", "nnUNetTrainer:{}/a.pth"),
        ("nnUNetTrainer2D", (), "ours are .*nnUNetTrainerCIPA_noCRM, ", "nnUNetTrainerCIPA_noCRM"),
    ],
)
def test_trainers_are_named_as_told(fake, capsys, tmp_path, wrong, options, told, right):
    (tmp_path / "a.pth").touch()
    assert re.search(told, refused(fake, capsys, *options, trainers=[wrong.format(tmp_path)]))
    trained(fake, trainers=[right.format(tmp_path)])


def test_a_trainer_is_found_once_its_directory_is_added(fake, capsys, tmp_path, monkeypatch):
    own = ("nnUNetTrainerOfAUser",)
    assert "add its directory to nnUNet_extTrainer" in refused(fake, capsys, trainers=own)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "of_a_user.py").write_text(OWN)
    monkeypatch.setenv("nnUNet_extTrainer", str(tmp_path / "own"))
    trained(fake, trainers=own)


def test_checkpoint_and_encoder_of_a_preset(fake, capsys, tmp_path, monkeypatch):
    words = ["--preset", "transfer-source"]
    line = refused(fake, capsys, *words, trainers=())
    words += [re.search(r"give its checkpoint_final\.pth as (--[\w-]+)", line)[1], tmp_path / "checkpoint_final.pth"]
    assert "give the checkpoint to start from" in refused(fake, capsys, *words, trainers=())
    words[-1].touch()
    variable = re.search(r"weights import' and set (\w+) to it$", refused(fake, capsys, *words, trainers=()))[1]
    (tmp_path / "encoder.pth").touch()
    monkeypatch.setenv(variable, str(tmp_path / "encoder.pth"))
    assert fake.run(*words, trainers=()) == 0
    assert len(fake.words()) == 8


def test_a_seed_is_set_as_told_or_unset(fake, capsys, monkeypatch):
    monkeypatch.setenv("NNUNET_CIPA_SEED", "one")
    line = refused(fake, capsys)
    monkeypatch.setenv("NNUNET_CIPA_SEED", re.search(r"set it to .*?(\d+).*, or unset it", line)[1])
    trained(fake)
    monkeypatch.delenv("NNUNET_CIPA_SEED")
    trained(fake, "--out", fake.folder / "another")


def test_one_of_two_data_sets_is_named_whole(fake, capsys):
    (fake.preprocessed.parent / "Dataset701_Twin").mkdir()
    name = re.search(r"701: (\w+), \w+ in .*; give the number or the whole name of one", refused(fake, capsys))[1]
    words = fake.arguments()
    assert main([name if word == "701" else word for word in words]) == 0
    assert len(fake.words()) == 2


@pytest.mark.parametrize("variable", ["nnUNet_preprocessed", "nnUNet_results"])
def test_a_folder_is_named_by_its_variable(fake, capsys, monkeypatch, variable):
    folder = os.environ[variable]
    monkeypatch.delenv(variable)
    name = re.search(rf"set it to nnU-Net's folder: export (\w+)=/path/to/{variable}$", refused(fake, capsys))[1]
    monkeypatch.setenv(name, folder)
    trained(fake)
