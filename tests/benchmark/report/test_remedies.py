"""What the refusals of ``benchmark report`` tell one to do, done as the message has it."""

import re
import shutil
from pathlib import Path

import pytest

from nnunet_cipa.benchmark.report import collect
from nnunet_cipa.benchmark.report.models import find_models, raw_dataset
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.evaluation import Model
from nnunet_cipa.evaluation.report.place import claimed_folder
from nnunet_cipa.files.locks import alone
from tests.benchmark.report.test_models import call, model_folder, write_record

DATASET = "Dataset701_A"


def refused(told, function, *arguments):
    """Call a function and return what the remedy in its message tells."""
    with pytest.raises(CIPAError, match=told) as error:
        function(*arguments)
    return re.search(told, str(error.value)).groups()


@pytest.mark.parametrize(
    ("wrong", "told", "right"),
    [
        (["--tolerance", -1], "give a positive number of mm", ["--tolerance", 1]),
        (["--folds", 5], "give folds from (0) to (4)$", ["--folds"]),
        (["--trainers", "exact", "exact"], "give each once, under a name of its own$", ["--trainers", "exact"]),
        (["--trainers", "lost"], "name one of these: exact__nnUNetPlans__2d, ([^,]*), ", ["--trainers"]),
        (["--out", "{0}"], "(exists); remove it or choose another folder for the report$", ["--out", "{0}/another"]),
    ],
)
def test_options_as_told(wrong, told, right, environment, tmp_path):
    def report(*words):
        options = [
            "--out",
            tmp_path / "report",
            "--trainers",
            "exact",
            "--folds",
            1,
            "--resamples",
            9,
            "--processes",
            1,
        ]
        call("report", 701, *options, "--no-audit", *(str(word).format(tmp_path) for word in words))

    values = refused(told, report, *wrong)
    report(*right, *(values if len(right) == 1 else []))
    assert len(list(tmp_path.rglob("index.html"))) == 1


def test_a_folder_that_is_removed_or_another(tmp_path):
    out = tmp_path / "report"

    def write(folder):
        with claimed_folder(folder) as building:
            (building / "page").touch()

    with alone(tmp_path / ".report.lock", "no"):
        refused("wait for it to end, or choose another folder$", write, out)
        write(tmp_path / "another")
    write(out)
    refused("exists; remove it or choose another folder for the report$", write, out)
    shutil.rmtree(out)
    write(out)
    assert (out / "page").is_file()


def test_models_of_those_that_are_told(folders):
    refused("no such model in .*; train it first$", find_models, DATASET, ["CIPA"])
    for configuration in ("2d", "3d_fullres"):
        model_folder(folders, f"CIPA__nnUNetPlans__{configuration}")
    (names,) = refused("names several models in .*; name one of these: (.*)$", find_models, DATASET, ["CIPA"])
    (others,) = refused("no such model in .*; name one of these: (.*)$", find_models, DATASET, ["other"])
    assert names == others == "CIPA__nnUNetPlans__2d, CIPA__nnUNetPlans__3d_fullres"
    assert len(find_models(DATASET, names.split(", "))[0]) == 2


def test_without_a_benchmark_models_or_a_benchmark_are_given(folders):
    model_folder(folders, "CIPA__nnUNetPlans__2d")
    refused("name the models by --trainers, or give the folder of a benchmark as --benchmark$", find_models, DATASET)
    assert find_models(DATASET, ["CIPA"])[0]
    refused("give the folder of a benchmark as --benchmark$", find_models, DATASET, [], folders / "other")
    write_record(folders / "some", CIPA__p__2d="CIPA")
    assert find_models(DATASET, [], folders / "some")[0]


@pytest.mark.parametrize("content", ["{", "[]", '{"models": {"a": {}}}'])
def test_another_benchmark_than_one_that_is_damaged(folders, content):
    for name in ("damaged", "whole"):
        write_record(folders / name, CIPA__p__2d="CIPA")
    (folders / "damaged" / "benchmark.json").write_text(content)
    refused("give another folder as --benchmark; if it is damaged, ", find_models, DATASET, [], folders / "damaged")
    assert find_models(DATASET, [], folders / "whole")[0]


@pytest.mark.parametrize("content", ["{", "[]", '{"attempts": [{}]}'])
def test_a_record_of_a_fold_is_removed(folders, content):
    write_record(folders, CIPA__p__2d="CIPA")
    (folders / "jobs" / "key" / "fold_0.json").write_text(content)
    (path,) = refused(r"(\S+): .*; remove it, which loses no training$", find_models, DATASET, [], folders)
    Path(path).unlink()
    assert find_models(DATASET, [], folders)[0]


def test_what_waits_in_the_queue_of_a_cluster_is_no_record_of_a_fold(folders):
    write_record(folders, CIPA__p__2d="CIPA")
    (folders / "jobs" / "key" / "fold_1.slurm.json").write_text('{"job_id": "7_1"}')
    assert find_models(DATASET, [], folders)[1].commands == ("nnunet-cipa benchmark run 701", "nnUNetv2_train 701")


def test_models_of_a_benchmark_of_those_that_are_told(folders):
    write_record(folders, CIPA__p__2d="CIPA", SIM__p__2d="SIM, seed 1")
    (names,) = refused("name some of these: (.*)$", find_models, DATASET, ["other"], folders)
    assert len(find_models(DATASET, names.split(", "), folders)[0]) == 2


def test_settings_of_a_training_that_are_damaged_are_removed(made, request_for, tmp_path):
    model = shutil.copytree(made.model("exact"), tmp_path / "exact__nnUNetPlans__2d")
    (model / "fold_0" / "debug.json").write_text("{")
    request = request_for(models=(Model("exact", model),), folds=(0,), audit=False)
    (path,) = refused(r"(\S+): is not valid JSON .*; remove it; the report then lacks its settings$", collect, request)
    Path(path).unlink()
    assert collect(request).models[0].training == {}


def test_a_dataset_by_its_whole_name(folders, monkeypatch):
    for name in ("A", "B"):
        (folders / "nnUNet_raw" / f"Dataset701_{name}").mkdir()
    (name,) = refused(r"701: (\w+), \w+ in .*; give the number or the whole name of one", raw_dataset, "701")
    assert raw_dataset(name).is_dir()
    monkeypatch.delenv("nnUNet_raw")
    (variable,) = refused(r"set it to nnU-Net's folder: export (\w+)=/path/to/nnUNet_raw$", raw_dataset, "701")
    monkeypatch.setenv(variable, str(folders / "nnUNet_raw"))
    assert raw_dataset(name).is_dir()
