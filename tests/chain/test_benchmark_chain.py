"""Two trainers, ours and nnU-Net's, five folds each, by one command; then the report, and stock prediction."""

import csv
import json
import math
import os
from pathlib import Path

import pytest
import torch

pytestmark = pytest.mark.slow
DATASET_ID = 701
TRAINERS = ("nnUNetTrainer", "nnUNetTrainerCIPA_short")
FOLDS = range(5)
OPTIONS = ("--epochs", 1, "--iterations", 3, "--device", "cpu")


@pytest.fixture(scope="module")
def run(planned):
    """Run the benchmark, from which a short trainer of the user takes part."""

    def again():
        words = (
            "benchmark",
            "run",
            DATASET_ID,
            "--trainers",
            *TRAINERS,
            *OPTIONS,
            "--out",
            planned.folder / "benchmark",
        )
        return planned.run("nnunet-cipa", *words, nnUNet_n_proc_DA="0", nnUNet_compile="f")

    return again


@pytest.fixture(scope="module")
def compared(planned, run):
    run()
    return planned.folder / "benchmark"


def model(compared, planned, trainer):
    return compared / "nnUNet_results" / planned.raw.name / f"{trainer}_1x3__nnUNetPlans__2d"


@pytest.mark.parametrize("trainer", TRAINERS)
def test_each_trainer_made_as_many_steps_on_the_folds_of_the_data_set(compared, planned, trainer):
    splits = json.loads((planned.raw / "splits_final.json").read_text())
    for fold in FOLDS:
        folder = model(compared, planned, trainer) / f"fold_{fold}"
        checkpoint = torch.load(folder / "checkpoint_final.pth", map_location="cpu", weights_only=False)
        assert (checkpoint["trainer_name"], checkpoint["current_epoch"]) == (f"{trainer}_1x3", 1)
        states = checkpoint["optimizer_state"]["state"].values()
        if "step" in next(iter(states)):  # AdamW counts, nnU-Net's SGD does not
            assert {int(state["step"]) for state in states} == {3}
        summary = json.loads((folder / "validation" / "summary.json").read_text())
        validated = {Path(case["prediction_file"]).name for case in summary["metric_per_case"]}
        assert validated == {f"{case}.nii.gz" for case in splits[fold]["val"]}


def test_the_same_command_again_runs_nothing(compared, run):
    records = {path: path.read_bytes() for path in compared.glob("jobs/*/*.json")}
    assert len(records) == 10
    assert "2 models, 10 jobs, 10 of them done" in run()
    assert {path: path.read_bytes() for path in compared.glob("jobs/*/*.json")} == records


def test_another_network_is_benchmarked_by_its_trainers_name(planned, tmp_path):
    name, out = "nnUNetTrainerSigma_brief", tmp_path / "another"
    words = ["benchmark", "run", DATASET_ID, "--trainers", name, *OPTIONS, "--folds", 0, "--out", out]
    planned.stock.run("nnunet-cipa", *words, nnUNet_n_proc_DA="0", nnUNet_compile="f")
    folder = model(out, planned, name)
    plans = json.loads((folder / "plans.json").read_text())
    network = plans["configurations"]["2d"]["architecture"]["network_class_name"]
    assert network == "nnunet_cipa.network.comparators.sigma.Sigma"
    assert json.loads((folder / "fold_0" / "validation" / "summary.json").read_text())["metric_per_case"]


def test_report_has_the_dice_of_nnunet_for_each_case_in_the_fold_that_held_it_out(compared, planned, tmp_path):
    out = tmp_path / "report"
    options = ["--benchmark", compared, "--out", out, "--resamples", 200, "--processes", 1]
    planned.run("nnunet-cipa", "benchmark", "report", DATASET_ID, *options)
    with (out / "cases.csv").open(newline="", encoding="utf-8") as file:
        found = {
            (row["model"], int(row["fold"]), row["case"]): float(row["dice"] or "nan") for row in csv.DictReader(file)
        }
    expected = {}
    for trainer in TRAINERS:
        for fold in FOLDS:
            summary = model(compared, planned, trainer) / f"fold_{fold}" / "validation" / "summary.json"
            for entry in json.loads(summary.read_text())["metric_per_case"]:
                case = Path(entry["prediction_file"]).name.removesuffix(".nii.gz")
                expected[trainer, fold, case] = entry["metrics"]["1"]["Dice"]
    assert found.keys() == expected.keys()
    for key, dice in expected.items():
        assert found[key] == pytest.approx(dice, nan_ok=True)
    assert not all(math.isnan(dice) for dice in expected.values())
    assert (out / "index.html").stat().st_size > 10_000


def test_stock_prediction_finds_the_trainer_that_was_written(compared, planned, tmp_path):
    variables = {
        "nnUNet_results": str(compared / "nnUNet_results"),
        "nnUNet_extTrainer": os.pathsep.join([planned.environment["nnUNet_extTrainer"], str(compared / "trainers")]),
    }
    options = ["-i", planned.raw / "imagesTs", "-o", tmp_path, "-d", DATASET_ID, "-c", "2d", "-f", 0, 1, "-tr",
               f"{TRAINERS[1]}_1x3", "-device", "cpu", "-npp", 0, "-nps", 0]  # fmt: skip
    planned.stock.run("nnUNetv2_predict", *options, **variables)
    cases = {path.name for path in (planned.raw / "labelsTs").glob("*.nii.gz")}
    assert cases
    assert {path.name for path in tmp_path.glob("*.nii.gz")} == cases
