"""The command line with an nnUNetv2_train that writes files at once, or fails."""

import json
import os

import pytest

WORDS = "Dataset701_Phantom 2d {} -tr {} -p nnUNetPlans -device cpu"


def attempts(fake, key, fold):
    return json.loads((fake.out / "jobs" / key / f"fold_{fold}.json").read_text())["attempts"]


def test_folds_are_trained_one_after_the_other_by_the_stock_command(fake, capsys):
    assert fake.run(trainers=("nnUNetTrainer", "nnUNetTrainerCIPA")) == 0
    names = ("nnUNetTrainer_218x250", "nnUNetTrainerCIPA_218x250")
    assert fake.words() == [WORDS.format(fold, name) for fold in (0, 1) for name in names]
    for call in fake.calls():
        assert call["variables"]["nnUNet_results"] == str(fake.out / "nnUNet_results")
        assert call["variables"]["nnUNet_extTrainer"].split(os.pathsep)[-1] == str(fake.out / "trainers")
        assert call["variables"]["NNUNET_CIPA_ENCODER"] == ""
    assert {path.stem for path in (fake.out / "trainers").glob("*.py")} == set(names)
    assert "2 models, 4 jobs, 0 of them done; 54500 iterations each" in capsys.readouterr().out


def test_what_is_done_is_not_done_again_and_what_is_not_goes_on(fake):
    fake.behave("*/0 fail-after-latest", "*/1 fail-in-validation", "*/2 fail")
    assert fake.run(folds=(0, 1, 2)) == 1
    fake.forget()
    fake.behave()
    assert fake.run(folds=(0, 1, 2)) == 0
    name = "nnUNetTrainer_218x250"
    ends = (" --c", " --val", "")
    assert fake.words() == [WORDS.format(fold, name) + end for fold, end in enumerate(ends)]
    fake.forget()
    assert fake.run(folds=(0, 1, 2)) == 0
    assert fake.words() == []
    actions = [[attempt["action"] for attempt in attempts(fake, f"{name}__nnUNetPlans__2d", f)] for f in (0, 1, 2)]
    assert actions == [["train", "continue"], ["train", "validate"], ["train", "train"]]


def test_probabilities_are_saved_by_the_stock_option(fake):
    fake.behave("*/1 fail-in-validation")
    assert fake.run("--probabilities") == 1
    name = "nnUNetTrainer_218x250"
    assert fake.words() == [f"{WORDS.format(fold, name)} --npz" for fold in (0, 1)]
    fake.forget()
    fake.behave()
    assert fake.run("--probabilities") == 0
    assert fake.words() == [f"{WORDS.format(1, name)} --npz --val"]


def test_a_failure_does_not_stop_the_others_and_is_told_in_a_line_with_its_log(fake, capsys):
    fake.behave("nnUNetTrainer_218x250/0 fail", "nnUNetTrainer_218x250/1 say-nothing-left")
    assert fake.run(trainers=("nnUNetTrainer", "nnUNetTrainerCIPA")) == 1
    assert len(fake.words()) == 4
    first, second, last = capsys.readouterr().err.splitlines()
    logs = [fake.out / "jobs" / "nnUNetTrainer_218x250__nnUNetPlans__2d" / f"fold_{fold}.log" for fold in (0, 1)]
    assert first.startswith("nnunet-cipa: failed: nnUNetTrainer_218x250__nnUNetPlans__2d fold 0: train ended with exit")
    assert f"exit code 3; see {logs[0]}, its end: " in first
    assert first.endswith("RuntimeError: no memory")
    assert "exit code 0 but left no" in second
    assert f"see {logs[1]}" in second
    assert last == ("nnunet-cipa: error: 2 of 4 jobs failed; the same command runs these again and no other")
    assert logs[0].read_text().splitlines()[0].endswith(f"nnUNetv2_train {WORDS.format(0, 'nnUNetTrainer_218x250')}")


def test_record_says_what_was_compared_run_and_measured_on_what(fake):
    fake.behave("*/1 fail")
    assert fake.run("--epochs", 4, "--iterations", 10) == 1
    record = json.loads((fake.out / "benchmark.json").read_text())
    key = "nnUNetTrainer_4x10__nnUNetPlans__2d"
    assert record["dataset"] == "Dataset701_Phantom"
    assert record["budget"] == {"epochs": 4, "iterations_per_epoch": 10}
    assert record["folds"] == [0, 1]
    assert record["models"].keys() == {key}
    model = record["models"][key]
    assert (model["batch_size"], model["patch_size"]) == (12, [80, 64])
    assert (fake.out / model["folder"] / "fold_0" / "checkpoint_final.pth").exists()
    machine = record["runs"][0]["machine"]
    assert {"versions", "devices", "scan backends"} <= machine.keys()
    assert machine["versions"]["nnunetv2"].startswith("2.8")
    assert record["runs"][0]["end"] >= record["runs"][0]["start"]
    (done,), (failed,) = attempts(fake, key, 0), attempts(fake, key, 1)
    assert (done["exit_status"], failed["exit_status"]) == (0, 3)
    assert done["command"].endswith(f"nnUNetv2_train {WORDS.format(0, 'nnUNetTrainer_4x10')}")
    assert done["seconds"] >= 0
    assert done["machine"] == machine


