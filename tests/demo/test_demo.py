"""The demo with programs in place of nnU-Net's, which keep what they were called with; the evaluation is real."""

import json
import math
import os
import re
import shlex
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from PIL import Image

from nnunet_cipa.cli import main
from nnunet_cipa.demo import CaseResult, Demo, DemoOptions, run_demo
from nnunet_cipa.demo.folder import child_environment, prepare_folder
from nnunet_cipa.demo.judge import MIN_DICE, judge
from nnunet_cipa.demo.layout import TRAINER
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.evaluation import Measures
from nnunet_cipa.evaluation.metrics.catalogue import all_metrics
from nnunet_cipa.nnunet.cases import CaseFiles
from nnunet_cipa.plugin import plugin_path

PROGRAMS = (
    "nnunet-cipa",
    "nnUNetv2_plan_and_preprocess",
    "nnUNetv2_train",
    "nnUNetv2_predict",
    "nnUNetv2_evaluate_folder",
)
DATASET = "Dataset701_PCLT20K"
RAW = f"nnUNet_raw/{DATASET}"
MODEL = f"nnUNet_results/{DATASET}/{TRAINER}__nnUNetPlans__2d"


def tumour(name):
    mask = np.zeros((2, 12, 12), dtype=np.uint8)
    mask[:, 3:9, 3 : 6 + len(name)] = 1
    return mask


GUESSES = {
    "exact": lambda mask: mask,
    "nothing": np.zeros_like,
    "everything": np.ones_like,
    "a quarter": lambda mask: mask * (np.arange(12) < 4),
}


