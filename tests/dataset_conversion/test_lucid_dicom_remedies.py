"""What the refusals of ``convert lucid`` tell one to do with a faulty DICOM export, done as the message has it."""

import re
import shutil

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from tests.dataset_conversion.lucid_dicom_faults import FAULTS, NUMBER
from tests.dataset_conversion.lucid_dicom_remedies import Remedy, again, enter, file_again, remove, remove_named

AIR = -1000


def read(paths):
    return sitk.ReadImage([str(path) for path in paths])


def resample_ct(one_by_one):
    """Resample the CT to the axial slices of the contours; slices that are aside of each other are read one by one."""

    def follow(refused):
        grid = read(refused.unharmed.files(NUMBER, "CT"))
        paths = refused.export.files(NUMBER, "CT")
        parts = [read([path]) for path in paths] if one_by_one else [read(paths)]
        resampled = [sitk.Resample(part, grid, sitk.Transform(), sitk.sitkLinear, AIR) for part in parts]
        hu = np.max([sitk.GetArrayFromImage(image) for image in resampled], axis=0)
        for k, (path, values) in enumerate(zip(paths, hu, strict=True)):
            dataset = pydicom.dcmread(path)
            dataset.ImagePositionPatient = [round(v, 4) for v in grid.TransformIndexToPhysicalPoint((0, 0, k))]
            dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
            dataset.PixelData = (values - int(dataset.RescaleIntercept)).astype("<i2").tobytes()
            path.unlink()
            dataset.save_as(path)

    return follow


def choose_the_first(refused):
    uid = re.search(r"with --series: (\S+)", refused.message).group(1)
    return ["--series", uid]


def take_onto_the_ct(refused):
    return ["--series", re.search(r"give --series (\S+) to take it onto that CT", refused.message).group(1)]


def name_patients(*names):
    """Give each patient a pseudonym."""

    def follow(refused):
        for number, name in enumerate(names, 1):
            for path in sorted(refused.export.folder(number).iterdir()):
                dataset = pydicom.dcmread(path)
                dataset.PatientID = name
                path.unlink()
                dataset.save_as(path)

    return follow


def move_nifti(refused):
    shutil.move(refused.export.folder(NUMBER) / "CT.nii.gz", refused.export.root.parent)


def without_the_copy(refused):
    shutil.rmtree(refused.export.root / "again")


DOSE = "RadiopharmaceuticalInformationSequence.RadionuclideTotalDose"
REMEDIES = {
    "CT file cut in its pixels": Remedy("export it again", file_again),
    "CT file cut in its header": Remedy("export it again", file_again),
    "PET file cut in its pixels": Remedy("export it again", file_again),
    "RTSTRUCT cut": Remedy("export it again", file_again),
    "PET without weight": Remedy("enter it where the images come from", enter("PET AC", "PatientWeight")),
    "dose of zero": Remedy("correct it", enter("PET AC", DOSE)),
    "PET without corrections": Remedy("add one that is corrected for attenuation", again("PET AC")),
    "PET elsewhere": Remedy("give a PET in the CT's frame", again("PET AC")),
    "RTSTRUCT of another study": Remedy("give the one of that study", again("structures")),
    "RTSTRUCT on a series that is not there": Remedy("add that series, or give --series", take_onto_the_ct),
    "two PET": Remedy("choose one with --series", choose_the_first),
    "only a PET without attenuation correction": Remedy("add one that is corrected for attenuation", again("PET AC")),
    "PET of another frame of reference": Remedy("export a PET that was registered to the CT", again("PET AC")),
    "no CT": Remedy("add that series", again("CT")),
    "no PET": Remedy("add one", again("PET AC")),
    "no RTSTRUCT": Remedy("export the one with the contours", again("structures")),
    "two RTSTRUCT": Remedy("leave the one that counts", remove("*-2")),
    "missing slice": Remedy("add them", again("CT")),
    "missing last slices": Remedy("give the whole series", again("CT")),
    "doubled slice": Remedy("keep one slice for each place", remove("EXTRA")),
    "tilted gantry": Remedy("correct the tilt by resampling", resample_ct(one_by_one=True)),
    "oblique CT": Remedy("resample it to axial slices", resample_ct(one_by_one=False)),
    "coronal CT": Remedy("resample it to axial slices", resample_ct(one_by_one=False)),
    "no PatientID": Remedy("as pseudonym", name_patients("A", "B"), patients={"A": 1, "B": 2}),
    "PatientID in some files only": Remedy("enter it", file_again),
    "one PatientID for two patients": Remedy(
        "give each patient a PatientID of its own", name_patients("A", "B"), patients={"A": 1, "B": 2}
    ),
    "a patient twice": Remedy("keep one of the two patients", without_the_copy),
    "link out of the tree": Remedy("or remove it", remove_named),
    "mixed with NIfTI": Remedy("separate them, and give the folder of one", move_nifti),
}


@pytest.mark.parametrize("fault", REMEDIES)
def test_the_patients_are_converted_once_it_is_as_told(fault, follow):
    follow(FAULTS[fault][0], REMEDIES[fault])
