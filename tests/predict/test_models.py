"""What a model's folder or zip has to say, and what is refused."""

import json
import pickle
import zipfile

import pytest
import torch

from nnunet_cipa.dataset_conversion.study_set.options import Intensity, Storage
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.options import UsageError
from nnunet_cipa.predict.model.options import IntensityOptions, UseOptions
from nnunet_cipa.predict.model.place import model_place
from nnunet_cipa.predict.model.read import read_trained_model
from nnunet_cipa.predict.model.storage import find_storage

WINDOW = {"intensity": "window", "lowest_hu": -1024.0, "hu_window": [-1000.0, 400.0], "suv_range": [0.0, 15.0]}
RAW = {"intensity": "raw", "hu_window": None, "suv_range": None, "units": {"CT": "HU", "PET": "SUVbw"}}
PAPER = {"intensity": "paper", "hu_window": [-1200.0, -200.0], "suv_range": None}
NONE = IntensityOptions()


@pytest.mark.parametrize(
    ("said", "options", "expected"),
    [
        (WINDOW, NONE, Storage(Intensity.WINDOW, (-1000.0, 400.0), (0.0, 15.0))),
        (
            WINDOW,
            IntensityOptions(Intensity.WINDOW, suv_range=(0.0, 15.0)),
            Storage(Intensity.WINDOW, (-1000.0, 400.0), (0.0, 15.0)),
        ),
        (RAW, NONE, Storage(Intensity.RAW)),
        (PAPER, IntensityOptions(suv_range=(0.0, 20.0)), Storage(Intensity.WINDOW, (-1200.0, -200.0), (0.0, 20.0))),
        (
            {"intensity": "paper"},
            IntensityOptions(suv_range=(0.0, 20.0)),
            Storage(Intensity.WINDOW, (-1200.0, -200.0), (0.0, 20.0)),
        ),
        ({}, IntensityOptions(Intensity.RAW), Storage(Intensity.RAW)),
        (
            {},
            IntensityOptions(Intensity.WINDOW, (-900.0, 100.0), (0.0, 9.0)),
            Storage(Intensity.WINDOW, (-900.0, 100.0), (0.0, 9.0)),
        ),
    ],
)
def test_intensities_are_as_the_data_set_says_or_as_the_user_does(said, options, expected):
    found = find_storage(said, "dataset.json", options)
    assert found == expected or (found.intensity is Intensity.RAW and found.facts() == expected.facts())


@pytest.mark.parametrize(
    ("said", "options", "remedy"),
    [
        ({}, NONE, "give --intensity raw if it was trained on HU and SUV"),
        ({}, IntensityOptions(Intensity.WINDOW, (-900.0, 100.0)), "give --suv-range LOW HIGH"),
        (PAPER, NONE, "give --suv-range LOW HIGH"),
        (WINDOW, IntensityOptions(Intensity.RAW), "says window; leave it out"),
        (WINDOW, IntensityOptions(hu_window=(-1000.0, 0.0)), "says -1000 400; leave it out"),
        (RAW, IntensityOptions(hu_window=(-1000.0, 0.0)), "reads HU and SUV"),
        ({"intensity": "raw"}, NONE, "grey values of PCLT20K"),
        ({"intensity": "log"}, NONE, "convert the data set again"),
        ({**WINDOW, "hu_window": [3, 1]}, NONE, "not a lower and a higher number"),
        ({**WINDOW, "hu_window": "wide"}, NONE, "not a lower and a higher number"),
        ({**WINDOW, "lowest_hu": -2000}, NONE, "predict with the version that converted"),
        ({}, IntensityOptions(Intensity.WINDOW, (100.0, -900.0), (0.0, 9.0)), "a lower and a higher number"),
    ],
)
def test_intensities_that_are_not_known_or_contradict_are_refused(said, options, remedy):
    with pytest.raises((CIPAError, UsageError), match=remedy):
        find_storage(said, "dataset.json", options)


def zipped(model, path, names=None):
    """Write a zip as nnUNetv2_export_model_to_zip does: relative to nnUNet_results."""
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(model.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(model.parent.parent))
        for name in names or ():
            archive.writestr(name, "evil")
    return path


