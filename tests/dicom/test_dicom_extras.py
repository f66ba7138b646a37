"""Copies and localizers under the UID of a series are left out with a note; what only looks so is not."""

import shutil

import numpy as np
import pytest
import SimpleITK as sitk
from pydicom.uid import generate_uid

from nnunet_cipa.dicom.files import scan_folder
from nnunet_cipa.dicom.series.ct import read_ct
from nnunet_cipa.dicom.series.grouping import build_series, group_series
from nnunet_cipa.dicom.series.selection import select_ct, select_pet
from nnunet_cipa.errors import CIPAError

CORONAL = [1, 0, 0, 0, 0, -1]


def series_in(folder):
    (candidate,) = group_series(scan_folder(folder).images)
    return build_series(candidate)


def is_as_written(series, written):
    np.testing.assert_array_equal(sitk.GetArrayFromImage(read_ct(series)), written.stored - 1024.0)


def add(written, name, **values):
    """Another file under the series' UID, made of the third slice."""
    written.rewrite(2, lambda dataset: None)
    shutil.copy(written.paths[2], written.folder / name)
    dataset = written.datasets[2].copy()
    dataset.SOPInstanceUID = generate_uid()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    dataset.save_as(written.folder / name, enforce_file_format=False)


@pytest.mark.parametrize(("copied", "files"), [(1, "1 file"), (5, "5 files")])
def test_copies(write, copied, files):
    written = write()
    (written.folder / "again").mkdir()
    for path in written.paths[:copied]:
        shutil.copy(path, written.folder / "again")
    series = series_in(written.folder)
    assert series.notes == (f"{files} more, byte for byte the same as others under its UID, left out",)
    is_as_written(series, written)


@pytest.mark.parametrize(
    "values",
    [
        {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"], "ImageOrientationPatient": CORONAL, "Rows": 4},
        {"ImageType": ["ORIGINAL", "PRIMARY", "AXIAL", "CT_SCOUT"], "FrameOfReferenceUID": "1.2.3.44"},
        {"ImageType": ["DERIVED", "SECONDARY", "TOPOGRAM"], "ImageOrientationPatient": None},
    ],
)
def test_a_localizer_among_slices(write, values):
    written = write()
    add(written, "SCOUT", **values)
    series = series_in(written.folder)
    assert series.notes == ("1 localizer under its UID left out",)
    is_as_written(series, written)


def test_a_localizer_that_does_not_say_so(write):
    written = write(slices=12)
    add(written, "SCOUT", ImageOrientationPatient=CORONAL, Rows=4)
    series = series_in(written.folder)
    assert series.notes == ("1 localizer under its UID left out",)
    is_as_written(series, written)


def test_slices_that_are_turned_a_little_are_no_localizers(write):
    written = write(slices=12)
    add(written, "TURNED", ImageOrientationPatient=[0.9848, 0.1736, 0, -0.1736, 0.9848, 0])
    with pytest.raises(CIPAError, match="ImageOrientationPatient is"):
        series_in(written.folder)


def test_two_stacks_across_each_other_are_no_localizers(write):
    written = write(slices=6)
    for number in range(3):
        add(written, f"CORONAL{number}", ImageOrientationPatient=CORONAL)
    with pytest.raises(CIPAError, match="ImageOrientationPatient is"):
        series_in(written.folder)


def test_the_ct_with_a_localizer_is_chosen_and_localizers_alone_are_not(write, tmp_path):
    written = write()
    add(written, "SCOUT", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    write(folder="scouts", slices=2, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    chosen = select_ct(group_series(scan_folder(tmp_path).images))
    assert chosen.series_uid == written.datasets[0].SeriesInstanceUID


def test_a_pet_in_suv_without_corrected_image(write):
    kept = write("PT", folder="pet", Units="GML", CorrectedImage=None)
    write("PT", folder="nac", CorrectedImage=None)
    candidates = group_series(scan_folder(kept.folder.parent).images)
    assert select_pet(candidates).series_uid == kept.datasets[0].SeriesInstanceUID


def test_multi_frame_files_are_told_by_their_kind(write):
    written = write(slices=2, NumberOfFrames=24)
    (candidate,) = group_series(scan_folder(written.folder).images)
    assert candidate.label.endswith("(CT thorax, 2 files of 24 frames, CT Image Storage)")
