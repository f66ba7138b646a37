"""Small study sets made by Pillow and nibabel alone, independent of the phantom, and an nnU-Net raw folder."""

import shutil
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from nnunet_cipa.dataset_conversion.phantoms import lucid as lucid_phantom
from nnunet_cipa.dataset_conversion.phantoms.options import Form, LucidPhantomOptions
from nnunet_cipa.dataset_conversion.phantoms.patient import draw_patient
from tests.dataset_conversion import lucid_dicom_remedies
from tests.dataset_conversion.lucid_dicom import NUMBERS, Export, drawn, link_tree

ROWS, COLUMNS = 24, 32


@dataclass
class Study:
    """A PCLT20K folder and the grey values in it by file name."""

    root: Path
    train: list[str] = field(default_factory=list)
    test: list[str] = field(default_factory=list)
    grey: dict[str, np.ndarray] = field(default_factory=dict)

    def path(self, name, kind):
        return self.root / name.split("_")[0] / f"{name}_{kind}.png"

    def write(self, name, kind, values, **options):
        path = self.path(name, kind)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(values).save(path, **options)
        self.grey[path.name] = values

    def add(self, part, names, rng):
        getattr(self, part).extend(names)
        for name in names:
            for kind in ("CT", "PET"):
                self.write(name, kind, rng.integers(0, 256, (ROWS, COLUMNS), dtype=np.uint8))
            mask = np.zeros((ROWS, COLUMNS), dtype=np.uint8)
            mask[6 : rng.integers(10, 16), 8 : rng.integers(12, 20)] = 255
            self.write(name, "mask", mask)

    def write_lists(self):
        (self.root / "train.txt").write_text("\n".join(self.train))
        (self.root / "test.txt").write_text("\n".join(self.test))

    def volume(self, names, kind):
        return np.stack([self.grey[f"{name}_{kind}.png"] for name in names])


@pytest.fixture
def study(tmp_path):
    """Seven patients: padded and unpadded slice numbers, lists in scrambled order, no newline at the end."""
    rng = np.random.default_rng(7)
    made = Study(tmp_path / "PCLT20K")
    for patient, count in (("0001", 3), ("0006", 5), ("0594", 4), ("0600", 2), ("0601", 6)):
        made.add("train", [f"{patient}_{number:03d}" for number in range(1, count + 1)], rng)
    made.add("train", [f"200908508_{number}" for number in range(1, 13)], rng)
    made.add("test", ["0002_001", "0002_002", "0002_003"], rng)
    rng.shuffle(made.train)
    made.write_lists()
    return made


@pytest.fixture
def raw(tmp_path, monkeypatch):
    """An empty nnUNet_raw."""
    folder = tmp_path / "nnUNet_raw"
    folder.mkdir()
    monkeypatch.setenv("nnUNet_raw", str(folder))
    monkeypatch.delenv("nnUNet_preprocessed", raising=False)
    monkeypatch.delenv("nnUNet_results", raising=False)
    return folder


@pytest.fixture
def left_in():
    """What a folder holds but for the lock of the conversions."""

    def names(folder):
        return sorted(path.name for path in folder.iterdir() if path.name != ".nnunet_cipa.lock")

    return names


