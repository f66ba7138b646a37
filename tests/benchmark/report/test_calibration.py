"""Calibration in the report: temperatures and errors against scikit-learn, SimpleITK and MONAI."""

import json
import re
import zipfile

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from monai.metrics.calibration import CalibrationErrorMetric
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from nnunet_cipa.benchmark.report import ReportRequest, make_report
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.evaluation import Model, Settings, read_mask
from nnunet_cipa.evaluation.calibration.counts import LOG_ODDS
from nnunet_cipa.evaluation.calibration.record import read_temperature
from tests.evaluation.cross_validation import SPACING, CrossValidation

CALIBRATED, SILENT = "shifted", "missed"


def write_probabilities(path, mask, seed):
    """Write what nnU-Net saves beside a mask; surest inside and far outside."""
    random = np.random.default_rng(seed)
    odds = random.choice(LOG_ODDS[1001:1600], mask.shape) * np.where(mask, 1, -1)
    np.savez_compressed(path, probabilities=np.stack([expit(-odds), expit(odds)]).astype(np.float32))


def write_all(made, trainer=CALIBRATED):
    for fold in range(made.folds):
        for name in made.validated(fold):
            path = made.validation(trainer, fold) / f"{name}.npz"
            write_probabilities(path, read_mask(path.with_suffix(".nii.gz")).array, int(name[4:]))
        (made.model(trainer) / f"fold_{fold}" / "checkpoint_final.pth").write_bytes(bytes([fold]))


@pytest.fixture
def made(tmp_path):
    made = CrossValidation(tmp_path).write()
    write_all(made)
    return made


def request_for(made, *trainers, **changes):
    models = tuple(Model(trainer, made.model(trainer)) for trainer in trainers or (CALIBRATED, SILENT))
    request = ReportRequest(made.dataset, made.splits, models, settings=Settings(resamples=99), audit=False)
    return ReportRequest(**vars(request) | changes)


def report(made, **changes):
    page = make_report(request_for(made, **changes), made.root / "report")
    return page.read_text(encoding="utf-8"), json.loads((page.parent / "report.json").read_text(encoding="utf-8"))


def voxels(made, folds, margin=10.0):
    """Return probability and truth of the voxels near tumours, the distance by SimpleITK."""
    found = []
    for fold in folds:
        for name in made.validated(fold):
            path = made.validation(CALIBRATED, fold) / f"{name}.npz"
            truth = made.truth(int(name[4:]))
            union = sitk.GetImageFromArray((truth | read_mask(path.with_suffix(".nii.gz")).array).astype(np.uint8))
            union.SetSpacing(SPACING)
            distance = sitk.DanielssonDistanceMap(
                union, inputIsBinary=True, squaredDistance=False, useImageSpacing=True
            )
            near = sitk.GetArrayFromImage(distance) <= margin
            found.append((np.load(path)["probabilities"][:, near], truth[near]))
    probabilities, truths = zip(*found, strict=True)
    return np.concatenate(probabilities, axis=1).astype(float), np.concatenate(truths)


def temperature_of(probabilities, truth):
    odds = np.log(probabilities[1]) - np.log(probabilities[0])
    return 1 / LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-8).fit(odds[:, None], truth).coef_[0, 0]


def monai_error(cases):
    metric = CalibrationErrorMetric(num_bins=10)
    metric(
        *(torch.from_numpy(np.concatenate(array).astype(np.float32))[None, None] for array in zip(*cases, strict=True))
    )
    return metric.aggregate().item()


def test_temperatures_and_errors(made):
    _, content = report(made)
    found, silent = (model["calibration"] for model in content["models"])
    assert silent is None
    assert (found["cases"], found["patients"]) == (10, 10)
    everything = voxels(made, range(5))
    assert found["temperature"] == pytest.approx(temperature_of(*voxels(made, range(5), np.inf)), rel=1e-3)
    others = {fold: temperature_of(*voxels(made, set(range(5)) - {fold}, np.inf)) for fold in range(5)}
    assert found["fold_temperatures"] == pytest.approx({str(fold): value for fold, value in others.items()}, rel=1e-3)
    assert found["near"]["ece"]["value"] == pytest.approx(monai_error([(everything[0][1], everything[1])]), abs=1e-4)
    scaled = []
    for fold, temperature in others.items():
        probabilities, truth = voxels(made, [fold])
        scaled.append((expit(np.log(probabilities[1] / probabilities[0]) / temperature), truth))
    assert found["near_scaled"]["ece"]["value"] == pytest.approx(monai_error(scaled), abs=2e-3)
    assert found["near"]["ece"]["low"] < found["near"]["ece"]["high"]
    assert found["whole"]["ece"]["value"] != found["near"]["ece"]["value"]


