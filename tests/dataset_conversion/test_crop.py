"""Cropping to the patient's outline: couch and arms are left out, the tumour never, and places in space stay."""

import json
import tracemalloc

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from nnunet_cipa.cli import main
from nnunet_cipa.dataset_conversion.lucid.convert import Options, convert_lucid
from nnunet_cipa.dataset_conversion.phantoms.lucid import image_study
from nnunet_cipa.dataset_conversion.study_set.crop import MARGIN_MM, Crop, body_box, find_crop
from nnunet_cipa.dataset_conversion.study_set.options import Intensity, Storage
from nnunet_cipa.errors import CIPAError

SLICES = 12
SPACINGS = [(3.0, 0.98, 0.98), (2.0, 1.5, 0.7), (5.0, 3.9, 3.9)]


class Scene:
    """A body of 320 x 200 mm with lungs in a field of view of 500 mm; x and y in mm from its middle."""

    def __init__(self, spacing):
        self.spacing = spacing
        shape = (SLICES, round(500 / spacing[1]), round(500 / spacing[2]))
        self.hu = np.full(shape, -1000.0, dtype=np.float32)
        self.y, self.x = (
            ((np.arange(count) - (count - 1) / 2) * size) for count, size in zip(shape[1:], spacing[1:], strict=True)
        )
        self.ellipse((0, 0), (160, 100), 30)
        for side in (-1, 1):
            self.ellipse((75 * side, 0), (60, 75), -850)

    def ellipse(self, centre, radii, value, slices=slice(None)):
        x, y = centre
        inside = ((self.x - x) / radii[0]) ** 2 + ((self.y[:, None] - y) / radii[1]) ** 2 <= 1
        self.hu[slices, inside] = value

    def rectangle(self, x, y, value, slices=slice(None)):
        inside = (self.x >= x[0]) & (self.x <= x[1]) & ((self.y >= y[0]) & (self.y <= y[1]))[:, None]
        self.hu[slices, inside] = value

    def couch(self, top):
        """A hollow couch, its shell 3 mm thick and as dense as bone, and a thin sheet above it."""
        self.rectangle((-240, 240), (top, top + 60), 200)
        self.rectangle((-237, 237), (top + 3, top + 57), -950)

    def arms(self, gap, slices=slice(None)):
        for side in (-1, 1):
            self.ellipse((side * (160 + gap + 35), 0), (35, 40), 40, slices)
            self.ellipse((side * (160 + gap + 35), 0), (12, 12), 900, slices)

    def found(self):
        """Edges of the box in mm: left, right, front, back, from voxel face to voxel face."""
        z, y, x = body_box(self.hu, self.spacing)
        assert z == slice(0, SLICES)
        edges = []
        for part, centres, size in ((x, self.x, self.spacing[2]), (y, self.y, self.spacing[1])):
            edges += [centres[part.start] - size / 2, centres[part.stop - 1] + size / 2]
        return np.array(edges)

    def assert_is_that_of_the_body(self):
        """All of the body and the margin, and at most the margin, two sampling steps of 4 mm and a voxel more."""
        outside = self.found() * (-1, 1, -1, 1) - (160, 160, 100, 100)
        size = np.repeat(self.spacing[:0:-1], 2)
        assert np.all(outside >= MARGIN_MM - 4 - size)
        assert np.all(outside <= MARGIN_MM + 4 + 2 * size)


@pytest.fixture(params=SPACINGS, ids=str)
def scene(request):
    return Scene(request.param)


def test_box_is_the_body_and_the_margin(scene):
    scene.assert_is_that_of_the_body()


# The shell of the couch is 3 mm thick: on voxels of 3.9 mm no opening tells it from a body that lies on it.
@pytest.mark.parametrize(("spacing", "gap"), [(SPACINGS[0], 0), (SPACINGS[1], 0), *((s, 8) for s in SPACINGS)])
def test_couch_is_left_out_whether_the_body_lies_on_it_or_not(spacing, gap):
    scene = Scene(spacing)
    scene.couch(100 + gap)
    scene.assert_is_that_of_the_body()


def test_solid_board_apart_from_the_body_is_left_out(scene):
    scene.rectangle((-245, 245), (112, 140), 100)
    scene.assert_is_that_of_the_body()


@pytest.mark.parametrize("gap", [10, -2])
def test_arms_beside_the_body_are_left_out_even_if_they_touch_it(scene, gap):
    scene.arms(gap)
    scene.assert_is_that_of_the_body()


