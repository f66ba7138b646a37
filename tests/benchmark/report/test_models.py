"""Which models a report is on, and the command."""

import json
import re

import pytest

from nnunet_cipa.benchmark.report.models import find_models, find_splits, raw_dataset
from nnunet_cipa.cli import build_parser
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.evaluation import METRICS, Model


def model_folder(folders, name):
    folder = folders / "nnUNet_results" / "Dataset701_A" / name
    folder.mkdir(parents=True)
    return folder


def test_stock_models(folders):
    first = model_folder(folders, "nnUNetTrainer__nnUNetPlans__2d")
    second = model_folder(folders, "nnUNetTrainerCIPA__nnUNetPlans__2d")
    assert find_models("Dataset701_A", ["nnUNetTrainerCIPA", "nnUNetTrainer"]) == (
        (Model("nnUNetTrainerCIPA", second), Model("nnUNetTrainer", first)),
        None,
    )
    model_folder(folders, "nnUNetTrainer__nnUNetPlans__3d_fullres")
    assert find_models("Dataset701_A", [first.name])[0] == (Model(first.name, first),)
    with pytest.raises(CIPAError, match=r"--trainers nnUNetTrainer: names several .*2d, nnUNetTrainer__.*3d_fullres"):
        find_models("Dataset701_A", ["nnUNetTrainer"])
    with pytest.raises(CIPAError, match="--trainers other: no such model in"):
        find_models("Dataset701_A", ["other"])
    with pytest.raises(CIPAError, match="name the models by --trainers"):
        find_models("Dataset701_A")


def write_record(folder, **models):
    (folder / "jobs" / "key").mkdir(parents=True)
    (folder / "jobs" / "key" / "fold_0.json").write_text(json.dumps({"attempts": [{"command": "nnUNetv2_train 701"}]}))
    content = {
        "models": {
            key: {"title": title, "trainer": key.split("_")[0], "folder": f"nnUNet_results/Dataset701_A/{key}"}
            for key, title in models.items()
        },
        "runs": [{"command": "nnunet-cipa benchmark run 701", "machine": {"GPU": {"0": "some GPU"}}}],
        "seeds": {"training": None, "note": "none is set"},
        "folds": [0, 3],
        "budget": {"epochs": 2, "iterations_per_epoch": 3},
    }
    (folder / "benchmark.json").write_text(json.dumps(content))


def test_models_of_a_benchmark(folders):
    benchmark = folders / "nnUNet_results" / "benchmarks" / "Dataset701_A"
    write_record(benchmark, CIPA__p__2d="CIPA", SIM__p__2d="same", SIM__q__2d="same")
    models, record = find_models("Dataset701_A")
    assert [(model.title, model.folder.name) for model in models] == [
        ("CIPA", "CIPA__p__2d"),
        ("SIM__p__2d", "SIM__p__2d"),
        ("SIM__q__2d", "SIM__q__2d"),
    ]
    assert models[0].folder.parent == benchmark / "nnUNet_results" / "Dataset701_A"
    assert record.commands == ("nnunet-cipa benchmark run 701", "nnUNetv2_train 701")
    assert record.folds == (0, 3)
    assert record.facts == {
        "GPU: 0": "some GPU",
        "budget": "epochs 2, iterations per epoch 3",
        "seed of training": "none",
        "seeds": "none is set",
    }
    assert [m.title for m in find_models("Dataset701_A", ["CIPA"])[0]] == ["CIPA"]
    assert len(find_models("Dataset701_A", ["SIM"], benchmark)[0]) == 2
    with pytest.raises(CIPAError, match="--trainers other: is not in"):
        find_models("Dataset701_A", ["other"])


@pytest.mark.parametrize("content", ["[]", "{}", '{"models": {"a": {"title": "b"}}}', "x"])
def test_record_of_something_else(folders, content):
    (folders / "benchmark.json").write_text(content)
    with pytest.raises(CIPAError, match=re.escape(str(folders / "benchmark.json"))):
        find_models("Dataset701_A", [], folders)


def test_dataset_by_number_or_name(folders, monkeypatch):
    for name in ("Dataset701_A", "Dataset071_B"):
        (folders / "nnUNet_raw" / name).mkdir()
    assert raw_dataset("701").name == raw_dataset("Dataset701_A").name == "Dataset701_A"
    assert raw_dataset("71").name == "Dataset071_B"
    for wrong in ("7", "Dataset701", "../x"):
        with pytest.raises(CIPAError, match=re.escape(f"{wrong}: no such dataset")):
            raw_dataset(wrong)
    monkeypatch.delenv("nnUNet_raw")
    with pytest.raises(CIPAError, match="nnUNet_raw is not set"):
        raw_dataset("701")


def test_folds_of_the_planned_dataset_win(folders):
    dataset = folders / "nnUNet_raw" / "Dataset701_A"
    assert find_splits(dataset) == dataset / "splits_final.json"
    planned = folders / "nnUNet_preprocessed" / "Dataset701_A" / "splits_final.json"
    planned.parent.mkdir()
    planned.write_text("[]")
    assert find_splits(dataset) == planned


def call(*words):
    args = build_parser().parse_args(["benchmark", *map(str, words)])
    args.command.call(args)


def test_command(environment, tmp_path, capsys):
    out = tmp_path / "report"
    call("report", 701, "--trainers", "exact", "missed", "--folds", 1, "--out", out, "--processes", 1,
         "--resamples", 99, "--measures", "iou")  # fmt: skip
    assert capsys.readouterr().out.splitlines()[-1] == str(out / "index.html")
    content = json.loads((out / "report.json").read_text())
    assert {case["case"] for case in content["cases"]} == {"case01", "case06"}
    assert [test["metric"] for test in content["tests"]] == ["iou"]
    with pytest.raises(CIPAError, match="exists; remove it"):
        call("report", 701, "--trainers", "exact", "--out", out)


@pytest.mark.parametrize(
    "words",
    [
        ["--measures", "beauty"],
        ["--resamples", 0],
        ["--processes", 0],
        ["--folds", "x"],
        ["--folds", -1],
        ["--seed", -1],
        [],
    ],
)
def test_wrong_command_line(words, tmp_path):
    with pytest.raises(SystemExit) as ended:
        call("report", 701, *words, *(["--out", tmp_path / "x"] if words else []))
    assert ended.value.code == 2


def test_measures_of_the_command_are_those_there_are(capsys):
    with pytest.raises(SystemExit):
        call("report", "--help")
    listed = re.search(r"one of (.*?) \(default", " ".join(capsys.readouterr().out.split()))[1]
    assert set(listed.split(", ")) == set(METRICS)
