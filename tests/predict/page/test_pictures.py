"""Pictures of the page: outlines lie where the tumour is, in mm, and slices are those with most of it."""

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

from nnunet_cipa.pages import palette
from nnunet_cipa.pages.images import Outline, outlined
from nnunet_cipa.predict.certainty import Certainty, Member
from nnunet_cipa.predict.page.projections import project
from nnunet_cipa.predict.page.slices import choose_slices, draw_slices
from tests.predict.phantom import with_mask


def pixels(address):
    return np.array(Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))))


def coloured(address, colour=palette.REGIONS[0]):
    """First and last row and column of a colour."""
    rows, columns = np.nonzero((pixels(address) == palette.rgb(colour)).all(axis=2))
    return rows.min(), rows.max(), columns.min(), columns.max()


def box(patient, z, y, x):
    values = np.zeros(patient.mask.GetSize()[::-1])
    values[z, y, x] = 1
    return with_mask(patient, values)


def test_an_outline_is_the_inner_edge_of_the_mask():
    mask = np.zeros((6, 8), dtype=bool)
    mask[1:5, 2:7] = True
    picture = np.array(outlined(np.zeros((6, 8), dtype=np.uint8), [Outline(mask, "#FF0000")], (2.0, 1.0), 120))
    assert picture.shape == (120, 80, 3)
    red = (picture == (255, 0, 0)).all(axis=2)
    expected = np.zeros((120, 80), dtype=bool)
    expected[20:100, 20:70] = True
    expected[22:98, 22:68] = False
    np.testing.assert_array_equal(red, expected)


@pytest.mark.parametrize("axes", [(1, 1, 1), (-1, -1, -1)])
def test_projections_show_where_the_tumour_is(patient, axes):
    """A box of known sides, however the CT is stored: a pixel of the picture is a mm."""
    (z, y, x), spacing = (slice(20, 30), slice(40, 52), slice(50, 60)), patient.ct.GetSpacing()
    made, _ = box(patient, z, y, x)
    flipped = replace(made, mask=sitk.Flip(made.mask, [axis < 0 for axis in axes]))
    views = {one.view: coloured(one.picture) for one in project(flipped)}
    height, depth, width = (spacing[2 - axis] * (part.stop - part.start) for axis, part in enumerate((z, y, x)))
    for view, sides in (("coronal", (height, width)), ("sagittal", (height, depth)), ("axial", (depth, width))):
        top, bottom, left, right = views[view]
        assert (bottom - top + 1, right - left + 1) == pytest.approx(sides, abs=2)
    # The top of the PET is the first row, so the distance from it is that of the box to the top
    last = patient.pet.TransformIndexToPhysicalPoint([size - 1 for size in patient.pet.GetSize()])[2]
    above = last + patient.pet.GetSpacing()[2] / 2 - (patient.ct.GetOrigin()[2] + spacing[2] * (z.stop - 0.5))
    assert views["coronal"][0] == pytest.approx(above, abs=2)


def test_a_turned_pet_is_shown_upright(patient):
    """The PET on a grid that is turned by ten degrees holds the same activity in the same places."""
    turn = sitk.Euler3DTransform(np.array(patient.pet.TransformContinuousIndexToPhysicalPoint(
        [size / 2 for size in patient.pet.GetSize()])), 0, 0, np.radians(10))  # fmt: skip
    turned = sitk.Resample(patient.pet, patient.pet, turn, sitk.sitkLinear)
    direction = np.reshape(turn.GetMatrix(), (3, 3))
    turned.SetDirection(direction.ravel().tolist())
    turned.SetOrigin(turn.TransformPoint(patient.pet.GetOrigin()))
    (first, *_), (second, *_) = project(patient), project(replace(patient, pet=turned))
    hottest = [
        np.argwhere(pixels(one.picture)[..., 1] < 60).mean(axis=0) - (0, pixels(one.picture).shape[1] / 2)
        for one in (first, second)
    ]
    assert hottest[1] == pytest.approx(hottest[0], abs=8)


def test_slices_are_drawn_with_outlines_on_ct_and_pet(patient):
    made, _ = box(patient, slice(20, 21), slice(40, 52), slice(50, 60))
    (picture,) = draw_slices(made, [20])
    assert (picture.number, picture.z_mm) == (21, pytest.approx(patient.ct.GetOrigin()[2] + 100))
    for address in (picture.ct, picture.pet):
        top, bottom, left, right = coloured(address)
        assert (bottom - top + 1) / (right - left + 1) == pytest.approx(12 / 10, rel=0.05)
    disputed = sitk.GetArrayFromImage(made.mask)
    disputed[20, 30:40] = disputed[20, 40]  # ten rows more, the rest of whose outline lies under that of the mask
    certainty = Certainty((Member("a", 1, 1),), 0.5, 0.5, 1, 1.0, {"members": disputed * np.uint8(50)})
    (picture,) = draw_slices(replace(made, certainty=certainty), [20])
    _, bottom, left, right = coloured(picture.ct)
    top, *_ = coloured(picture.ct, palette.TRUTH)
    assert (bottom - top + 1) / (right - left + 1) == pytest.approx(22 / 10, rel=0.05)


def test_chosen_slices_have_the_largest_section_of_each_lesion(patient):
    """A wedge of 10 slices, widest in the last but one, and a small lesion above it."""
    values = np.zeros(patient.mask.GetSize()[::-1])
    for slice_, width in zip(range(10, 20), (3, 4, 5, 6, 7, 8, 9, 10, 12, 11), strict=True):
        values[slice_, 40:50, 40 : 40 + width] = 1
    values[30, 40:44, 40:44] = 1
    _, lesions = with_mask(patient, values)
    assert choose_slices(lesions, 5.0, 2) == [18, 30]
    # 10 mm are two slices
    assert choose_slices(lesions, 5.0, 4) == [14, 16, 18, 30]
    assert choose_slices(lesions, 12.0, 4) == [17, 18, 19, 30]