def test_arms_that_join_the_trunk_at_the_shoulders_do_not_count_below_them():
    scene = Scene((3.0, 0.98, 0.98))
    scene.arms(10, slice(0, 10))
    scene.ellipse((0, 0), (195, 80), 40, slice(10, 12))
    left, right, _, _ = scene.found()
    assert -215 < left < -195
    assert 195 < right < 215


def test_neck_narrower_than_the_couch():
    scene = Scene((3.0, 0.98, 0.98))
    scene.hu[8:] = -1000
    scene.ellipse((0, 0), (60, 60), 30, slice(8, 12))
    scene.rectangle((-245, 245), (112, 160), 100)
    scene.assert_is_that_of_the_body()


def test_noise_and_padding_do_not_count(scene):
    rng = np.random.default_rng(0)
    scene.hu += rng.normal(0, 60, scene.hu.shape).astype(np.float32)
    round_field = scene.x**2 + scene.y[:, None] ** 2 > 248**2
    scene.hu[:, round_field] = -3024
    scene.assert_is_that_of_the_body()


def test_body_that_fills_the_field_of_view_is_not_cut():
    scene = Scene((3.0, 2.0, 2.0))
    scene.ellipse((0, 0), (400, 400), 30)
    assert body_box(scene.hu, scene.spacing)[1:] == (slice(0, 250), slice(0, 250))


@pytest.mark.parametrize("value", [-1000.0, -850.0])
def test_no_body_is_an_error(value):
    hu = np.full((8, 100, 100), value, dtype=np.float32)
    hu[:, 40:70, 40:70] = 100
    with pytest.raises(CIPAError, match=r"P01/CT: has no body to crop to.* has 58 ml"):
        body_box(hu, (2.0, 2.0, 2.0), "P01/CT")
    with pytest.raises(CIPAError, match="has 0 ml"):
        body_box(np.full((8, 100, 100), value), (2.0, 2.0, 2.0))


def test_memory_is_a_part_of_the_ct():
    """160 slices of 512 x 512 as float32 are 168 MB."""
    hu = np.full((160, 512, 512), -1000.0, dtype=np.float32)
    hu[:, 150:380, 100:420] = 20
    tracemalloc.start()
    box = body_box(hu, (3.0, 0.98, 0.98))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 136 <= box[1].start <= 140 + 4
    assert peak < 0.5 * hu.nbytes


def test_phantom_with_its_couch():
    study = image_study(3, 0, 128, 16)
    crop = find_crop(study.ct, study.igtv, study.grid.spacing, "CT")
    x, y, _ = crop.region
    body = study.body.any(axis=0)
    rows, columns = (np.flatnonzero(body.any(axis=axis)) for axis in (1, 0))
    pixel = study.grid.spacing[1]
    for part, edges in ((y, rows), (x, columns)):
        outside = np.array([edges[0] - part.start, part.stop - 1 - edges[-1]]) * pixel
        assert np.all(outside >= 5)
        assert np.all(outside <= 25)
    assert not crop.enlarged_for_tumour


def test_tumour_outside_the_outline_enlarges_the_box_and_is_recorded():
    scene = Scene((3.0, 0.98, 0.98))
    tumour = np.zeros(scene.hu.shape, dtype=np.uint8)
    tumour[5, 20:24, 250] = 1
    crop = find_crop(scene.hu, tumour, scene.spacing, "CT")
    assert crop.enlarged_for_tumour
    assert crop.offset[1] == 20 - np.ceil(MARGIN_MM / 0.98)
    x, y, z = crop.region
    assert tumour[z, y, x].sum() == 4
    without = find_crop(scene.hu, 0 * tumour, scene.spacing, "CT")
    assert (without.offset[0], without.size[0], without.enlarged_for_tumour) == (crop.offset[0], crop.size[0], False)


def test_pad_is_the_inverse():
    rng = np.random.default_rng(1)
    whole = rng.integers(0, 2, (4, 9, 12)).astype(np.uint8)
    crop = Crop((3, 2, 0), (6, 5, 4), (12, 9, 4), 10.0, False)
    x, y, z = crop.region
    padded = crop.pad(whole[z, y, x])
    np.testing.assert_array_equal(padded[:, 2:7, 3:9], whole[:, 2:7, 3:9])
    assert padded.sum() == whole[:, 2:7, 3:9].sum()
    assert (padded.shape, padded.dtype) == ((4, 9, 12), np.uint8)
    with pytest.raises(CIPAError, match=r"\(4, 9, 12\) voxels"):
        crop.pad(whole)


