"""The pictures, judged by their pixels."""

import numpy as np
import pytest
from PIL import Image

from nnunet_cipa.demo.page import draw_overlay
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.pages.overlay import largest_slice, paint
from nnunet_cipa.pages.palette import FALSE_NEGATIVE, FALSE_POSITIVE, TRUE_POSITIVE

ORANGE, BLUE = (0xE6, 0x9F, 0x00), (0x56, 0xB4, 0xE9)
HEADING = 50  # rows of title and legend
SHAPE = (4, 40, 48)


def box(index, rows, columns):
    mask = np.zeros(SHAPE, dtype=bool)
    mask[index, slice(*rows), slice(*columns)] = True
    return mask


def grey_with(mask):
    """White where the mask is, mid-grey else, and one black voxel a slice to fix the scale."""
    image = np.where(mask, 200, 100).astype(np.float32)
    image[:, 0, 0] = 0
    return image


def panels(path):
    """CT, PET, truth and prediction without the headings."""
    picture = np.asarray(Image.open(path).convert("RGB")).astype(int)[HEADING:]
    width = picture.shape[1] // 4
    return [picture[:, index * width : (index + 1) * width] for index in range(4)]


def extent(panel, colour, tolerance=60):
    """First and last row and column of the pixels of a colour, None without any."""
    rows, columns = np.nonzero(np.abs(panel - colour).max(axis=2) < tolerance)
    return np.array([rows.min(), rows.max(), columns.min(), columns.max()]) if len(rows) else None


def image_extent(panel):
    """The same of the image in a panel: rows and columns that are mid-grey for a quarter or more, unlike text."""
    grey = np.abs(panel - 128).max(axis=2) < 20
    rows, columns = (np.flatnonzero(grey.mean(axis=axis) > 0.25) for axis in (1, 0))
    return np.array([rows[0], rows[-1], columns[0], columns[-1]])


def white_extent(panel):
    low, high, left, right = image_extent(panel)
    inner = panel[low : high + 1, left : right + 1]
    return extent(inner, (255, 255, 255), 10) + np.array([low, low, left, left])


@pytest.fixture
def drawn(dataset, tmp_path):
    def draw(truth, prediction, bright, **geometry):
        case = dataset.add("a", truth, prediction, ct=grey_with(bright), **geometry)
        return draw_overlay(case, tmp_path / "a.png"), panels(tmp_path / "a.png")

    return draw


@pytest.mark.parametrize(
    ("truth", "prediction", "expected"),
    [
        (box(1, (2, 6), (2, 6)) | box(2, (2, 7), (2, 6)), box(3, (0, 40), (0, 48)), 2),
        (box(3, (2, 3), (2, 3)), box(0, (0, 40), (0, 48)), 3),
        (np.zeros(SHAPE, dtype=bool), box(0, (0, 2), (0, 2)) | box(3, (0, 4), (0, 4)), 3),
        (np.zeros(SHAPE, dtype=bool), np.zeros(SHAPE, dtype=bool), 2),
    ],
)
def test_slice(truth, prediction, expected):
    assert largest_slice(truth, prediction) == expected


def test_the_slice_is_the_one_that_is_drawn(drawn):
    truth = box(2, (10, 20), (12, 30))
    index, (ct, *_) = drawn(truth, truth, truth)
    assert index == 2
    assert white_extent(ct) is not None


def test_contours_lie_on_the_edges_of_the_masks(drawn):
    """The CT is brighter where the truth is, so both have to coincide; the PET is not, and has no contour."""
    truth, prediction = box(1, (10, 22), (8, 30)), box(1, (18, 34), (24, 44))
    _, (ct, pet, on_truth, on_prediction) = drawn(truth, prediction, truth)
    low, high, left, right = image_extent(ct)
    pixels = np.array([(high - low + 1) / SHAPE[1]] * 2 + [(right - left + 1) / SHAPE[2]] * 2)
    # within half of the contour's width, and the panels' places in their quarters, which is less than half a voxel
    assert extent(on_truth, ORANGE) == pytest.approx(white_extent(ct), abs=4)
    assert extent(on_prediction, BLUE) - extent(on_truth, ORANGE) == pytest.approx(pixels * (8, 12, 16, 14), abs=4)
    assert extent(on_prediction, ORANGE) is not None
    for panel, colour in ((ct, ORANGE), (ct, BLUE), (pet, ORANGE), (pet, BLUE), (on_truth, BLUE)):
        assert extent(panel, colour, 20) is None


