"""docs/development.md, "Add a metric", followed: the module that it tells to write is all that one needs."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.evaluation.cross_validation import TRAINERS, CrossValidation
from tests.recipes.documented import files_of

ROOT = Path(__file__).parents[2]
NAME, TITLE, GROUP = "missed_slices", "Missed slices", "Slices"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run the program of a copy of the package in which the recipe was followed."""
    root = tmp_path_factory.mktemp("recipe")
    without_caches = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "nnunet_cipa", root / "nnunet_cipa", ignore=without_caches)
    shutil.copytree(ROOT / "dataset_conversion", root / "nnunet_cipa" / "dataset_conversion", ignore=without_caches)
    for path, content in files_of("Add a metric").items():
        (root / path).write_text(content)
    made = CrossValidation(root).write()
    folders = {name: str(made.root / name) for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")}
    environment = {**os.environ, **folders, "PYTHONPATH": str(root)}

    def call(*words):
        command = [sys.executable, "-m", "nnunet_cipa", "benchmark", "report", *words]
        return subprocess.run(command, env=environment, cwd=root, check=True, capture_output=True, text=True).stdout

    return call


@pytest.fixture(scope="module")
def written(run, tmp_path_factory):
    out = tmp_path_factory.mktemp("written") / "report"
    run("701", "--trainers", *TRAINERS, "--out", str(out), "--measures", NAME, "--resamples", "99")
    return out


def share(model, number):
    """By the known errors: the first slice of each lesion is lost, and every fourth lesion."""
    return 0.0 if model != "missed" else 1.0 if number % 4 == 0 else 1 / (3 + number % 3)


def test_the_option_has_it(run):
    assert NAME in re.findall(r"\w+", run("--help"))


def test_every_case_has_it_in_the_csv(written):
    with (written / "cases.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 30
    for row in rows:
        assert float(row[NAME]) == pytest.approx(share(row["model"].partition("__")[0], int(row["case"][4:])))


def test_the_tables_have_its_mean_and_its_tests(written):
    text = (written / "report.md").read_text()
    table = text.partition(f"## {GROUP}\n")[2].partition("\n## ")[0]
    head, _, *rows = [line.strip("| ").split(" | ") for line in table.strip().splitlines() if line.startswith("|")]
    assert [cell.strip() for cell in head] == ["model", "cases", f"{TITLE}\u00a0↓"]
    for row in rows:
        expected = np.mean([share(row[0].strip(), number) for number in range(10)])
        assert row[2].startswith(f"{expected:.3f} [")
    assert len(rows) == 3
    tests = text.partition("## Tests between models\n")[2].partition("\n## ")[0]
    assert tests.count(f"| {TITLE} ") == 3
    assert TITLE in (written / "index.html").read_text().partition("Every case by model")[2]


def test_the_json_has_its_means(written):
    content = json.loads((written / "report.json").read_text())
    means = {mean["model"]: mean["value"] for mean in content["means"] if mean["measure"] == NAME}
    assert means == pytest.approx({m: np.mean([share(m, number) for number in range(10)]) for m in TRAINERS})
