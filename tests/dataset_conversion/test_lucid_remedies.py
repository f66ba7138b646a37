"""What the refusals of ``convert lucid`` tell one to do with NIfTI files, done with ITK or a shell's commands."""

import shutil

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from nnunet_cipa.dataset_conversion.lucid.convert import Options, convert_lucid
from nnunet_cipa.errors import CIPAError
from tests.dataset_conversion.test_lucid_malformed import FAULTS, NAME


def read(study, kind):
    return sitk.ReadImage(str(study.path(NAME, kind)))


def write(study, kind, image):
    sitk.WriteImage(image, str(study.path(NAME, kind)))


def values(kind, function):
    def follow(study):
        image = read(study, kind)
        changed = sitk.GetImageFromArray(function(sitk.GetArrayFromImage(image)))
        changed.CopyInformation(image)
        write(study, kind, changed)

    return follow


def axial(*kinds):
    """Resample to the grid that the images of the other patients have."""

    def follow(study):
        for kind in kinds:
            grid = sitk.ReadImage(str(study.path("P01", kind)))
            method = sitk.sitkNearestNeighbor if kind == "IGTV" else sitk.sitkLinear
            outside = -1000 if kind == "CT" else 0
            write(study, kind, sitk.Resample(read(study, kind), grid, sitk.Transform(), method, outside))

    return follow


def to_the_ct(study):
    moved = sitk.Resample(read(study, "IGTV"), read(study, "CT"), sitk.Transform(), sitk.sitkNearestNeighbor)
    write(study, "IGTV", moved)


def in_mm(study):
    image = nib.load(study.path(NAME, "CT"))
    study.write(NAME, "CT", np.asarray(image.dataobj), image.affine)


def one_orientation(study):
    image = nib.load(study.path(NAME, "CT"))
    study.write(NAME, "CT", np.asarray(image.dataobj), image.affine, edit=lambda i: i.set_qform(i.affine, code=1))


def add_a_patient(study):
    study.add("P07", np.random.default_rng(12))


def remove(name):
    return lambda study: (study.root / name).unlink()


REMEDIES = {
    "foreign file of a patient": ("move it", lambda s: shutil.move(s.root / NAME / "ITV.nii.gz", s.root.parent)),
    "foreign file at the top": ("move it", lambda s: shutil.move(s.root / "notes.docx", s.root.parent)),
    "name of a patient": ("rename", lambda s: (s.root / "P 02").rename(s.root / "P-02")),
    "vague facts": ("true or false", lambda s: (s.root / "study.json").write_text('{"synthetic": false}')),
    "test list of unknown": ("correct the list", lambda s: (s.root / "test.txt").write_text("P01\n")),
    "test list that is empty": ("remove it", remove("test.txt")),
    "test list that repeats": ("once", lambda s: (s.root / "test.txt").write_text("P01\n")),
    "all held out": ("add patients", add_a_patient),
    "4D": ("three-dimensional", lambda s: write(s, "PET", read(s, "PET")[..., 0])),
    "metres": ("in mm", in_mm),
    "two orientations": ("one orientation", one_orientation),
    "oblique": ("resample", axial("CT", "PET", "IGTV")),
    "CT without air": ("write the CT in HU", values("CT", lambda v: v - 1024)),
    "Bq/ml": ("convert the PET to SUV", values("PET", lambda v: v / np.float32(2000))),
    "mask of 0 and 255": ("0 and 1", values("IGTV", lambda v: v // 255)),
    "soft mask": ("0 and 1", values("IGTV", lambda v: (v > 0).astype(np.uint8))),
    "inverted mask": ("1 for the tumour", values("IGTV", lambda v: 1 - v)),
    "empty mask": ("remove the patient", lambda s: shutil.rmtree(s.root / NAME)),
    "mask of another size": ("resample", to_the_ct),
    "mask half a voxel off": ("resample", to_the_ct),
    "same CT": ("keep one", lambda s: shutil.rmtree(s.root / NAME)),
}


@pytest.mark.parametrize("fault", REMEDIES)
def test_the_study_is_converted_once_it_is_as_told(fault, lucid, raw):
    told, follow = REMEDIES[fault]
    FAULTS[fault][0](lucid)
    with pytest.raises(CIPAError, match=told):
        convert_lucid(lucid.root, Options(processes=1))
    follow(lucid)
    converted = convert_lucid(lucid.root, Options(processes=1))
    expected = sum(folder.is_dir() for folder in lucid.root.iterdir())
    assert len(converted.cases) == expected
    assert len(list(raw.glob("Dataset*/labelsT?/*.nii.gz"))) == expected
