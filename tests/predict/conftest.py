"""Patients of the breathing phantom, and models whose masks are known in closed form."""

import pytest

from nnunet_cipa.dataset_conversion.phantoms.lucid import make_lucid_phantom
from nnunet_cipa.dataset_conversion.phantoms.options import Form, LucidPhantomOptions
from nnunet_cipa.dataset_conversion.study_set.options import Storage
from tests.predict.models import TRAINERS, make_dataset_json, make_plans, stored, threshold_weights, write_model
from tests.predict.phantom import PATIENTS, make_predicted, make_studies, trained_on

SIZE, SLICES = 64, 16
SPACING = 502 / SIZE


def _phantom(folder, form):
    options = LucidPhantomOptions(patients=2, size=SIZE, slices=SLICES, processes=1, form=Form(form))
    make_lucid_phantom(folder, options)
    (folder / "test.txt").unlink()
    for mask in folder.glob("*/*GTV.nii.gz"):
        mask.unlink()
    for mask in folder.glob("*/HEART.nii.gz"):
        mask.unlink()
    return folder


@pytest.fixture(scope="session")
def nifti_study(tmp_path_factory):
    """Two patients as NIfTI, without masks."""
    return _phantom(tmp_path_factory.mktemp("nifti") / "study", "nifti")


@pytest.fixture(scope="session")
def dicom_study(tmp_path_factory):
    """The same two as DICOM, without structure sets."""
    study = _phantom(tmp_path_factory.mktemp("dicom") / "study", "dicom")
    for path in list(study.rglob("*.dcm")):
        if b"RTSTRUCT" in path.read_bytes()[:4096]:
            path.unlink()
    return study


@pytest.fixture
def threshold_trainer(monkeypatch):
    """Let nnU-Net find the trainer of the models of thresholds."""
    monkeypatch.setenv("nnUNet_extTrainer", str(TRAINERS))


@pytest.fixture
def make_model(tmp_path, threshold_trainer):
    """Make a model of thresholds of SUV, one for each fold; further keys go to dataset.json."""

    def make(*thresholds, name="models", **more):
        folds = {fold: threshold_weights(stored(suv)) for fold, suv in enumerate(thresholds)}
        return write_model(tmp_path / name, make_plans(SPACING, SIZE), make_dataset_json(Storage(), **more), folds)

    return make


@pytest.fixture(scope="session")
def phantom_patients(tmp_path_factory):
    """Two phantoms as if predicted, for reading only; the second has a lesion of three voxels."""
    folder = tmp_path_factory.mktemp("predicted") / "dicom"
    studies = make_studies(folder)
    model = trained_on(studies)
    return [make_predicted(folder, index, studies, model) for index in range(PATIENTS)]


@pytest.fixture
def patient(phantom_patients):
    """The first of them, whose scan and mask are in order."""
    return phantom_patients[0]
