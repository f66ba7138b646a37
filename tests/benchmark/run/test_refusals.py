"""What a run refuses, and that nothing was started then."""

import json

import pytest
from filelock import FileLock

from nnunet_cipa.benchmark.run.run import LOCK


def refused(fake, capsys, *arguments, **more):
    assert fake.run(*arguments, **more) == 1
    assert fake.words() == []
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_two_runs_at_one_folder(fake, capsys):
    fake.out.mkdir(parents=True)
    with FileLock(fake.out / LOCK):
        line = refused(fake, capsys)
    assert line == (
        f"nnunet-cipa: error: {fake.out}: another benchmark run is at work here; wait for it to end, or give another "
        "folder as --out"
    )
    assert fake.run() == 0


@pytest.mark.parametrize("option", ["--epochs", "--iterations"])
def test_another_budget_in_the_same_folder(fake, capsys, option):
    assert fake.run(folds=(0,)) == 0
    fake.forget()
    capsys.readouterr()
    line = refused(fake, capsys, option, 10, folds=(1,))
    assert "holds a benchmark with budget 218 x 250, not " in line
    assert "--out" in line


@pytest.mark.parametrize("name", ["splits_final.json", "nnUNetPlans.json", "dataset.json"])
def test_folds_plans_or_labels_that_changed_since(fake, capsys, name):
    assert fake.run(folds=(0,)) == 0
    fake.forget()
    capsys.readouterr()
    path = fake.preprocessed / name
    path.write_text(path.read_text() + "\n")
    line = refused(fake, capsys, folds=(1,))
    assert f"{path}: has changed since the benchmark in {fake.out} began" in line


def test_a_fold_that_nnunet_would_draw_at_random(fake, capsys):
    line = refused(fake, capsys, folds=(0, 3))
    assert "splits_final.json: has 3 folds, numbered from 0, and no fold 3" in line


def test_a_case_in_training_and_validation(fake, capsys):
    fake.write("splits_final.json", [{"train": ["0001", "0002"], "val": ["0002"]}])
    assert "0002 is in training and validation of fold 0" in refused(fake, capsys, folds=(0,))


def test_no_folds_file(fake, capsys):
    (fake.preprocessed / "splits_final.json").unlink()
    assert "splits_final.json: no such file; write the folds there, by patient" in refused(fake, capsys)


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        (("--plans", "nnUNetResEncUNetLPlans"), "nnUNetv2_plan_and_preprocess -d 701 -c 2d -pl nnUNetPlannerResEncL"),
        (("--configurations", "2d", "3d_lowres"), "has no configuration 3d_lowres, only 2d, 3d_fullres"),
        (("--plans", "MyPlans"), "plan the data set with your planner"),
    ],
)
@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_what_is_not_planned(fake, capsys, arguments, remedy, more):
    assert remedy in refused(fake, capsys, *arguments, *more)


def test_a_case_that_is_not_preprocessed(fake, capsys):
    (fake.preprocessed / "nnUNetPlans_2d" / "0002.b2nd").unlink()
    line = refused(fake, capsys)
    assert "is not planned and preprocessed; run nnUNetv2_preprocess -d 701 -plans_name nnUNetPlans -c 2d" in line


def test_plan_runs_the_stock_command_and_takes_its_word_for_nothing(fake, capsys):
    case = fake.preprocessed / "nnUNetPlans_2d" / "0002.b2nd"
    case.unlink()
    fake.program("nnUNetv2_preprocess", "print('nothing done')")
    assert "is not planned and preprocessed" in refused(fake, capsys, "--plan")
    fake.program("nnUNetv2_preprocess", f"open({str(case)!r}, 'w').close()")
    assert fake.run("--plan") == 0
    case.unlink()
    fake.program("nnUNetv2_preprocess", "import sys\nsys.exit('out of memory')")
    assert fake.run("--plan") == 1
    assert "preprocess_nnUNetPlans.log, its end: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("trainers", "arguments", "told"),
    [
        (("NoSuchTrainer",), (), "--trainers NoSuchTrainer: nnU-Net finds no such trainer"),
        (("nnUNetTrainerCIPA",), ("--configurations", "3d_fullres"), "configuration 3d_fullres is three-dimensional"),
        (("nnUNetTrainer:missing.pth",), (), "missing.pth is not a file"),
        ((), ("--preset", "igtv-table2"), "give its checkpoint_final.pth as --gtv-checkpoint"),
    ],
)
def test_trainers_that_cannot_be(fake, capsys, trainers, arguments, told):
    assert told in refused(fake, capsys, *arguments, trainers=trainers)


def test_weights_are_adapted_to_cipa_alone(fake, capsys, tmp_path):
    (tmp_path / "start.pth").touch()
    line = refused(fake, capsys, "--adapt", trainers=(f"nnUNetTrainer:{tmp_path / 'start.pth'}",))
    assert "not a trainer of CIPA" in line


def test_encoder_that_is_not_set(fake, capsys, tmp_path):
    (tmp_path / "gtv.pth").touch()
    options = ("--preset", "transfer-source", "--gtv-checkpoint", tmp_path / "gtv.pth")
    line = refused(fake, capsys, *options, trainers=())
    assert "encoder from ImageNet: starts from an encoder" in line
    assert "NNUNET_CIPA_ENCODER" in line


def test_data_that_are_not_ct_and_pet(fake, capsys):
    content = json.loads((fake.preprocessed / "dataset.json").read_text())
    fake.write("dataset.json", {**content, "channel_names": {"0": "MRI", "1": "MRI"}})
    assert "CIPA needs one CT and one PET channel" in refused(fake, capsys, trainers=("nnUNetTrainerCIPA",))


def test_data_set_that_is_not_there(fake, capsys):
    (fake.preprocessed.parent / "Dataset701_Twin").mkdir()
    assert "Dataset701_Phantom, Dataset701_Twin in " in refused(fake, capsys)


def test_folder_of_something_else(fake, capsys, tmp_path):
    (tmp_path / "benchmark.json").write_text('{"made_by": "somebody"}')
    assert "is of no benchmark" in refused(fake, capsys, "--out", tmp_path)


@pytest.mark.parametrize(
    ("arguments", "trainers"),
    [
        ((), ()),
        (("--gpus", 0), ("nnUNetTrainer",)),
        (("--slurm", "partition=gpu"), ("nnUNetTrainer",)),
        (("--no-wait",), ("nnUNetTrainer",)),
        (("--epochs", 0), ("nnUNetTrainer",)),
        (("--epochs", "many"), ("nnUNetTrainer",)),
        (("--iterations", 0), ("nnUNetTrainer",)),
        (("--jobs", 0), ("nnUNetTrainer",)),
        (("--folds", -1), ("nnUNetTrainer",)),
        (("--folds", "all"), ("nnUNetTrainer",)),
    ],
)
def test_wrong_command_line_ends_with_2(fake, arguments, trainers):
    with pytest.raises(SystemExit) as stop:
        fake.run(*arguments, trainers=trainers)
    assert stop.value.code == 2
    assert fake.words() == []