@pytest.mark.parametrize(
    ("spacing", "ratio"), [((1.0, 1.0, 3.0), 1.0), ((1.0, 1.6, 3.0), 1.6), ((1.5, 1.0, 3.0), 2 / 3)]
)
def test_millimetres_are_as_long_down_as_across(drawn, spacing, ratio):
    square = box(1, (10, 30), (14, 34))
    _, (ct, *_) = drawn(square, square, square, spacing=spacing)
    low, high, left, right = white_extent(ct)
    assert (high - low) / (right - left) == pytest.approx(ratio, rel=0.05)


@pytest.mark.parametrize("colour", [ORANGE, BLUE])
def test_an_empty_mask_has_no_contour(drawn, colour):
    there, empty = box(1, (10, 30), (14, 34)), np.zeros(SHAPE, dtype=bool)
    masks = (empty, there) if colour is ORANGE else (there, empty)
    _, (*_, on_prediction) = drawn(*masks, there)
    other = BLUE if colour is ORANGE else ORANGE
    assert extent(on_prediction, colour, 20) is None
    assert extent(on_prediction, other) is not None


def test_air_is_cut_away_but_no_part_of_a_mask(dataset, tmp_path):
    body = np.random.default_rng(0).uniform(0, 4, (1, 200, 200)).astype(np.float32)  # air is noisy
    body[0, 80:120, 80:120] = 40
    truth, outside = np.zeros((2, *body.shape), dtype=bool)
    truth[0, 90:100, 90:100] = True
    outside[0, 5:25, 170:195] = True
    widths = []
    for prediction in (truth, outside):
        draw_overlay(dataset.add("a", truth, prediction, ct=body, spacing=(1, 1, 1)), tmp_path / "a.png")
        truth_panel, prediction_panel = panels(tmp_path / "a.png")[2:]
        *_, left, right = extent(truth_panel, ORANGE)
        widths.append(right - left)
        assert extent(prediction_panel, BLUE) is not None
    # 64 mm across, the body with a margin of 12 mm; then 127 mm, up to the prediction with its own
    assert widths[0] / widths[1] == pytest.approx(127 / 64, rel=0.05)


@pytest.mark.parametrize("wrong", ["ct", "pet", "prediction"])
def test_images_on_different_grids(dataset, tmp_path, write, wrong):
    mask = box(1, (2, 5), (2, 5))
    case = dataset.add("a", mask, mask)
    write(getattr(case, wrong), mask.astype(np.uint8), spacing=(1, 1, 1))
    with pytest.raises(CIPAError, match=r": has spacing \(1, 1, 1\) and .*labelsTs/a\.nii\.gz has"):
        draw_overlay(case, tmp_path / "a.png")
    assert not (tmp_path / "a.png").exists()


def rgb(colour):
    return np.array([int(colour[start : start + 2], 16) for start in (1, 3, 5)])


def test_colours_of_agreement():
    truth, prediction = np.zeros((2, 2, 4), dtype=bool)
    truth[0, :2] = prediction[0, 1:3] = True
    painted = paint(np.full((2, 4), 100, dtype=np.uint8), truth, prediction)
    for pixel, colour in ((0, FALSE_NEGATIVE), (1, TRUE_POSITIVE), (2, FALSE_POSITIVE)):
        np.testing.assert_allclose(painted[0, pixel], 0.55 * 100 + 0.45 * rgb(colour), atol=1)
    assert (painted[1] == 100).all()
    dominant = [int(rgb(colour).argmax()) for colour in (FALSE_POSITIVE, TRUE_POSITIVE, FALSE_NEGATIVE)]
    assert dominant == [0, 1, 2]