def test_dry_run_prints_what_a_shell_can_run_and_writes_nothing(fake, capsys):
    fake.behave("*/1 fail-after-latest")
    fake.run(folds=(0, 1))
    capsys.readouterr()
    before = sorted(fake.folder.rglob("*"))
    assert fake.run("--dry-run", "--jobs", 2, folds=(0, 1, 2)) == 0
    assert sorted(fake.folder.rglob("*")) == before
    lines = capsys.readouterr().out.splitlines()
    commands = [line.partition("nnUNetv2_train ")[2] for line in lines if not line.startswith("#")]
    name = "nnUNetTrainer_218x250"
    assert commands == [WORDS.format(1, name) + " --c", WORDS.format(2, name)]
    assert f"# done: {name}__nnUNetPlans__2d fold 0" in lines


def test_dry_run_of_the_first_run_leaves_no_folder(fake, capsys):
    assert fake.run("--dry-run", "--gpus", 3, 5, device="cuda", folds=(0, 1, 2)) == 0
    assert not fake.out.exists()
    assert fake.words() == []
    lines = [line for line in capsys.readouterr().out.splitlines() if not line.startswith("#")]
    assert [line.split()[0] for line in lines] == [f"CUDA_VISIBLE_DEVICES={gpu}" for gpu in (3, 5, 3)]


def test_jobs_run_at_a_time_each_on_its_gpu(fake):
    fake.behave("* slow")
    assert fake.run("--gpus", 3, 5, device="cuda", folds=(0, 1, 2)) == 0
    first, second, third = fake.calls()
    assert {first["variables"]["CUDA_VISIBLE_DEVICES"], second["variables"]["CUDA_VISIBLE_DEVICES"]} == {"3", "5"}
    assert abs(first["start"] - second["start"]) < 0.5 < third["start"] - min(first["start"], second["start"])
    assert third["variables"]["CUDA_VISIBLE_DEVICES"] in {"3", "5"}


@pytest.mark.parametrize(
    ("jobs", "own", "expected"),
    [(1, None, None), (2, None, "passive"), (2, "active", "active"), (1, "active", "active")],
)
def test_threads_of_jobs_that_share_a_cpu_wait_asleep(fake, monkeypatch, jobs, own, expected):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(os.cpu_count())), raising=False)
    if own:
        monkeypatch.setenv("OMP_WAIT_POLICY", own)
    assert fake.run("--jobs", jobs, folds=(0, 1)) == 0
    assert [call["variables"].get("OMP_WAIT_POLICY") for call in fake.calls()] == [expected] * 2


@pytest.mark.parametrize(
    ("cores", "jobs", "own", "expected"),
    [(8, 1, None, None), (8, 2, None, "4"), (8, 3, None, "2"), (2, 3, None, "1"), (8, 2, "6", "6"), (8, 2, "", "")],
)
def test_jobs_on_a_cpu_have_the_threads_of_their_share_of_its_cores(fake, monkeypatch, cores, jobs, own, expected):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    monkeypatch.delenv("NNUNET_CIPA_THREADS", raising=False)
    if own is not None:
        monkeypatch.setenv("NNUNET_CIPA_THREADS", own)
    assert fake.run("--jobs", jobs, folds=(0,)) == 0
    assert [call["variables"].get("NNUNET_CIPA_THREADS") for call in fake.calls()] == [expected]


def test_a_job_with_a_part_of_the_cores_has_its_threads_and_they_wait_asleep(fake, monkeypatch, one_core):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    assert fake.run(folds=(0,)) == 0
    (call,) = fake.calls()
    assert [call["variables"][name] for name in ("OMP_WAIT_POLICY", "NNUNET_CIPA_THREADS")] == ["passive", "1"]


def test_own_lengths_need_no_trainers_of_the_benchmark(fake):
    assert fake.run("--epochs", "own", folds=(0,)) == 0
    assert fake.words() == [WORDS.format(0, "nnUNetTrainer")]
    assert not (fake.out / "trainers").exists()
    assert json.loads((fake.out / "benchmark.json").read_text())["budget"] is None


