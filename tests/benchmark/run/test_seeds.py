"""Several seeds of one trainer, and a seed of the caller's variable."""

import json

import pytest

from nnunet_cipa.benchmark.report.models import read_record, recorded_models

WORDS = "Dataset701_Phantom 2d {} -tr {} -p nnUNetPlans -device cpu"


def record_of(fake):
    return json.loads((fake.out / "benchmark.json").read_text())


def attempts(fake, key, fold):
    return json.loads((fake.out / "jobs" / key / f"fold_{fold}.json").read_text())["attempts"]


def test_each_seed_is_a_model_with_a_trainer_results_and_records_of_its_own(fake, capsys):
    trainers = ("nnUNetTrainer", "nnUNetTrainerCIPA")
    assert fake.run("--epochs", 4, "--iterations", 10, "--seeds", 2, 0, 2, trainers=trainers) == 0
    names = [f"{trainer}_4x10_seed{seed}" for trainer in trainers for seed in (2, 0)]
    assert fake.words() == [WORDS.format(fold, name) for fold in (0, 1) for name in names]
    assert {path.stem for path in (fake.out / "trainers").glob("*.py")} == set(names)
    assert len(list(fake.out.rglob("checkpoint_final.pth"))) == 8
    record = record_of(fake)
    assert list(record["models"]) == [f"{name}__nnUNetPlans__2d" for name in names]
    assert [model["title"] for model in record["models"].values()] == [
        f"{trainer}, seed {seed}" for trainer in trainers for seed in (2, 0)
    ]
    assert [model["seed"] for model in record["models"].values()] == [2, 0, 2, 0]
    assert record["seeds"] == {"training": [0, 2]}
    assert attempts(fake, f"{names[1]}__nnUNetPlans__2d", 1)[0]["seed"] == 0
    assert "4 models, 8 jobs" in capsys.readouterr().out
    models = recorded_models(read_record(fake.out), ["nnUNetTrainer"])
    assert [model.title for model in models] == ["nnUNetTrainer, seed 2", "nnUNetTrainer, seed 0"]
    assert read_record(fake.out).facts["seed of training"] == "0, 2"


def test_seeds_at_each_trainers_own_length_and_from_a_checkpoint(fake, tmp_path):
    (tmp_path / "gtv.pth").write_text("gtv")
    spec = f"nnUNetTrainerCIPA:{tmp_path / 'gtv.pth'}"
    assert fake.run("--epochs", "own", "--adapt", "--seeds", 1, 2, trainers=(spec,), folds=(0,)) == 0
    files = [call["words"][-1] for call in fake.calls()]
    assert [call["words"][4] for call in fake.calls()] == ["nnUNetTrainerCIPA_seed1", "nnUNetTrainerCIPA_seed2"]
    assert len(set(files)) == 2
    assert len(list(fake.out.rglob("checkpoint_final.pth"))) == 2


def test_dry_run_of_seeds_writes_nothing_and_names_the_trainers(fake, capsys):
    assert fake.run("--seeds", 1, "--epochs", "own", "--dry-run", folds=(0,)) == 0
    assert not fake.out.exists()
    out = capsys.readouterr().out
    assert "-tr nnUNetTrainer_seed1" in out
    assert f"writes its trainers to {fake.out / 'trainers'}" in out


def test_a_seed_of_the_caller_is_recorded_for_the_trainers_that_take_it(fake, monkeypatch, capsys):
    monkeypatch.setenv("NNUNET_CIPA_SEED", "7")
    assert fake.run(trainers=("nnUNetTrainer", "nnUNetTrainerCIPA"), folds=(0,)) == 0
    record = record_of(fake)
    assert {key.split("_")[0]: model["seed"] for key, model in record["models"].items()} == {
        "nnUNetTrainer": None, "nnUNetTrainerCIPA": 7,
    }  # fmt: skip
    assert record["seeds"] == {"training": [7], "note": "none for nnUNetTrainer"}
    (attempt,) = attempts(fake, "nnUNetTrainerCIPA_218x250__nnUNetPlans__2d", 0)
    assert attempt["seed"] == 7
    assert "NNUNET_CIPA_SEED=7 nnUNetv2_train" in attempt["command"]
    out = capsys.readouterr().out
    assert "nnUNetTrainerCIPA: seed 7, of NNUNET_CIPA_SEED" in out
    assert "nnUNetTrainer: does not know NNUNET_CIPA_SEED" in out


@pytest.mark.parametrize(
    ("first", "then", "remedy"),
    [
        ("7", "8", "set NNUNET_CIPA_SEED to 7"),
        ("7", "", "set NNUNET_CIPA_SEED to 7"),
        ("", "7", "unset NNUNET_CIPA_SEED"),
    ],
)
def test_one_model_is_not_trained_with_two_seeds(fake, monkeypatch, capsys, first, then, remedy):
    monkeypatch.setenv("NNUNET_CIPA_SEED", first)
    assert fake.run(trainers=("nnUNetTrainerCIPA",), folds=(0,)) == 0
    fake.forget()
    monkeypatch.setenv("NNUNET_CIPA_SEED", then)
    for options in ((), ("--dry-run",)):
        capsys.readouterr()
        assert fake.run(*options, trainers=("nnUNetTrainerCIPA",), folds=(1,)) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert f"seed {first or 'none'}, not {then or 'none'}; {remedy}, or" in line
    assert fake.words() == []
    assert fake.run("--seeds", 8, trainers=("nnUNetTrainerCIPA",), folds=(1,)) == 0


def test_a_folder_of_before_goes_on_and_is_read(fake):
    assert fake.run(folds=(0,)) == 0
    record = record_of(fake)
    for model in record["models"].values():
        del model["seed"]
    record["seeds"] = {"training": None, "note": "as it was"}
    (fake.out / "benchmark.json").write_text(json.dumps(record))
    assert read_record(fake.out).facts["seeds"] == "as it was"
    assert fake.run("--seeds", 1, folds=(0, 1)) == 0
    assert fake.run(folds=(0, 1)) == 0
    record = record_of(fake)
    assert [model["seed"] for model in record["models"].values()] == [None, 1]
    assert record["seeds"] == {"training": [1], "note": "none for nnUNetTrainer"}


@pytest.mark.parametrize("seed", ["-1", "4294967296", "one", "1.5"])
def test_what_is_no_seed_is_refused(fake, monkeypatch, capsys, seed):
    with pytest.raises(SystemExit) as ended:
        fake.run(f"--seeds={seed}")
    assert ended.value.code == 2
    assert "--seeds" in capsys.readouterr().err
    monkeypatch.setenv("NNUNET_CIPA_SEED", seed)
    assert fake.run() == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert f"NNUNET_CIPA_SEED is '{seed}'; set it to" in line
    assert fake.words() == []