class Stage:
    """A Python's folder with programs, and what each is going to have written, by step."""

    def __init__(self, folder):
        self.bin, self.written, self.calls = folder / "bin", folder / "written", folder / "calls"
        self.bin.mkdir(parents=True)
        self.calls.mkdir()
        self.out = folder / "out"
        for name in PROGRAMS:
            step = f'$(ls "{self.calls}" | wc -l)'
            path = self.bin / name
            path.write_text(
                f'#!/bin/sh\nstep={step}\nenv > "{self.calls}/$step.env.tmp"\n'
                f'for word in {name} "$@"; do echo "$word"; done >> "{self.calls}/$step"\n'
                f'mv "{self.calls}/$step.env.tmp" "{self.calls}/../$step.env"\n'
                f'if [ -d "{self.written}/$step" ]; then cp -R "{self.written}/$step/." "{self.out}"; fi\n'
                f'if [ -f "{self.written}/$step.says" ]; then cat "{self.written}/$step.says"; fi\n'
                f'if [ -f "{self.written}/$step.fails" ]; then echo "out of memory"; exit 1; fi\n'
            )
            path.chmod(0o755)

    def write(self, step, path, array):
        path = self.written / str(step) / path
        path.parent.mkdir(parents=True, exist_ok=True)
        sitk.WriteImage(sitk.GetImageFromArray(array), path)

    def prepare(self, guess="exact", losses=(-0.2, -0.7)):
        (self.written / "3.says").parent.mkdir(parents=True, exist_ok=True)
        (self.written / "3.says").write_text(
            "".join(
                f"2000-01-01 00:00:00.0: Epoch {epoch}\n2000-01-01 00:00:00.0: train_loss {loss}\n"
                for epoch, loss in enumerate(losses)
            )
        )
        for part, names in (("Tr", ("t1", "t22")), ("Ts", ("h1", "h22"))):
            for name in names:
                mask = tumour(name)
                self.write(1, f"{RAW}/labels{part}/{name}.nii.gz", mask)
                for channel, image in enumerate((mask * 50 + 1, mask * 100)):
                    self.write(1, f"{RAW}/images{part}/{name}_000{channel}.nii.gz", image)
        description = {"modalities": {"0": "CT", "1": "PET"}, "file_ending": ".nii.gz"}
        (self.written / f"1/{RAW}/dataset.json").write_text(json.dumps(description))
        curve = self.written / f"3/{MODEL}/fold_0/progress.png"
        curve.parent.mkdir(parents=True)
        Image.new("RGB", (30, 18)).save(curve)
        entries = []
        for name in ("h1", "h22"):
            mask = tumour(name)
            found = GUESSES[guess](mask)
            self.write(4, f"predictions/{name}.nii.gz", found.astype(np.uint8))
            dice = 2 * int((mask * found).sum()) / int(mask.sum() + found.sum())
            entries.append({"prediction_file": f"x/{name}.nii.gz", "metrics": {"1": {"Dice": dice}}})
        (self.written / "5/predictions").mkdir(parents=True)
        (self.written / "5/predictions/summary.json").write_text(json.dumps({"metric_per_case": entries}))
        return np.mean([entry["metrics"]["1"]["Dice"] for entry in entries])

    def commands(self):
        return [(self.calls / str(step)).read_text().splitlines() for step in range(len(list(self.calls.iterdir())))]

    def environment(self, step):
        lines = (self.calls.parent / f"{step}.env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)


@pytest.fixture
def stage(tmp_path, monkeypatch):
    made = Stage(tmp_path / "a stage")
    monkeypatch.setattr(sys, "executable", str(made.bin / "python"))
    return made


def test_six_commands_in_their_order_and_a_page(stage, capsys):
    stage.prepare()
    page = run_demo(stage.out, DemoOptions(patients=7, size=64, slices=5, seed=3, rows=()))
    assert page == stage.out / "report" / "index.html"
    raw, predictions, model = stage.out / RAW, stage.out / "predictions", stage.out / MODEL
    which, how = ["-d", "701", "-c", "2d"], ["-tr", TRAINER, "-device", "cpu"]
    commands = stage.commands()
    assert [command[: 3 if command[0] == "nnunet-cipa" else 1] for command in commands] == [
        ["nnunet-cipa", "phantom", "pclt20k"],
        ["nnunet-cipa", "convert", "pclt20k"],
        *([name] for name in PROGRAMS[1:]),
    ]
    phantom, convert, plan, train, predict, evaluate = commands
    assert phantom[3] == convert[3] == str(stage.out / "phantom_pclt20k")
    assert phantom[4:] == ["--patients", "7", "--size", "64", "--slices", "5", "--seed", "3"]
    assert convert[convert.index("--dataset-id") + 1] == "701"
    # 502 mm over 64 pixels; five slices over what 36 of 2.8 mm span
    assert convert[convert.index("--spacing") + 1 :][:3] == ["7.84", "7.84", "20.16"]
    assert plan[1:5] == which
    assert train[1:] == ["701", "2d", "0", *how]
    assert predict[1:5] == ["-i", str(raw / "imagesTs"), "-o", str(predictions)]
    assert predict[5:15] == [*which, "-f", "0", *how]
    assert evaluate[1:3] == [str(raw / "labelsTs"), str(predictions)]
    assert evaluate[4:7:2] == [str(model / "dataset.json"), str(model / "plans.json")]
    printed = [shlex.split(line[2:]) for line in capsys.readouterr().out.splitlines() if line.startswith("$ ")]
    assert printed == [commands[0], *commands[1:3], ["nnUNet_n_proc_DA=0", *train], *commands[4:]]
    names = ("phantom_pclt20k", "convert_pclt20k", "plan_pclt20k", "train", "predict", "evaluate")
    logs = [f"0{i}_{name}.log" for i, name in enumerate(names, 1)]
    assert sorted(path.name for path in (stage.out / "logs").iterdir()) == logs


def test_the_callers_settings_do_not_reach_the_commands(stage, monkeypatch):
    stage.prepare()
    for name in ("nnUNet_raw", "nnUNet_compile", "nnUNet_n_proc_DA", "nnUNet_extTrainer", "nnUNet_wandb_enabled"):
        monkeypatch.setenv(name, "/of/the/user")
    monkeypatch.setenv("NNUNET_CIPA_ENCODER", "/of/the/user.pth")
    monkeypatch.setenv("NNUNET_CIPA_SEED", "77")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    before = dict(os.environ)
    run_demo(stage.out, DemoOptions(seed=6, rows=()))
    assert dict(os.environ) == before
    for step in range(6):
        found = stage.environment(step)
        assert "/of/the/user" not in found.values()
        assert "NNUNET_CIPA_ENCODER" not in found
        assert found["OMP_NUM_THREADS"] == "1"
        assert found["nnUNet_extTrainer"] == str(plugin_path())
        assert found["nnUNet_compile"] == "f"
        assert found["NNUNET_CIPA_SEED"] == "6"
        for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
            assert found[name] == str(stage.out / name)
        assert ("nnUNet_n_proc_DA" in found) == (step == 3)


@pytest.mark.parametrize(("path", "first"), [(None, True), ("/usr/bin:/bin", True), ("/bin:{programs}", False)])
def test_programs_of_this_python_are_on_the_path_of_the_commands(path, first):
    programs = str(Path(sys.executable).parent)
    parent = {} if path is None else {"PATH": path.format(programs=programs)}
    folders = child_environment(parent, {})["PATH"].split(os.pathsep)
    assert folders.count(programs) == 1
    assert (folders[0] == programs) == first


@pytest.mark.parametrize("guess", ["nothing", "everything", "a quarter"])
def test_a_network_that_did_not_learn_fails_but_the_page_is_there(stage, capsys, guess):
    mean = stage.prepare(guess)
    assert mean < MIN_DICE
    assert main(["demo", str(stage.out), "--rows"]) == 1
    message = capsys.readouterr().err
    assert f"Mean Dice {mean:.3f} on 2 held-out cases is below {MIN_DICE}: the network did not learn" in message
    assert "The training loss fell to -0.70, so look at what came after" in message
    assert str(stage.out / "report" / "index.html") in message
    assert 'class="card verdict failed"' in (stage.out / "report" / "index.html").read_text()


def test_a_network_that_learned_passes(stage, capsys):
    stage.prepare()
    assert main(["demo", str(stage.out), "--rows"]) == 0
    printed = capsys.readouterr().out
    assert "Mean Dice 1.000 on 2 held-out cases is at least 0.5: the network learned." in printed
    assert 'class="card verdict passed"' in (stage.out / "report" / "index.html").read_text()


def test_nnunets_own_network_is_trained_as_long_on_the_same_cases_and_shown_beside(stage, capsys):
    stage.prepare()
    for step, path in ((7, "predictions"), (8, "predictions")):
        shutil.copytree(stage.written / str(step - 3) / path, stage.written / str(step) / f"{path}_nnunet")
    summary = stage.written / "8/predictions_nnunet/summary.json"
    summary.write_text(summary.read_text().replace('"Dice": 1.0', '"Dice": 0.25'))
    page = run_demo(stage.out, DemoOptions(baseline=True, seed=4, rows=()))
    train, predict, evaluate = stage.commands()[6:]
    own = "nnUNetTrainer_10x40_seed4"
    assert train[:6] == ["nnUNetv2_train", "701", "2d", "0", "-tr", own]
    assert predict[3:5] == ["-o", str(stage.out / "predictions_nnunet")]
    assert evaluate[2] == str(stage.out / "predictions_nnunet")
    for step in (6, 7):
        assert stage.environment(step)["nnUNet_extTrainer"] == f"{plugin_path()}{os.pathsep}{stage.out / 'trainers'}"
    module = (stage.out / "trainers" / f"{own}.py").read_text()
    assert "num_epochs = 10" in module
    assert "num_iterations_per_epoch = 40" in module
    rows = [line.split("|") for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    shown = [[cell.strip() for cell in row[1:6]] for row in rows[2:]]
    assert shown == [
        ["CIPA nano", "400", "4", "2", "1.000"],
        ["nnU-Net's plain 2D network", "400", "4", "2", "0.250"],
    ]
    assert "nnU-Net&#39;s plain 2D network" in page.read_text()


@pytest.mark.parametrize("seed", ["-1", "4294967296", "1.5", "x"])
def test_seeds_that_a_training_cannot_have_are_refused_at_once(stage, capsys, seed):
    with pytest.raises(SystemExit) as error:
        main(["demo", str(stage.out), "--seed", seed])
    assert error.value.code == 2
    assert "is not an integer from 0 to 4294967295" in capsys.readouterr().err or seed == "-1"
    assert not stage.out.exists()


def test_a_device_that_no_scan_is_for_is_refused_at_once(stage, capsys):
    with pytest.raises(SystemExit) as error:
        main(["demo", str(stage.out), "--device", "tpu"])
    assert error.value.code == 2
    assert "device 'tpu': no scan backend is for it; choose among cpu, cuda" in capsys.readouterr().err
    assert not stage.out.exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_a_device_that_is_not_there_is_refused_at_once(stage, capsys):
    assert main(["demo", str(stage.out), "--device", "cuda"]) == 1
    assert "torch finds no CUDA device here; use the device 'cpu'" in capsys.readouterr().err
    assert not stage.out.exists()


def test_a_step_that_fails_is_the_last_one(stage, capsys):
    stage.prepare()
    (stage.written / "3.fails").touch()
    assert main(["demo", str(stage.out), "--rows"]) == 1
    assert "step train ended with exit code 1" in (message := capsys.readouterr().err)
    assert "out of memory" in message
    assert len(stage.commands()) == 4
    assert not (stage.out / "report").exists()


def tree(folder):
    return {path.relative_to(folder): path.is_file() and path.read_bytes() for path in folder.rglob("*")}


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_of_something_else_is_refused_and_left_alone(stage, overwrite):
    (stage.out / "logs").mkdir(parents=True)
    (stage.out / "logs" / "mine.txt").write_text("mine")
    before = tree(stage.out)
    with pytest.raises(CIPAError, match=r"out: is not empty and holds no earlier demo; give a new folder"):
        run_demo(stage.out, DemoOptions(rows=()), overwrite=overwrite)
    assert tree(stage.out) == before
    assert stage.commands() == []


def test_a_file_is_refused(stage):
    stage.out.write_text("mine")
    with pytest.raises(CIPAError, match="out: is a file; give a new folder"):
        run_demo(stage.out, DemoOptions(rows=()))
    assert stage.out.read_text() == "mine"


def test_an_earlier_demo_is_replaced_only_when_told(stage):
    prepare_folder(Demo(stage.out, DemoOptions(rows=())), overwrite=False)
    for name in (
        "phantom_pclt20k",
        "nnUNet_raw",
        "nnUNet_preprocessed",
        "nnUNet_results",
        "predictions",
        "report",
        "logs",
    ):
        (stage.out / name).mkdir(exist_ok=True)
        (stage.out / name / "old").touch()
    (stage.out / "notes").mkdir()
    (stage.out / "notes" / "mine.txt").write_text("mine")
    before = tree(stage.out)
    with pytest.raises(CIPAError, match="holds an earlier demo; give --overwrite"):
        run_demo(stage.out, DemoOptions(rows=()))
    assert tree(stage.out) == before
    stage.prepare()
    run_demo(stage.out, DemoOptions(seed=9, rows=()), overwrite=True)
    after = tree(stage.out)
    assert not [path for path in after if path.name == "old"]
    assert after[Path("notes/mine.txt")] == b"mine"
    assert json.loads(after[Path("demo.json")])["options"]["seed"] == 9


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"made_by": "another program"}'])
def test_a_file_that_is_called_as_the_demos_is_no_demo(stage, content):
    stage.out.mkdir()
    (stage.out / "demo.json").write_text(content)
    with pytest.raises(CIPAError, match="holds no earlier demo"):
        run_demo(stage.out, DemoOptions(rows=()), overwrite=True)


def test_an_empty_folder_is_taken(stage):
    stage.prepare()
    stage.out.mkdir()
    assert run_demo(stage.out, DemoOptions(rows=())).is_file()


def results(**scores):
    nowhere = Path("x")
    others = dict.fromkeys((metric.name for metric in all_metrics()), 1)
    return [
        CaseResult(CaseFiles(name, nowhere, nowhere, nowhere), Measures(**(others | {"dice": dice})), 0.5)
        for name, dice in scores.items()
    ]


@pytest.mark.parametrize(
    ("scores", "passed", "mean"),
    [
        ({"a": 0.0, "b": 0.0}, False, "0.000"),
        ({"a": 0.39, "b": 0.6}, False, "0.495"),
        ({"a": 0.25, "b": 0.75}, True, "0.500"),
        ({"a": 1.0}, True, "1.000"),
    ],
)
def test_verdict(scores, passed, mean):
    verdict = judge(scores, results(**scores), [-0.7])
    assert verdict.passed == passed
    assert verdict.sentence.startswith(f"Mean Dice {mean} on {len(scores)} held-out cases ")


def test_a_case_without_a_dice_does_not_count():
    scores = {"a": 0.9, "b": math.nan}
    assert judge(scores, results(**scores), [-0.7]).sentence.startswith("Mean Dice 0.900 on 1 held-out cases ")
    assert not judge({"b": math.nan}, results(b=math.nan), [-0.7]).passed


@pytest.mark.parametrize(
    ("losses", "look_at"),
    [
        ([-0.1, -0.3], "ended at -0.30, not below -0.5, so look at the training: .* NNUNET_CIPA_SCAN_BACKEND=torch"),
        ([-0.7, math.nan], "ended at nan, not below -0.5, so look at the training"),
        ([], "is not in its log, so look at the training"),
        ([-0.1, -0.72], "fell to -0.72, so look at what came after the training: the picture of case b, the worst"),
    ],
)
def test_a_network_that_did_not_learn_says_what_to_look_at(losses, look_at):
    scores = {"a": 0.3, "b": 0.1, "c": 0.4}
    assert re.search(f"did not learn. The training loss {look_at}", judge(scores, results(**scores), losses).sentence)


@pytest.mark.parametrize(
    "stock", [{"a": 0.9, "b": 0.8}, {"a": 0.9}, {"a": 0.9, "c": 0.7}, {}, {"a": 0.9, "b": math.nan}]
)
def test_a_summary_of_other_scores_is_refused(stock):
    with pytest.raises(CIPAError, match=r"summary\.json has the Dice"):
        judge(stock, results(a=0.9, b=0.7), [-0.7])
