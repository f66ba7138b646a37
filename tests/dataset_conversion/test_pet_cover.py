"""How much of a patient the PET has to cover, and a PET that is turned against the CT."""

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage

from nnunet_cipa.dataset_conversion.lucid import Options, convert_lucid
from nnunet_cipa.dataset_conversion.study_set.case import Grid, resample_to
from nnunet_cipa.dataset_conversion.study_set.crop import find_crop
from nnunet_cipa.dataset_conversion.study_set.pet_cover import covers_all, measure_cover
from nnunet_cipa.errors import CIPAError
from tests.dataset_conversion.lucid_dicom import cases, provenance


def image(array, spacing, origin):
    made = sitk.GetImageFromArray(array)
    made.SetSpacing(spacing)
    made.SetOrigin(origin)
    return made


@pytest.fixture(scope="module")
def ct():
    """A body of 320 x 200 mm over 200 mm in a field of view of 640 mm, middle at 0; voxels of 5 mm."""
    z, y, x = np.ogrid[0:40, 0:128, 0:128]
    inside = ((x - 63.5) * 5 / 160) ** 2 + ((y - 63.5) * 5 / 100) ** 2 < 1
    hu = np.where(inside & (z >= 0), 0, -1000).astype(np.int16)
    return image(hu, (5.0, 5.0, 5.0), (-317.5, -317.5, 2.5))


def pet(width, low=0.0, high=200.0, degrees=0.0):
    """A PET of so many mm a side round the axis, from one z to another."""
    count, slices = int(width / 4), int((high - low) / 4)
    made = image(np.ones((slices, count, count), np.float32), (4.0,) * 3, (0.0, 0.0, 0.0))
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    made.SetDirection((c, -s, 0, s, c, 0, 0, 0, 1))
    middle = np.array([[c, -s], [s, c]]) @ np.full(2, (count - 1) * 2.0)
    made.SetOrigin((*(-middle), low + 2.0))
    return made


@pytest.mark.parametrize(
    ("made", "field", "body"),
    [
        (pet(640), 1.0, None),
        (pet(576), 0.81, 1.0),  # ordinary: a planning CT of 650 mm and a PET of 576 mm
        (pet(400), 0.390625, 1.0),
        (pet(640, low=20.0), 0.9, 0.9),
        (pet(640, low=24.0, high=176.0), 0.76, 0.75),  # slices at 2.5, 7.5, ...: 30 of 40 have their centre inside
        (pet(240), (240 / 640) ** 2, 0.87),
        # Turned by 45 degrees, a square of 480 mm still holds the body, and its bounding box most of the field
        (pet(480, degrees=45), 1.0, 1.0),
        (pet(320, low=1000, high=1200), 0.0, 0.0),
    ],
)
def test_parts_that_are_covered(ct, made, field, body):
    found = measure_cover(ct, made)
    assert found.field == pytest.approx(field, abs=0.005)
    assert found.body == (None if body is None else pytest.approx(body, abs=0.01))
    covered = field if body is None else body
    assert (found.fault(0.95) is None) == (covered >= 0.95)


def test_what_is_told(ct):
    assert measure_cover(ct, pet(640)).notes == ()
    (note,) = measure_cover(ct, pet(576)).notes
    assert note == "covers 81% of the CT's field of view and 100% of the body; elsewhere SUV is 0"


def test_without_a_body_the_field_of_view_counts(ct):
    air = image(np.full((40, 128, 128), -1000, np.int16), ct.GetSpacing(), ct.GetOrigin())
    assert measure_cover(air, pet(576)).body is None
    assert "covers 81% of the CT's field of view, and 90% are needed" in measure_cover(air, pet(576)).fault(0.9)


def test_after_the_crop_only_what_is_left_counts(ct):
    hu = sitk.GetArrayFromImage(ct)
    hu[:, 20:30, 2:12] = 0  # a second body of 50 mm at the edge, connected by a bar
    hu[:, 24:26, 12:60] = 0
    other = image(hu, ct.GetSpacing(), ct.GetOrigin())
    crop = find_crop(hu, np.zeros_like(hu), (5.0, 5.0, 5.0), "CT")
    assert measure_cover(other, pet(400), crop).body == 1.0


def blank(ct):
    mask = sitk.Image(ct.GetSize(), sitk.sitkUInt8)
    mask.CopyInformation(ct)
    return mask