def test_another_start_has_results_of_its_own(fake, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "start.pth").write_text(name)
    files = [tmp_path / name / "start.pth" for name in ("one", "two")]
    specs = ["nnUNetTrainer", *(f"nnUNetTrainer:{file}" for file in files)]
    assert fake.run(trainers=specs, folds=(0,)) == 0
    assert [words.partition("-device cpu")[2].strip() for words in fake.words()] == [
        "", *(f"-pretrained_weights {file}" for file in files)
    ]  # fmt: skip
    results = [call["variables"]["nnUNet_results"] for call in fake.calls()]
    assert len(set(results)) == 3
    assert len(list(fake.out.rglob("checkpoint_final.pth"))) == 3
    models = json.loads((fake.out / "benchmark.json").read_text())["models"].values()
    assert len({model["title"] for model in models}) == 3, "two files of one name are told apart"
    starts = [(model["start"]["source"], model["start"]["file"]) for model in models]
    assert starts == [("initial", None), *(("checkpoint", str(file)) for file in files)]


def test_preset_adapts_the_checkpoint_once_for_each_row_and_sets_the_encoder_where_it_is_the_start(
    fake, tmp_path, monkeypatch
):
    (tmp_path / "gtv.pth").write_text("gtv")
    (tmp_path / "encoder.pth").write_text("encoder")
    monkeypatch.setenv("NNUNET_CIPA_ENCODER", str(tmp_path / "encoder.pth"))
    options = ("--preset", "transfer-source", "--gtv-checkpoint", tmp_path / "gtv.pth")
    assert fake.run(*options, trainers=()) == 0
    adapted = (tmp_path / "adapted").read_text().splitlines()
    assert [line.split(" --trainer ")[1].split()[0] for line in adapted] == [
        "nnUNetTrainerCIPASIM", "nnUNetTrainerCIPASIMTransfer",
    ]  # fmt: skip
    outs = [line.split()[3] for line in adapted]
    nothing, encoder, gtv, fine = fake.calls()[:4]
    set_encoder = [call["variables"]["NNUNET_CIPA_ENCODER"] for call in (nothing, encoder, gtv, fine)]
    assert set_encoder == ["", str(tmp_path / "encoder.pth"), "", ""]
    given = [
        call["words"][-1] if "-pretrained_weights" in call["words"] else "" for call in (nothing, encoder, gtv, fine)
    ]
    assert given == ["", "", *outs]
    assert len({call["variables"]["nnUNet_results"] for call in (nothing, encoder, gtv)}) == 3
    assert len(list(fake.out.rglob("checkpoint_final.pth"))) == 8


def test_a_checkpoint_that_cannot_be_adapted_fails_its_folds_alone(fake, tmp_path, capsys):
    (tmp_path / "broken.pth").touch()
    specs = ("nnUNetTrainer", f"nnUNetTrainerCIPA:{tmp_path / 'broken.pth'}")
    assert fake.run("--adapt", trainers=specs) == 1
    assert fake.words() == [WORDS.format(fold, "nnUNetTrainer_218x250") for fold in (0, 1)]
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert all("adapt.log, its end: broken: is not a checkpoint" in line for line in lines[:2])


def test_plans_and_configurations_are_for_the_networks_of_the_plans(fake, capsys):
    fake.plan("nnUNetResEncUNetLPlans", batch_size=10)
    options = ("--plans", "nnUNetPlans", "nnUNetResEncUNetLPlans", "--configurations", "2d", "3d_fullres")
    assert fake.run(*options, trainers=("nnUNetTrainer", "nnUNetTrainerCIPA"), folds=(0,)) == 0
    trained = {(w[1], w[4].removesuffix("_218x250"), w[6]) for w in (call["words"] for call in fake.calls())}
    assert trained == {
        *((c, "nnUNetTrainer", p) for c in ("2d", "3d_fullres") for p in ("nnUNetPlans", "nnUNetResEncUNetLPlans")),
        ("2d", "nnUNetTrainerCIPA", "nnUNetPlans"),
    }
    out = capsys.readouterr().out
    assert "nnUNetTrainerCIPA: left out for 3d_fullres" in out
    assert "brings its own network, so it is trained on nnUNetPlans alone" in out
    models = json.loads((fake.out / "benchmark.json").read_text())["models"].values()
    shapes = {(m["trainer"], m["plans"], m["configuration"]): (m["batch_size"], m["patch_size"]) for m in models}
    assert shapes["nnUNetTrainerCIPA", "nnUNetPlans", "2d"] == (12, [96, 64])
    assert shapes["nnUNetTrainer", "nnUNetResEncUNetLPlans", "2d"] == (10, [80, 64])
    assert shapes["nnUNetTrainer", "nnUNetPlans", "3d_fullres"] == (2, [16, 80, 64])


def test_a_later_run_adds_trainers_to_the_record(fake):
    assert fake.run(folds=(0,)) == 0
    assert fake.run(trainers=("nnUNetTrainerCIPA",), folds=(1,)) == 0
    record = json.loads((fake.out / "benchmark.json").read_text())
    assert [model["trainer"] for model in record["models"].values()] == ["nnUNetTrainer", "nnUNetTrainerCIPA"]
    assert (record["folds"], len(record["runs"])) == ([0, 1], 2)