def test_page(made):
    page, content = report(made)
    assert page.count("<svg") == 3
    assert "Share of tumour by probability" in page
    assert "--npz, for a trained fold with --val --npz" in page
    markdown = (made.root / "report" / "report.md").read_text(encoding="utf-8")
    rows = re.search(r"## Calibration\n\n(.*?)\n\n", markdown, re.DOTALL)[1].splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]
    found = content["models"][0]["calibration"]
    assert cells[0][:2] == [CALIBRATED, "10"]
    assert cells[0][2].startswith(f"{found['temperature']:.2f} [")
    assert cells[0][3].startswith(f"{found['near']['ece']['value']:.3f} [")
    assert cells[1] == [SILENT, *["n/a"] * 6]


def test_one_fold_is_not_scored_at_its_own_temperature(made):
    _, content = report(made, folds=(1,))
    found = content["models"][0]["calibration"]
    assert found["temperature"] > 0
    assert found["fold_temperatures"] == {}
    assert found["near_scaled"] is None


def hashes(made, trainer=CALIBRATED):
    import hashlib

    folder = made.model(trainer)
    return {fold.name: hashlib.sha256((fold / "checkpoint_final.pth").read_bytes()).hexdigest()
            for fold in sorted(folder.glob("fold_*"))}  # fmt: skip


def test_the_temperature_is_kept_for_the_weights_that_it_is_of(made):
    _, content = report(made, models=request_for(made, CALIBRATED).models, calibrate=True)
    folder, known = made.model(CALIBRATED), hashes(made)
    expected = content["models"][0]["calibration"]["temperature"]
    assert read_temperature(folder, known) == (expected, "")
    assert read_temperature(folder, {"fold_2": known["fold_2"]}) == (expected, "")
    one, note = read_temperature(folder, {**known, "fold_1": "0" * 64})
    assert (one, note) == (1, "calibration.json is of other weights of fold_1, so probabilities are the network's own")
    assert read_temperature(made.model(SILENT), {})[0] == 1


def test_a_report_alone_leaves_the_models_as_they_are(made):
    report(made)
    assert not (made.model(CALIBRATED) / "calibration.json").exists()


def test_calibrate_wants_the_probabilities_of_all_models(made):
    with pytest.raises(CIPAError, match=r"case00\.npz: no such file.*fold 0 with nnUNetv2_train --val --npz, or leave"):
        report(made, calibrate=True)
    assert not (made.root / "report").exists()
    assert not (made.model(CALIBRATED) / "calibration.json").exists()


@pytest.mark.parametrize(
    "content",
    ["[]", "{", "{}", '{"temperature": 0.0, "sha256": {}}', '{"temperature": NaN, "sha256": {}}',
     '{"temperature": "1.5", "sha256": {}}', '{"temperature": 1.5, "sha256": []}'],
)  # fmt: skip
def test_a_damaged_record_is_told(tmp_path, content):
    (tmp_path / "calibration.json").write_text(content)
    with pytest.raises(CIPAError, match=r"calibration\.json: .*benchmark report --calibrate"):
        read_temperature(tmp_path, {})


def other_mask(path):
    with np.load(path) as found:
        probabilities = found["probabilities"]
    probabilities[:, 0, 0, 0] = probabilities[::-1, 0, 0, 0]
    np.savez_compressed(path, probabilities=probabilities)


def save(path, **arrays):
    np.savez_compressed(path, **arrays)


FAULTS = {
    "other mask": (other_mask, "is not what .* was made of"),
    "cut off": (lambda path: path.write_bytes(path.read_bytes()[:2000]), "cannot be read"),
    "no archive": (lambda path: path.write_text("x"), "cannot be read"),
    "other array": (lambda path: save(path, softmax=np.zeros(3)), "cannot be read"),
    "objects": (lambda path: save(path, probabilities=np.array([{}], object)), "holds object of shape"),
    "no header": (
        lambda path: zipfile.ZipFile(path, "w").writestr("probabilities.npy", b"\x93NUMPY\x01\x00\x10\x00{'a': 1}"),
        "cannot be read",
    ),
    "three labels": (lambda path: save(path, probabilities=np.zeros((3, 8, 24, 28), np.float32)), "of shape"),
    "NaN": (lambda path: save(path, probabilities=np.full((2, 8, 24, 28), np.nan, np.float32)), "not between 0 and 1"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_not_of_the_mask_is_refused(made, fault):
    spoil, problem = FAULTS[fault]
    spoil(made.validation(CALIBRATED, 0) / "case00.npz")
    with pytest.raises(CIPAError, match=rf"case00\.npz: .*{problem}.*--val --npz"):
        report(made)
    assert not (made.root / "report").exists()