@pytest.fixture
def bodies(lucid):
    """The study set with a body of 160 x 120 mm in the middle of every CT, stored from the feet or the head up."""
    lucid.ct_affine = np.array([[-5.0, 0, 0, 160], [0, -4, 0, 150], [0, 0, 8, -100], [0, 0, 0, 1]])
    lucid.ct_shape, lucid.area = (64, 70, 8), (slice(30, 36), slice(30, 38), slice(2, 6))
    lucid.pet_affine = np.array([[-6.0, 0, 0, 166], [0, -6, 0, 156], [0, 0, 8, -104], [0, 0, 0, 1]])
    lucid.pet_shape = (60, 52, 10)
    rng = np.random.default_rng(5)
    for number in range(1, 7):
        name = f"P{number:02d}"
        lucid.add(name, rng)
        ct = rng.integers(-1000, -900, lucid.ct_shape).astype(np.int16)
        ct[16:48, 20:50] = rng.integers(0, 80, (32, 30, 8))
        lucid.write(name, "CT", ct)
        lucid.write(name, "HEART", (ct > 60).astype(np.uint8))
    flip = np.diag([1.0, -1, -1, 1])
    flip[[1, 2], 3] = lucid.ct_shape[1] - 1, lucid.ct_shape[2] - 1
    for kind in ("CT", "IGTV", "HEART"):
        flipped = np.ascontiguousarray(lucid.arrays["P02", kind][:, ::-1, ::-1])
        lucid.write("P02", kind, flipped, lucid.ct_affine @ flip)
    return lucid


FILES = ("imagesTr/{}_0000", "imagesTr/{}_0001", "labelsTr/{}", "organsTr/{}_HEART")


@pytest.mark.parametrize("case", ["P01", "P02"])
def test_same_values_at_the_same_places_with_and_without(bodies, raw, case):
    more = {"processes": 1, "organs": ("HEART",), "storage": Storage(Intensity.RAW)}
    whole = convert_lucid(bodies.root, Options(dataset_id=1, **more)).folder
    cut = convert_lucid(bodies.root, Options(dataset_id=2, crop=True, **more)).folder
    for name in FILES:
        first, second = (nib.load(folder / f"{name.format(case)}.nii.gz") for folder in (whole, cut))
        assert second.shape[2] == first.shape[2]
        assert second.shape[0] < 0.65 * first.shape[0]
        assert second.shape[1] < 0.65 * first.shape[1]
        to_first = np.linalg.inv(first.affine) @ second.affine
        index = np.indices(second.shape).reshape(3, -1)
        places = np.rint(to_first[:3, :3] @ index + to_first[:3, 3:]).astype(int)
        np.testing.assert_allclose(to_first[:3, :3] @ index + to_first[:3, 3:], places, atol=1e-3)
        np.testing.assert_allclose(
            second.get_fdata().reshape(-1), first.get_fdata()[tuple(places)], rtol=1e-5, atol=1e-4
        )
        if "labels" in name:
            assert second.get_fdata().sum() == first.get_fdata().sum() > 0


def test_provenance_puts_a_mask_back(bodies, raw, capsys):
    assert main(["convert", "lucid", str(bodies.root), "--processes", "1", "--crop"]) == 0
    folder = raw / "Dataset702_LUCID"
    for case in ("P01", "P02"):
        content = json.loads((folder / "provenance" / f"{case}.json").read_text())
        crop = Crop.from_json(content["crop"])
        label = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "labelsTr" / f"{case}.nii.gz")))
        stored = sitk.DICOMOrient(sitk.ReadImage(str(bodies.path(case, "IGTV"))), "LPS")
        np.testing.assert_array_equal(crop.pad(label), sitk.GetArrayFromImage(stored))
        assert crop.original_size == (64, 70, 8)
    assert json.loads((folder / "provenance" / "_dataset.json").read_text())["crop"] is True


def test_without_the_option_nothing_is_cut(bodies, raw):
    folder = convert_lucid(bodies.root, Options(processes=1)).folder
    assert json.loads((folder / "provenance" / "P01.json").read_text())["crop"] is None


def test_patient_without_a_body_leaves_nothing(bodies, raw, left_in):
    bodies.write("P04", "CT", np.full(bodies.ct_shape, -1000, dtype=np.int16))
    with pytest.raises(CIPAError, match=r"P04.CT\.nii\.gz: has no body"):
        convert_lucid(bodies.root, Options(processes=1, crop=True))
    assert left_in(raw) == []
