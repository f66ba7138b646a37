"""The program of docs/evidence.md from phantoms to files: a few rows, two seeds, stock commands, two iterations."""

import json
import re
import sys

import nibabel as nib
import numpy as np
import pytest
import torch

from nnunet_cipa.evaluation import dice, read_mask
from nnunet_cipa.nnunet.summary import read_dice
from tests.measurements.evidence.__main__ import main
from tests.measurements.evidence.phantoms import Phantoms
from tests.measurements.evidence.settings import Settings

pytestmark = pytest.mark.slow
SETTINGS = {
    "source": 2, "training": 2, "held-out": 2, "size": 64, "slices": 16, "slice-distance": 8, "epochs": 1,
    "iterations": 2,
}  # fmt: skip
ROWS = ("2d", "2d-long", "2d-gtv", "gtv-region-2")
RUNS = (("2d", 3), ("2d", 4), ("2d-gtv", 4))


@pytest.fixture(scope="module")
def prepared(programs, tmp_path_factory):
    """Phantoms alone; the folder, and the program with its settings."""
    folder = tmp_path_factory.mktemp("evidence")

    def call(action, *words, **more):
        words += tuple(word for name, value in (SETTINGS | more).items() for word in (f"--{name}", value))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "executable", str(programs / "python"))
            main([str(word) for word in (action, folder / "work", *words)])

    call("prepare")
    return folder, call


@pytest.fixture(scope="module")
def run(prepared):
    folder, call = prepared

    def run_rows(rows, seeds, **more):
        call("run", "--runs", folder / "runs", "--rows", *rows, "--seeds", *seeds, **more)
        return folder

    return run_rows


@pytest.fixture(scope="module")
def phantoms_made(prepared):
    """When they were written, before anything is trained on them."""
    folder, _ = prepared
    assert not (folder / "work" / "source").exists()
    assert not (folder / "runs").exists()
    return {path: path.stat().st_mtime_ns for path in (folder / "work" / "nnUNet_raw").rglob("*.nii.gz")}


@pytest.fixture(scope="module")
def folder(phantoms_made, run):
    """Four rows, of which one has a seed more, one is twice as long, and one is of GTV."""
    run(["2d"], [3])
    return run(ROWS, [4])


def read(folder, row, seed):
    return json.loads((folder / "runs" / f"{row}_seed{seed}.json").read_text())


def fold_of(folder, row, seed):
    name = {"2d": "nnUNetTrainerCIPA_nano", "2d-gtv": "nnUNetTrainerCIPA_nanoTransfer"}[row]
    (fold,) = (folder / "work" / "benchmark_IGTV").rglob(f"{name}_1x2_seed{seed}__nnUNetPlans__2d/fold_0")
    return fold


def test_each_run_has_a_file_with_the_dice_that_nnunet_found_for_the_held_out_patients(folder):
    splits = folder / "work/nnUNet_preprocessed/Dataset702_IGTV/splits_final.json"
    (fold,) = json.loads(splits.read_text())
    assert len(fold["val"]) == 2
    for row, seed in RUNS:
        scores = {case: found["dice"] for case, found in read(folder, row, seed)["patients"].items()}
        assert scores == pytest.approx(read_dice(fold_of(folder, row, seed) / "validation" / "summary.json"), abs=1e-6)
        assert sorted(scores) == fold["val"]


def test_a_row_of_gtv_is_trained_on_the_source_and_scored_against_the_gtv_of_the_held_out_patients(folder):
    (fold,) = (folder / "work" / "benchmark_GTV").rglob("nnUNetTrainerCIPA_nano_region_size2_1x2_seed4__*/fold_1")
    scores = {case: found["dice"] for case, found in read(folder, "gtv-region-2", 4)["patients"].items()}
    assert scores == pytest.approx(read_dice(fold / "validation" / "summary.json"), abs=1e-6)
    assert scores.keys() == read(folder, "2d", 4)["patients"].keys()
    gtv = json.loads((folder / "runs" / "phantoms.json").read_text())["patients"]
    volumes = {case: found["truth_ml"] for case, found in read(folder, "gtv-region-2", 4)["patients"].items()}
    assert volumes == {case: found["gtv_ml"] for case, found in gtv.items()}
    checkpoint = torch.load(fold / "checkpoint_final.pth", map_location="cpu", weights_only=False)
    # LayerNorm over the 2 x 2 pixels of a window and 32 channels
    (norm,) = (w for name, w in checkpoint["network_weights"].items() if name.endswith("0.dcim.local_norm.weight"))
    assert norm.shape == (2 * 2 * 32,)


def test_a_row_that_is_twice_as_long_has_twice_the_epochs(folder):
    (fold,) = (folder / "work" / "benchmark_IGTV_2x").rglob("nnUNetTrainerCIPA_nano_2x2_seed4__*/fold_0")
    long, short = (read(folder, row, 4) for row in ("2d-long", "2d"))
    assert [run["training"]["iterations"] for run in (long, short)] == [4, 2]
    assert [[iterations for iterations, _ in run["curve"]] for run in (long, short)] == [[2, 4], [2]]
    (log,) = fold.glob("training_log_*.txt")
    seconds = [float(found) for found in re.findall(r"Epoch time: ([\d.]+) s", log.read_text())]
    assert len(seconds) == 2
    assert long["training"]["seconds"] == pytest.approx(sum(seconds), abs=0.1)
    scores = {case: found["dice"] for case, found in long["patients"].items()}
    assert scores == pytest.approx(read_dice(fold / "validation" / "summary.json"), abs=1e-6)


