"""A report of a cross-validation whose errors are known."""

import json

import pytest

from nnunet_cipa.benchmark.report import ReportRequest, collect
from nnunet_cipa.evaluation import Model, Settings
from tests.evaluation.cross_validation import TRAINERS, CrossValidation

HOSTILE = "missed <b>&\"'"


def hand_dice(number):
    """Dice of the three models by their known errors."""
    slices, columns = 3 + number % 3, 7 + number % 7
    shift = 2 if number % 3 == 0 else 1
    missed = 0 if number % 4 == 0 else 2 * (slices - 1) / (2 * slices - 1)
    return {"exact": 1.0, "shifted": 1 - shift / columns, HOSTILE: missed}


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    made = CrossValidation(tmp_path_factory.mktemp("report")).write()
    description = json.loads((made.dataset / "dataset.json").read_text())
    description |= {"spacing_assumed": True, "spacing_mm": [1, 1.5, 3], "synthetic": True}
    (made.dataset / "dataset.json").write_text(json.dumps(description))
    fold = made.model("exact") / "fold_0"
    (fold / "debug.json").write_text(
        json.dumps(
            {"num_epochs": "7", "num_iterations_per_epoch": "50", "batch_size": "3", "device": "cpu", "seed": "4"}
        )
    )
    (fold / "training_log_2026_1_1_00_00_00.txt").write_text(
        "\n".join(f"x: Epoch {e}\nx: train_loss -0.{e}\nx: val_loss 0.1\nx: Epoch time: 3600.0 s" for e in range(1, 3))
    )
    return made


@pytest.fixture(scope="session")
def request_for(made):
    def make(**changes):
        titles = {"exact": "exact", "shifted": "shifted", "missed": HOSTILE}
        content = {
            "dataset": made.dataset,
            "splits": made.splits,
            "models": tuple(Model(titles[trainer], made.model(trainer)) for trainer in TRAINERS),
            "settings": Settings(resamples=499),
            "command": "nnunet-cipa benchmark report 701 <x>",
        }
        return ReportRequest(**content | changes)

    return make


@pytest.fixture(scope="session")
def report(request_for):
    return collect(request_for())


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """nnU-Net's folders, with nothing in them."""
    for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(name, str(tmp_path / name))
    return tmp_path


@pytest.fixture
def environment(made, monkeypatch):
    """nnU-Net's folders are those of the cross-validation."""
    for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
        monkeypatch.setenv(name, str(made.root / name))