def test_a_zip_is_the_model_and_leads_nowhere_else(make_model, tmp_path):
    model = make_model(3.0, 4.0)
    archive = zipped(
        model,
        tmp_path / "model.zip",
        ["../../evil.txt", "/tmp/evil.txt", f"{model.parent.name}/{model.name}/fold_0/x.py"],
    )
    with model_place(archive, "checkpoint_final.pth") as folder:
        found = read_trained_model(folder, UseOptions(), NONE)
        files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        assert files == ["dataset.json", "fold_0/checkpoint_final.pth", "fold_1/checkpoint_final.pth", "plans.json"]
    whole = read_trained_model(model, UseOptions(), NONE)
    assert (found.name, found.dataset, found.hashes) == (whole.name, whole.dataset, whole.hashes)
    assert found.name == "nnUNetTrainerThreshold__nnUNetPlans__2d"
    assert not folder.exists()


def test_a_folder_or_zip_that_is_no_model_is_refused(make_model, tmp_path):
    model = make_model(3.0)
    (tmp_path / "text.zip").write_text("no zip")
    (tmp_path / "cut.zip").write_bytes(zipped(model, tmp_path / "whole.zip").read_bytes()[:-200])
    two = zipped(model, tmp_path / "two.zip")
    with zipfile.ZipFile(two, "a") as archive:
        archive.writestr("Dataset702_LUCID/other__plans__3d/plans.json", "{}")
    for path, remedy in (
        (tmp_path / "nowhere", "not there"),
        (tmp_path / "text.zip", "is not a zip"),
        (tmp_path / "cut.zip", "holds no plans.json, or was cut off"),
        (two, "nnUNetv2_install_pretrained_model_from_zip"),
        (model.parent.parent, f"{model.parent.name}/{model.name}; give one of these"),
        (model.parent, f"{model.name}; give one of these"),
    ):
        with pytest.raises(CIPAError, match=remedy), model_place(path, "checkpoint_final.pth"):
            pass


def test_folds_that_are_not_there_are_refused(make_model):
    model = make_model(3.0, 4.0)
    assert list(read_trained_model(model, UseOptions(folds=("1",)), NONE).hashes) == ["fold_1"]
    for use in (UseOptions(folds=("2",)), UseOptions(checkpoint="checkpoint_best.pth")):
        with pytest.raises(CIPAError, match="there is"):
            read_trained_model(model, use, NONE)


def test_the_fold_of_all_cases_predicts_only_alone_or_if_wanted(make_model):
    model = make_model(3.0)
    (model / "fold_all").mkdir()
    (model / "fold_all/checkpoint_final.pth").write_bytes((model / "fold_0/checkpoint_final.pth").read_bytes())
    assert list(read_trained_model(model, UseOptions(), NONE).hashes) == ["fold_0"]
    assert list(read_trained_model(model, UseOptions(folds=("all",)), NONE).hashes) == ["fold_all"]
    (model / "fold_0").rename(model / "other")
    assert list(read_trained_model(model, UseOptions(), NONE).hashes) == ["fold_all"]


class Runs:
    """What a pickle calls when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_a_checkpoint_runs_no_code(make_model, tmp_path):
    model = make_model(3.0)
    path = model / "fold_0/checkpoint_final.pth"
    torch.save({"network_weights": {}, "evil": Runs(tmp_path / "ran")}, path, pickle_module=pickle)
    with pytest.raises(CIPAError, match="could run code"):
        read_trained_model(model, UseOptions(), NONE)
    assert not (tmp_path / "ran").exists()


def test_a_model_that_does_not_fit_a_new_patient_is_refused(make_model):
    model = make_model(3.0)
    plans = json.loads((model / "plans.json").read_text())
    dataset_json = json.loads((model / "dataset.json").read_text())
    other = {**plans, "configurations": {"2d": {**plans["configurations"]["2d"], "previous_stage": "3d_lowres"}}}
    for name, content, remedy in (
        ("dataset.json", {**dataset_json, "modalities": {"0": "CT", "1": "MR"}}, "one CT and one PET"),
        ("plans.json", other, "second stage of a cascade"),
        ("plans.json", {**plans, "configurations": {}}, "has no configuration 2d"),
        ("plans.json", [], "plans.json"),
    ):
        before = (model / name).read_text()
        (model / name).write_text(json.dumps(content))
        with pytest.raises(CIPAError, match=remedy):
            read_trained_model(model, UseOptions(), NONE)
        (model / name).write_text(before)