def test_what_was_prepared_is_trained_on_as_it_is(folder, phantoms_made):
    now = {path: path.stat().st_mtime_ns for path in (folder / "work" / "nnUNet_raw").rglob("*.nii.gz")}
    assert len(now) == 2 * 6 * 3 + 6  # CT, PET and label of six patients in two data sets, and their hearts
    assert now == phantoms_made


def test_no_patient_is_on_two_sides(folder):
    (source, other), (target,) = (
        json.loads((folder / "work" / "nnUNet_preprocessed" / name / "splits_final.json").read_text())
        for name in ("Dataset701_GTV", "Dataset702_IGTV")
    )
    training, held_out = set(target["train"]), set(target["val"])
    assert set(source["train"]) == set(other["train"])
    assert set(other["val"]) == held_out
    assert not set(source["train"]) & (training | held_out)
    assert not training & held_out
    assert not set(source["val"]) & (set(source["train"]) | held_out)


def test_the_gtv_is_scored_against_the_igtv_that_holds_it(folder):
    content = json.loads((folder / "runs" / "phantoms.json").read_text())
    for case, found in content["patients"].items():
        gtv, igtv = (
            read_mask(folder / "work/nnUNet_raw" / name / "labelsTr" / f"{case}.nii.gz")
            for name in ("Dataset701_GTV", "Dataset702_IGTV")
        )
        assert not (gtv.array & ~igtv.array).any()
        # GTV inside IGTV: twice the smaller over the sum
        assert (
            found["dice"]
            == pytest.approx(2 * found["gtv_ml"] / (found["gtv_ml"] + found["truth_ml"]), abs=1e-5)
            == pytest.approx(dice(igtv.array, gtv.array), abs=1e-6)
        )
        assert found["heart_ml"] == found["false_ml"] == found["missed_ml"] == 0
        assert (found["gtv_part"], found["motion_part"]) == (1, 0)


def test_parts_that_are_found_add_up_to_what_is_right_in_a_prediction(folder, tmp_path):
    """Every second row of the IGTV, and 24 voxels in a corner."""
    settings = Settings(**{name.replace("-", "_"): value for name, value in SETTINGS.items()})
    phantoms = Phantoms(folder / "work", settings)
    for case, gtv in json.loads((folder / "runs" / "phantoms.json").read_text())["patients"].items():
        path = folder / "work/nnUNet_raw/Dataset702_IGTV/labelsTr" / f"{case}.nii.gz"
        truth = nib.load(path)
        predicted = np.asarray(truth.dataobj).astype(np.uint8)
        predicted[:, ::2] = 0
        right = int(predicted.sum())
        predicted[:4, :3, :2] = 1
        nib.save(nib.Nifti1Image(predicted, truth.affine), tmp_path / path.name)
        found = phantoms.score(case, tmp_path / path.name)
        voxel_ml = found["truth_ml"] / int(np.asarray(truth.dataobj).sum())
        assert found["false_ml"] == pytest.approx(24 * voxel_ml, rel=1e-5)
        in_gtv, in_motion = (found[f"{name}_part"] for name in ("gtv", "motion"))
        assert 0 < in_gtv < 1 > in_motion > 0
        added = found["truth_ml"] - gtv["gtv_ml"]
        assert in_gtv * gtv["gtv_ml"] + in_motion * added == pytest.approx(right * voxel_ml, rel=1e-4)


def test_a_row_from_gtv_starts_from_the_source_of_its_seed(folder):
    models = json.loads((folder / "work/benchmark_IGTV/benchmark.json").read_text())["models"]
    ((key, model),) = ((key, facts) for key, facts in models.items() if facts["start"]["source"] == "adapted")
    assert model["seed"] == 4
    assert "source/nnUNet_results/Dataset701_GTV/nnUNetTrainerCIPA_nano_1x2_seed4__" in model["start"]["file"]
    (attempt,) = json.loads((folder / "work/benchmark_IGTV/jobs" / key / "fold_0.json").read_text())["attempts"]
    assert " -pretrained_weights " in attempt["command"]
    training = read(folder, "2d-gtv", 4)["training"]
    assert (training["starts_from"], training["iterations"]) == ("GTV", 2)


def test_what_has_its_file_is_not_run_again_and_what_is_trained_is_not_trained_again(folder, run):
    files = {path: path.stat().st_mtime_ns for path in (folder / "runs").iterdir()}
    checkpoints = {path: path.stat().st_mtime_ns for path in (folder / "work").rglob("checkpoint_final.pth")}
    assert len(checkpoints) == 6
    gone = folder / "runs" / "2d_seed4.json"
    before = json.loads(gone.read_text())
    gone.unlink()
    run(ROWS, [4])
    assert {path: path.stat().st_mtime_ns for path in (folder / "runs").iterdir() if path != gone} == {
        path: time for path, time in files.items() if path != gone
    }
    assert json.loads(gone.read_text()) == before
    assert {path: path.stat().st_mtime_ns for path in checkpoints} == checkpoints


def test_other_settings_are_refused_before_anything_is_run(folder, run):
    with pytest.raises(SystemExit, match=r"phantoms.json: has iterations 2, not 3; give these settings, or other"):
        run(["2d"], [3], iterations=3)


def test_the_files_make_the_tables_of_the_page(folder, tmp_path):
    page = tmp_path / "evidence.md"
    page.write_text(
        "# Evidence\n<!-- evidence: begin, written by tests/measurements/evidence -->\n<!-- evidence: end -->\nend\n"
    )
    main(["report", "--runs", str(folder / "runs"), "--page", str(page), "--seeds", "2"])
    text = page.read_text()
    assert "| 2D, from GTV" in text
    assert (tmp_path / "images" / "evidence_rows.svg").is_file()
