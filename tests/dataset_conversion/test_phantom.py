import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from nnunet_cipa.dataset_conversion.pclt20k.check import Pclt20kCheckJob, check_patient_slices
from nnunet_cipa.dataset_conversion.pclt20k.source import read_source
from nnunet_cipa.dataset_conversion.phantoms.options import PhantomOptions
from nnunet_cipa.dataset_conversion.phantoms.pclt20k import image_patient, make_pclt20k_phantom
from nnunet_cipa.errors import CIPAError
from tests.measurements.modalities_needed import best_dice, dice, draw_patients

SMALL = {"size": 64, "slices": 6}


def tree(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def six(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantom") / "six"
    make_pclt20k_phantom(folder, PhantomOptions(patients=6, seed=1, **SMALL, processes=1))
    return folder


def test_layout_is_one_that_the_converter_finds_no_fault_with(six):
    source = read_source(six)
    assert source.unlisted == ()
    assert [group.patient for group in source.patients if group.part == "test"] != []
    assert sum(group.part == "train" for group in source.patients) == 5
    for group in source.patients:
        assert group.slices[0].name == f"{group.patient}_001"
        assert [item.number for item in group.slices] == list(range(1, len(group.slices) + 1))
        checked = check_patient_slices(Pclt20kCheckJob(source.root, group))
        assert checked.problems == ()
        assert {fact.size for fact in checked.facts} == {(64, 64)}
        assert sum(fact.between for fact in checked.facts) == 0
    names = (six / "train.txt").read_text()
    assert not names.endswith("\n")
    assert names.split("\n") != sorted(names.split("\n"))


def test_same_seed_same_bytes_and_a_patient_does_not_depend_on_the_others(six, tmp_path):
    make_pclt20k_phantom(tmp_path / "two", PhantomOptions(patients=2, seed=1, **SMALL, processes=1))
    argv = [sys.executable, "-m", "nnunet_cipa", "phantom", "pclt20k", str(tmp_path / "again"), "--patients", "2"]
    argv += ["--processes", "2"]
    one_thread = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    subprocess.run([*argv, "--seed", "1", "--size", "64", "--slices", "6"], check=True, env=one_thread)
    two = tree(tmp_path / "two")
    assert tree(tmp_path / "again") == two
    of_six = {name: data for name, data in tree(six).items() if name[:4] in {"0001", "0002"}}
    assert {name: data for name, data in two.items() if name.endswith(".png")} == of_six


def test_other_seed_other_patient():
    first, other = (image_patient(seed=seed, index=0, **SMALL).ct[0] for seed in (1, 2))
    assert np.mean(first != other) > 0.5


@pytest.mark.parametrize(
    "wrong",
    [
        {"patients": 1},
        {"patients": 10000},
        {"seed": -1},
        {"size": 63},
        {"size": 1025},
        {"slices": 2},
        {"slices": 91},
        {"processes": 0},
    ],
)
def test_values_out_of_range_are_refused(tmp_path, wrong):
    (name, value) = next(iter(wrong.items()))
    with pytest.raises(CIPAError, match=f"--{name} {value}: give a number from"):
        make_pclt20k_phantom(
            tmp_path / "out", PhantomOptions(**{"patients": 2, "seed": 0, "processes": 1, **SMALL, **wrong})
        )
    assert list(tmp_path.iterdir()) == []


def test_folder_that_holds_something_is_refused(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(CIPAError, match="not an empty folder"):
        make_pclt20k_phantom(tmp_path, PhantomOptions(patients=2, seed=0, **SMALL, processes=1))
    assert tree(tmp_path) == {"file": b"mine"}


def test_failure_leaves_nothing(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(OSError, match="No space"):
        make_pclt20k_phantom(tmp_path / "out", PhantomOptions(patients=2, seed=0, **SMALL, processes=1))
    assert list(tmp_path.iterdir()) == []


def test_slice_is_a_thorax():
    """Air round one white body; two lungs of plausible size in it, left and right; tumours in the chest."""
    images = image_patient(seed=4, index=0, size=128, slices=12)
    pixel_area = (512 * 0.98 / 128) ** 2
    for ct, mask in zip(images.ct, images.mask, strict=True):
        soft = ndimage.binary_fill_holes(ndimage.binary_opening(ct > 250, iterations=2))
        count = ndimage.label(soft)[1]
        assert count == 1
        assert 30_000 < soft.sum() * pixel_area < 90_000
        assert abs(np.median(ct[~ndimage.binary_dilation(soft, iterations=6)]) - 51) <= 1  # air, -1000 HU
        lungs = soft & (ct < 160)
        middle = (np.nonzero(soft.any(axis=0))[0].min() + np.nonzero(soft.any(axis=0))[0].max()) // 2
        for side in (lungs[:, :middle], lungs[:, middle:]):
            assert side.sum() * pixel_area > 2_500
        assert 70 < np.median(ct[ndimage.binary_erosion(lungs)]) < 110  # -925 to -770 HU
        assert np.all(soft[mask > 0])


def test_number_of_slices_is_about_as_asked(masks_alone):
    counts = [len(image_patient(seed=9, index=index, size=64, slices=16).ct) for index in range(8)]
    assert 12 <= np.mean(counts) <= 20
    assert len(set(counts)) > 3


def test_fewer_slices_are_samples_of_the_same_anatomy(masks_alone):
    """Every third slice of 36 and 12 slices of the same patient are as far apart, and show as much tumour."""
    for index in range(3):
        many, few = (image_patient(seed=2, index=index, size=96, slices=slices) for slices in (36, 12))
        assert np.unique(np.round(np.diff(few.heights) / 8.4, 6) % 1).tolist() == [0]
        volumes = [np.count_nonzero(images.mask) * step for images, step in ((many, 2.8), (few, 8.4))]
        assert volumes[1] == pytest.approx(volumes[0], rel=0.2)
        low, high = min(many.heights), max(many.heights)
        assert all(low - 2.8 <= height <= high + 2.8 for height in few.heights)


# Of the CIPA paper (arXiv 2503.17261): parts of PCLT20K's lesions below 500 and above 1,000 pixels, in per cent.
PAPER = np.array([59.37, 19.93])


def parts(areas):
    """Parts of lesion areas (pixels of 512 x 512) below 500 and above 1,000, in per cent."""
    return 100 * np.array([np.mean(np.less(areas, 500)), np.mean(np.greater(areas, 1000))])


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "size", "slices"), [(0, 64, 36), (1, 128, 8), (2, 96, 5), (3, 64, 24), (4, 64, 8)])
def test_lesions_are_as_large_as_in_pclt20k_whatever_is_asked_for(seed, size, slices, masks_alone):
    images = [image_patient(seed, index, size, slices) for index in range(40)]
    areas = [area * (512 / size) ** 2 for image in images for area in (image.mask > 0).sum(axis=(1, 2))]
    np.testing.assert_allclose(parts(areas), PAPER, atol=8)
    assert 2000 < max(areas) < 5830 * 1.15
    lesions = [
        np.bincount(ndimage.label(mask, np.ones((3, 3)))[0].ravel())[1:] for image in images for mask in image.mask
    ]
    np.testing.assert_allclose(parts(np.concatenate(lesions) * (512 / size) ** 2), PAPER, atol=10)
    assert np.mean([len(image.mask) for image in images]) == pytest.approx(slices, rel=0.15)


def test_masks_depend_on_lesions_alone(request):
    whole = image_patient(2, 0, 64, 36)
    request.getfixturevalue("masks_alone")
    bare = image_patient(2, 0, 64, 36)
    assert not np.array_equal(bare.ct, whole.ct)
    assert np.array_equal(bare.mask, whole.mask)


@pytest.mark.parametrize("slices", [3, 90])
def test_every_patient_shows_a_tumour(slices, masks_alone):
    for index in range(6):
        assert np.all(image_patient(7, index, 64, slices).mask.any(axis=(1, 2)))


def test_smallest_lesion_is_that_of_pclt20k(masks_alone):
    areas = [(image_patient(0, index, 512, 36).mask > 0).sum(axis=(1, 2)).min() for index in range(2)]
    assert 11 <= min(areas) < 60


@pytest.fixture(scope="module")
def patients():
    return draw_patients(5)


@pytest.mark.slow
def test_no_threshold_on_one_modality_finds_the_tumours(patients):
    truth = np.concatenate([images.mask for images in patients]) > 0
    for name in ("ct", "pet"):
        values = np.concatenate([getattr(images, name) for images in patients])
        assert max(dice(values >= level, truth) for level in range(5, 256, 5)) < 0.5


@pytest.mark.slow
def test_one_modality_does_not_do_what_both_do(patients):
    best = best_dice(patients)
    assert best["ct", "pet"] > 0.65
    assert best["ct", "pet"] > best["pet",] + 0.1
    assert best["ct", "pet"] > best["ct",] + 0.4