@dataclass
class LucidStudy:
    """A study set and the arrays in it, in nibabel's order x, y, z, by patient and file."""

    root: Path
    arrays: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)
    # Voxel axes in RAS, as nibabel counts: columns to the left, rows to the back, slices upwards.
    ct_affine = np.array([[-2.0, 0, 0, 20], [0, -2.5, 0, 30], [0, 0, 3, -100], [0, 0, 0, 1]])
    ct_shape = (20, 24, 8)
    pet_affine = np.array([[-4.0, 0, 0, 24], [0, -4, 0, 36], [0, 0, 4, -104], [0, 0, 0, 1]])
    pet_shape = (14, 20, 9)
    area = (slice(6, 11), slice(8, 14), slice(2, 6))

    def path(self, patient, kind):
        return self.root / patient / f"{kind}.nii.gz"

    def write(self, patient, kind, values, affine=None, edit=None):
        """Write an image; ``edit`` may change it, header and all, before it is saved."""
        affine = (self.pet_affine if kind == "PET" else self.ct_affine) if affine is None else affine
        image = nib.Nifti1Image(values, affine)
        image.header.set_xyzt_units("mm")
        if edit is not None:
            edit(image)
        path = self.path(patient, kind)
        path.parent.mkdir(parents=True, exist_ok=True)
        nib.save(image, path)
        self.arrays[patient, kind] = values

    def add(self, patient, rng):
        self.write(patient, "CT", rng.integers(-1000, 300, self.ct_shape).astype(np.int16))
        self.write(patient, "PET", rng.uniform(0, 12, self.pet_shape).astype(np.float32))
        igtv = np.zeros(self.ct_shape, dtype=np.uint8)
        igtv[self.area] = 1
        gtv = igtv.copy()
        gtv[..., 4:] = 0
        self.write(patient, "IGTV", igtv)
        self.write(patient, "GTV", gtv)


@pytest.fixture
def lucid(tmp_path):
    """Six patients in the NIfTI layout."""
    rng = np.random.default_rng(11)
    made = LucidStudy(tmp_path / "LUCID")
    for number in range(1, 7):
        made.add(f"P{number:02d}", rng)
    return made


@pytest.fixture(scope="session")
def phantoms(tmp_path_factory):
    """The same six synthetic patients in DICOM and in NIfTI, for reading only."""
    root = tmp_path_factory.mktemp("lucid")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lucid_phantom, "image_study", lambda seed, index, *_: drawn(index))
        for form in Form:
            lucid_phantom.make_lucid_phantom(root / form.value, LucidPhantomOptions(**NUMBERS, form=form, processes=1))
    return {form: root / form.value for form in Form}


@pytest.fixture
def export(phantoms, tmp_path):
    """The synthetic patients in DICOM, to be damaged."""
    return Export(link_tree(phantoms[Form.DICOM], tmp_path / "export"))


@pytest.fixture
def one(phantoms, tmp_path):
    """The second of the synthetic patients in DICOM alone, to be damaged."""
    root = tmp_path / "export"
    root.mkdir()
    link_tree(phantoms[Form.DICOM] / "0002", root / "0002")
    return Export(root)


@pytest.fixture
def pair(export):
    """The first two of the synthetic patients in DICOM, to be damaged: enough for what is told before folds."""
    for folder in sorted(export.root.glob("0*"))[2:]:
        shutil.rmtree(folder)
    export.hold_nobody_out()
    return export


@pytest.fixture
def follow(pair, phantoms, raw, capsys):
    """Make a fault, and follow the remedy of its refusal."""
    return partial(lucid_dicom_remedies.check, pair, Export(phantoms[Form.DICOM]), raw, capsys)


PHANTOMS = "nnunet_cipa.dataset_conversion.phantoms"


@pytest.fixture
def masks_alone(monkeypatch):
    """Phantoms in which nothing is drawn or imaged but lesions, which are all that masks depend on."""

    def draw(*given):
        return replace(draw_patient(*given), vessels=(), bronchi=())

    for module in ("pclt20k", "lucid"):
        monkeypatch.setattr(f"{PHANTOMS}.{module}.draw_patient", draw)
        monkeypatch.setattr(f"{PHANTOMS}.{module}.image_ct", lambda density, _: density)
    for painting in ("_trunk", "_lungs", "_centre"):
        monkeypatch.setattr(f"{PHANTOMS}.scene.{painting}", lambda *_: None)
    monkeypatch.setattr(f"{PHANTOMS}.pclt20k.image_pet", lambda uptake, *_: uptake)
    monkeypatch.setattr(f"{PHANTOMS}.lucid.scan_pet", lambda uptake, *_: uptake)