def test_a_tumour_has_to_lie_in_a_turned_pet(ct):
    for distance, inside in ((130, True), (190, True), (210, False)):
        mask = blank(ct)
        mask[mask.TransformPhysicalPointToIndex((float(distance), float(distance), 100.0))] = 1
        assert covers_all(mask, pet(400)) == inside
    # Turned, a square of 400 mm reaches 283 mm along the axes, and 141 mm along both
    mask = blank(ct)
    mask[mask.TransformPhysicalPointToIndex((190.0, 190.0, 100.0))] = 1
    assert not covers_all(mask, pet(400, degrees=45))
    mask = blank(ct)
    mask[mask.TransformPhysicalPointToIndex((270.0, 0.0, 100.0))] = 1
    assert covers_all(mask, pet(400, degrees=45))
    assert not covers_all(mask, pet(400))


def test_a_turned_pet_is_resampled_by_its_own_direction():
    rng = np.random.default_rng(4)
    values = ndimage.gaussian_filter(rng.random((12, 60, 60)), 2).astype(np.float32)
    c, s = np.cos(np.radians(1.0)), np.sin(np.radians(1.0))
    turned = image(values, (4.0, 4.0, 5.0), (-110.0, -120.0, 3.0))
    turned.SetDirection((c, -s, 0, s, c, 0, 0, 0, 1))
    grid = Grid((50, 40, 10), (3.0, 3.0, 4.0), (-70.0, -60.0, 10.0), (1, 0, 0, 0, 1, 0, 0, 0, 1))
    found = sitk.GetArrayFromImage(resample_to(turned, grid))
    # The same by SciPy: index in the PET of every voxel centre of the grid
    z, y, x = np.meshgrid(*(np.arange(n) for n in (10, 40, 50)), indexing="ij")
    places = np.stack([x * 3.0 - 70, y * 3.0 - 60, z * 4.0 + 10]).reshape(3, -1) - np.array([[-110.0], [-120], [3]])
    index = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]]) @ places / np.array([[4.0], [4], [5]])
    expected = ndimage.map_coordinates(values, index[::-1], order=1).reshape(found.shape)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def turn_pet(export, number):
    c, s = np.cos(np.radians(1.0)), np.sin(np.radians(1.0))

    def edit(dataset):
        x, y, z = map(float, dataset.ImagePositionPatient)
        dataset.ImagePositionPatient = [round(c * x - s * y, 6), round(s * x + c * y, 6), z]
        dataset.ImageOrientationPatient = [round(v, 9) for v in (c, s, 0, -s, c, 0)]

    export.edit(number, "PET AC", edit)


def keep_the_middle(export, number, millimetres):
    def edit(dataset):
        step = float(dataset.PixelSpacing[0])
        count = int(millimetres / step)
        first = (dataset.Rows - count) // 2
        kept = dataset.pixel_array[first : first + count, first : first + count]
        x, y, z = map(float, dataset.ImagePositionPatient)
        dataset.ImagePositionPatient = [round(x + first * step, 6), round(y + first * step, 6), z]
        dataset.Rows = dataset.Columns = count
        dataset.PixelData = np.ascontiguousarray(kept).tobytes()

    export.edit(number, "PET AC", edit)


def test_a_narrow_and_a_turned_pet_are_converted(pair, raw):
    keep_the_middle(pair, 1, 460)
    turn_pet(pair, 2)
    conversion = convert_lucid(pair.root, Options(processes=1))
    told = [warning for warning in conversion.warnings if "of the CT's field of view" in warning]
    found = {name: provenance(conversion.folder, name) for name in cases(conversion.folder)}
    assert len(found) == 2
    narrow = [one for one in found.values() if one["pet_cover"] < 0.9]
    assert len(told) == len(narrow) == 1
    assert narrow[0]["pet_body_cover"] > 0.99
    assert "PHANTOM-0001" in told[0]


def test_a_pet_that_covers_too_little_of_the_body(pair, raw):
    keep_the_middle(pair, 1, 460)
    with pytest.raises(CIPAError, match=r"PHANTOM-0001: .*covers \d+% of the body.*100% are needed.*--least-pet-cover"):
        convert_lucid(pair.root, Options(processes=1, least_pet_cover=1.0001))
