"""The geometry of a series is that which GDCM finds, whatever its orientation, spacing and file names."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from nnunet_cipa.dicom.files import scan_folder
from nnunet_cipa.dicom.series.ct import read_ct
from nnunet_cipa.dicom.series.grouping import build_series, group_series
from tests.dicom.writer import write_series


def read(folder):
    (candidate,) = group_series(scan_folder(folder).images)
    return build_series(candidate)


def read_by_gdcm(folder, series_uid):
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder), series_uid))
    return reader.Execute()


lengths = st.floats(0.3, 6).map(lambda x: round(x, 4))


@settings(max_examples=40, deadline=None)
@given(
    rotation=st.tuples(*[st.floats(-180, 180)] * 3),
    quarter=st.booleans(),
    spacing=st.tuples(lengths, lengths, lengths),
    origin=st.tuples(*[st.floats(-500, 500).map(lambda x: round(x, 3))] * 3),
    slices=st.integers(2, 7),
    shape=st.tuples(st.integers(2, 9), st.integers(2, 9)),
    data=st.data(),
)
def test_geometry_and_voxels_are_those_of_gdcm(rotation, quarter, spacing, origin, slices, shape, data):
    angles = np.round(np.array(rotation) / 90) * 90 if quarter else np.array(rotation)
    axes = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    names = data.draw(
        st.lists(st.text("abcxyz019._-", min_size=1, max_size=8), min_size=slices, max_size=slices, unique=True).filter(
            lambda names: not any(name.startswith(".") for name in names)
        )
    )
    with tempfile.TemporaryDirectory() as folder:
        written = write_series(
            Path(folder), "CT", slices, shape, spacing, origin, (*axes[:, 0], *axes[:, 1]), names=names
        )
        series = read(written.folder)
        image = read_ct(series)
        expected = read_by_gdcm(written.folder, series.series_uid)
    assert image.GetSize() == expected.GetSize() == (shape[1], shape[0], slices)
    assert image.GetSpacing() == pytest.approx(expected.GetSpacing(), abs=1e-6)
    assert image.GetOrigin() == pytest.approx(expected.GetOrigin(), abs=1e-6)
    assert image.GetDirection() == pytest.approx(expected.GetDirection(), abs=1e-8)
    np.testing.assert_array_equal(sitk.GetArrayViewFromImage(image), sitk.GetArrayViewFromImage(expected))
    grid = series.grid()
    assert grid.GetPixelID() == sitk.sitkUInt8
    for get in ("GetSize", "GetSpacing", "GetOrigin", "GetDirection"):
        assert getattr(grid, get)() == getattr(image, get)()


def test_slices_ascend_along_the_normal(write):
    written = write(names=["e", "c", "a", "d", "b"], origin=(1, 2, -30), spacing=(1, 1, 2.5))
    series = read(written.folder)
    assert [slice_.path for slice_ in series.slices] == written.paths
    assert [slice_.position for slice_ in series.slices] == [-30, -27.5, -25, -22.5, -20]
    assert [slice_.sop_instance_uid for slice_ in series.slices] == [d.SOPInstanceUID for d in written.datasets]


def test_normal_is_row_direction_times_column_direction(write):
    # Columns to the back, rows to the left: the normal points down, so that slices ascend towards the feet.
    written = write(orientation=(0, 1, 0, 1, 0, 0), spacing=(2, 1.5, 3), origin=(0, 0, 0))
    series = read(written.folder)
    assert series.direction == (0, 1, 0, 1, 0, 0, 0, 0, -1)
    assert series.spacing == (1.5, 2, 3)
    assert [slice_.position for slice_ in series.slices] == [0, 3, 6, 9, 12]
    assert series.grid().TransformIndexToPhysicalPoint((1, 0, 4)) == (0, 1.5, -12)


def test_identifying_attributes(write):
    series = read(write("PT").folder)
    assert (series.modality, series.patient_id, series.study_uid) == ("PT", "PAT7", "1.2.3.1")
    assert (series.frame_of_reference_uid, series.description) == ("1.2.3.9", "PT thorax")
    assert series.sop_class_uid == "1.2.840.10008.5.1.4.1.1.128"


def test_positions_rounded_to_a_tenth_are_regular(write):
    written = write(slices=9, spacing=(1, 1, 3.27))
    for index in range(9):
        written.rewrite(index, round_position)
    assert read(written.folder).spacing[2] == pytest.approx(3.27, abs=0.02)


def round_position(dataset):
    dataset.ImagePositionPatient = [round(x, 1) for x in dataset.ImagePositionPatient]


def test_directions_rounded_to_three_decimals_are_made_orthonormal(write):
    axes = Rotation.from_euler("xyz", (3, 5, 7), degrees=True).as_matrix()
    written = write(spacing=(1, 1, 1), slices=3)
    for index in range(3):
        written.rewrite(index, lambda dataset, index=index: turn(dataset, np.round(axes, 3), index * axes[:, 2]))
    direction = np.reshape(read(written.folder).direction, (3, 3))
    np.testing.assert_allclose(direction.T @ direction, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(direction, axes, atol=2e-3)


def turn(dataset, axes, position):
    dataset.ImageOrientationPatient = [*axes[:, 0], *axes[:, 1]]
    dataset.ImagePositionPatient = [round(x, 6) for x in position]
