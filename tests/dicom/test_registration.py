"""Registrations: direction, chains of matrices and frames, by SimpleITK's transforms; and what is refused."""

import numpy as np
import pytest
import SimpleITK as sitk

from nnunet_cipa.dicom.registration.chain import between
from nnunet_cipa.dicom.registration.file import read_registration
from nnunet_cipa.errors import CIPAError
from tests.dicom.geometry import make_grid
from tests.dicom.registrations import matrix_of, registration, registration_item, save

POINTS = np.array([(0.0, 0, 0), (100, 0, 0), (0, 100, 0), (0, 0, 100), (-30, 70, 250)])
A, B, C = "1.2.3.1", "1.2.3.2", "1.2.3.3"


def euler(*angles, shift=(0, 0, 0), centre=(0, 0, 0)):
    """A rigid transform of SimpleITK, degrees and mm."""
    made = sitk.Euler3DTransform()
    made.SetCenter(centre)
    made.SetRotation(*np.radians(angles).tolist())
    made.SetTranslation(shift)
    return made


FIRST = euler(5, -12, 30, shift=(40, -7, 3), centre=(10, 20, -50))
SECOND = euler(0, 0, 90, shift=(0, 11, -2))


def written(path, target, items, **more):
    return read_registration(save(registration(target, items), path), **{"frames_of_images": {}, **more})


def tied(path, target, moving, *transforms):
    """A REG that takes one frame into another."""
    items = [registration_item(target, [np.eye(4)]), registration_item(moving, [matrix_of(one) for one in transforms])]
    return written(path, target, items)


def taken(rigid):
    return np.array([(rigid.matrix @ (*point, 1))[:3] for point in POINTS])


def moved(*transforms):
    """What transforms make of the points, one after the other, by SimpleITK."""
    found = POINTS
    for one in transforms:
        found = np.array([one.TransformPoint(point.tolist()) for point in found])
    return found


def test_a_matrix_takes_the_other_frame_into_the_registered_one(tmp_path):
    found = [tied(tmp_path / "reg.dcm", A, B, FIRST)]
    np.testing.assert_allclose(taken(between(found, B, A)), moved(FIRST), atol=1e-6)
    np.testing.assert_allclose(taken(between(found, A, B)), moved(FIRST.GetInverse()), atol=1e-6)
    assert between(found, B, C) is None
    assert between([], B, A) is None


def test_the_first_of_several_matrices_is_applied_first(tmp_path):
    found = [tied(tmp_path / "reg.dcm", A, B, FIRST, SECOND)]
    np.testing.assert_allclose(taken(between(found, B, A)), moved(FIRST, SECOND), atol=1e-6)


def test_neither_of_two_frames_is_the_registered_one(tmp_path):
    items = [registration_item(B, [matrix_of(FIRST)]), registration_item(C, [matrix_of(SECOND)])]
    found = [written(tmp_path / "reg.dcm", A, items)]
    np.testing.assert_allclose(taken(between(found, B, C)), moved(FIRST, SECOND.GetInverse()), atol=1e-6)


def test_a_way_over_a_third_frame_is_found(tmp_path):
    found = [tied(tmp_path / "1.dcm", C, B, FIRST), tied(tmp_path / "2.dcm", A, C, SECOND)]
    np.testing.assert_allclose(taken(between(found, B, A)), moved(FIRST, SECOND), atol=1e-6)


def test_an_image_is_moved_to_where_its_points_are(tmp_path):
    image = make_grid((5, 6, 4), (1.0, 2.0, 3.0), "tilted")
    placed = between([tied(tmp_path / "reg.dcm", A, B, FIRST)], B, A).moved(image)
    for index in ((0, 0, 0), (4, 0, 0), (1, 5, 3)):
        expected = FIRST.TransformPoint(image.TransformIndexToPhysicalPoint(index))
        np.testing.assert_allclose(placed.TransformIndexToPhysicalPoint(index), expected, atol=1e-5)


def test_two_that_agree_are_one_and_two_that_do_not_are_refused(tmp_path):
    same = [tied(tmp_path / f"{number}.dcm", A, B, FIRST) for number in (1, 2)]
    np.testing.assert_allclose(taken(between(same, B, A)), moved(FIRST), atol=1e-6)
    other = [same[0], tied(tmp_path / "3.dcm", A, B, SECOND)]
    with pytest.raises(CIPAError, match=r"3\.dcm and .*1\.dcm register the same frames of reference, up to .* mm"):
        between(other, B, A)


def test_a_frame_is_known_by_its_images(tmp_path):
    items = [registration_item("", [matrix_of(FIRST)], images=("1.9", "1.8"))]
    found = written(tmp_path / "reg.dcm", A, items, frames_of_images={"1.9": B, "1.8": B})
    np.testing.assert_allclose(taken(between([found], B, A)), moved(FIRST), atol=1e-6)
    with pytest.raises(CIPAError, match="does not say which frames of reference it ties together"):
        written(tmp_path / "reg.dcm", A, items)


def test_a_rigid_matrix_is_rigid_whatever_it_is_called(tmp_path):
    found = written(tmp_path / "reg.dcm", A, [registration_item(B, [matrix_of(FIRST)], "AFFINE")])
    np.testing.assert_allclose(taken(between([found], B, A)), moved(FIRST), atol=1e-6)


@pytest.mark.parametrize(
    "matrix",
    [np.diag([1.1, 1, 1, 1]), np.diag([-1.0, 1, 1, 1]), np.eye(4) + 0.1 * np.eye(4, k=1), np.diag([1.0, 1, 1, 2])],
)
def test_what_is_not_rigid_is_refused(tmp_path, matrix):
    with pytest.raises(CIPAError, match=r"reg\.dcm: the transformation \(RIGID\) is not rigid: .*; register CT"):
        written(tmp_path / "reg.dcm", A, [registration_item(B, [matrix])])


def without_numbers(item):
    item.MatrixRegistrationSequence[0].MatrixSequence[0].FrameOfReferenceTransformationMatrix = ["1", "2"]


def without_matrix(item):
    del item.MatrixRegistrationSequence


@pytest.mark.parametrize(
    ("edit", "told"),
    [(without_numbers, "not 16 numbers"), (without_matrix, f"no matrix for the frame of reference {B}")],
)
def test_what_tells_no_matrix_is_refused(tmp_path, edit, told):
    item = registration_item(B, [np.eye(4)])
    edit(item)
    with pytest.raises(CIPAError, match=told):
        written(tmp_path / "reg.dcm", A, [item])


def test_a_file_that_is_cut_short_is_refused(tmp_path):
    path = save(registration(A, [registration_item(B, [matrix_of(FIRST)])]), tmp_path / "reg.dcm")
    whole = path.read_bytes()
    for length in range(140, len(whole), 41):
        path.write_bytes(whole[:length])
        with pytest.raises(CIPAError, match=r"reg\.dcm: "):
            read_registration(path, {})
