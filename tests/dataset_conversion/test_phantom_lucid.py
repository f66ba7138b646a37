"""The breathing phantom: layout, reproducibility, and what motion does to CT, PET, GTV and IGTV."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage

from nnunet_cipa.dataset_conversion.phantoms import lucid as phantom_lucid
from nnunet_cipa.dataset_conversion.phantoms.anatomy import heart_centre, organs
from nnunet_cipa.dataset_conversion.phantoms.breathing import (
    PHASES,
    course,
    displaced,
    over_cycle,
    scan_pet,
    shifts,
    travel_field,
)
from nnunet_cipa.dataset_conversion.phantoms.geometry import PhantomGrid, ellipsoid, occupancy
from nnunet_cipa.dataset_conversion.phantoms.imaging import Breathing
from nnunet_cipa.dataset_conversion.phantoms.lucid import image_study, make_lucid_phantom
from nnunet_cipa.dataset_conversion.phantoms.options import Form, LucidPhantomOptions
from nnunet_cipa.dataset_conversion.phantoms.patient import draw_patient
from nnunet_cipa.dataset_conversion.study_set.check import StudyCheckJob, check_study
from nnunet_cipa.dataset_conversion.study_set.nifti_set import read_nifti_set
from nnunet_cipa.dataset_conversion.study_set.options import Roi
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.nifti_stream import NiftiStream

SMALL = {"size": 64, "slices": 20}
SEED = 3


def tree(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def six(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantom") / "six"
    make_lucid_phantom(folder, LucidPhantomOptions(patients=6, seed=SEED, form=Form.NIFTI, **SMALL, processes=1))
    return folder


@pytest.fixture(scope="module")
def studies():
    return [image_study(SEED, index, **SMALL) for index in range(12)]


def test_layout_is_one_that_the_converter_finds_no_fault_with(six):
    for roi in Roi:
        found = read_nifti_set(six, roi, None, 0)
        assert found.synthetic is True
        assert [files.name for files in found.patients] == [f"{number:04d}" for number in range(1, 7)]
        assert sum(files.part == "test" for files in found.patients) == 1
        for files in found.patients:
            checked = check_study(StudyCheckJob(files, roi))
            assert checked.problems == ()
            assert checked.facts.size == (64, 64, 20)
            assert checked.facts.pet_cover == 1
            assert 0 < checked.facts.tumour_slices < 20


def test_files_have_units_and_geometry(six):
    ct, pet, gtv, igtv = (sitk.ReadImage(str(six / "0001" / f"{name}.nii.gz")) for name in ("CT", "PET", "GTV", "IGTV"))
    np.testing.assert_allclose(ct.GetSpacing(), (502 / 64, 502 / 64, 179.2 / 20), rtol=1e-3)
    np.testing.assert_allclose(pet.GetSpacing(), (4, 4, 4))
    for mask in (gtv, igtv):
        assert mask.GetSize() == ct.GetSize()
        np.testing.assert_allclose(mask.GetOrigin(), ct.GetOrigin())
    hu = sitk.GetArrayFromImage(ct)
    assert hu.dtype == np.int16
    assert abs(np.median(hu[:, :5]) + 1000) < 10
    assert 0.5 < np.median(sitk.GetArrayFromImage(pet)[sitk.GetArrayFromImage(pet) > 0.4]) < 3
    facts = json.loads((six / "study.json").read_text())
    assert facts["units"] == {"CT": "HU", "PET": "SUVbw"}
    assert facts["synthetic"] is True


def test_same_seed_same_bytes_and_a_patient_does_not_depend_on_the_others(six, tmp_path):
    make_lucid_phantom(
        tmp_path / "two", LucidPhantomOptions(patients=2, seed=SEED, form=Form.NIFTI, **SMALL, processes=1)
    )
    argv = [sys.executable, "-m", "nnunet_cipa", "phantom", "lucid", str(tmp_path / "again")]
    argv += ["--format", "nifti", "--patients", "2", "--processes", "2"]
    one_thread = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    subprocess.run([*argv, "--seed", str(SEED), "--size", "64", "--slices", "20"], check=True, env=one_thread)
    two = tree(tmp_path / "two")
    assert tree(tmp_path / "again") == two
    of_six = {name: data for name, data in tree(six).items() if name[:4] in {"0001", "0002"}}
    assert {name: data for name, data in two.items() if name.endswith(".nii.gz")} == of_six


def test_other_seed_other_patient(studies):
    assert np.mean(image_study(SEED + 1, 0, **SMALL).ct != studies[0].ct) > 0.5


@pytest.mark.parametrize(
    "wrong",
    [
        {"patients": 1},
        {"patients": 10000},
        {"seed": -1},
        {"size": 63},
        {"size": 1025},
        {"slices": 15},
        {"slices": 91},
        {"processes": 0},
    ],
)
def test_values_out_of_range_are_refused(tmp_path, wrong):
    (name, value) = next(iter(wrong.items()))
    with pytest.raises(CIPAError, match=f"--{name} {value}: give a number from"):
        make_lucid_phantom(
            tmp_path / "out", LucidPhantomOptions(**{"patients": 2, "seed": 0, "processes": 1, **SMALL, **wrong})
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("wrong", [0.5, 2.0, 12.7, float("nan")])
def test_slice_distances_that_cannot_be_are_refused(tmp_path, wrong):
    with pytest.raises(
        CIPAError, match=f"--slice-distance {wrong:g}: give a number from 1 to 12, such that --slices 20"
    ):
        make_lucid_phantom(
            tmp_path / "out", LucidPhantomOptions(patients=2, seed=0, slice_distance=wrong, **SMALL, processes=1)
        )
    assert list(tmp_path.iterdir()) == []


def test_fewer_slices_are_samples_of_the_same_anatomy(studies):
    """Unless their distance is given, slices span the same 179 mm of the same patient."""
    dense = image_study(SEED, 0, size=64, slices=40)
    assert dense.grid.spacing[0] == pytest.approx(4.48)
    volumes = [np.count_nonzero(study.igtv) * np.prod(study.grid.spacing) / 1000 for study in (studies[0], dense)]
    assert volumes[1] == pytest.approx(volumes[0], rel=0.2)


@pytest.mark.parametrize(("slices", "distance"), [(16, 2.8), (24, 4.0), (20, 12.0)])
def test_tumour_fits_a_scan_of_any_length(slices, distance, masks_alone):
    for index in range(8):
        igtv = image_study(SEED, index, 64, slices, distance).igtv.any(axis=(1, 2))
        assert igtv.any()
        assert not (igtv[0] and igtv[-1])


def test_masks_depend_on_lesions_alone(request):
    whole = image_study(SEED, 0, **SMALL)
    request.getfixturevalue("masks_alone")
    bare = image_study(SEED, 0, **SMALL)
    assert not np.array_equal(bare.ct, whole.ct)
    for name in ("gtv", "igtv", "heart", "body"):
        assert np.array_equal(getattr(bare, name), getattr(whole, name))


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "size", "slices"), [(0, 64, 24), (1, 96, 12)])
def test_lesions_are_as_large_as_in_pclt20k(seed, size, slices, masks_alone):
    """The GTV's area by slice, in pixels of 0.98 mm: 59.37 % below 500 and 19.93 % above 1,000 (arXiv 2503.17261)."""
    masks = [image_study(seed, index, size, slices).gtv for index in range(40)]
    areas = np.concatenate([mask.sum(axis=(1, 2)) for mask in masks]) * (512 / size) ** 2
    shown = areas[areas > 0]
    assert abs(100 * np.mean(shown < 500) - 59.37) < 8
    assert abs(100 * np.mean(shown > 1000) - 19.93) < 8


def test_failure_leaves_nothing(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(NiftiStream, "write", fail)
    with pytest.raises(OSError, match="No space"):
        make_lucid_phantom(
            tmp_path / "out", LucidPhantomOptions(patients=2, seed=0, form=Form.NIFTI, **SMALL, processes=1)
        )
    assert list(tmp_path.iterdir()) == []


def test_igtv_holds_the_gtv_and_is_larger(studies):
    for study in studies:
        assert not np.any(study.gtv & ~study.igtv)
        assert study.igtv.sum() >= study.gtv.sum()
        slices = study.igtv.any(axis=(1, 2))
        assert 0 < slices.sum() < len(slices)
    grown = [study.igtv.sum() > study.gtv.sum() for study in studies]
    assert np.mean(grown) > 0.8, "only a tumour at the apex hardly moves"


def test_ct_shows_the_tumour_at_the_gtv_and_not_where_it_was_at_other_phases(studies):
    """Over all patients, the CT is denser in the GTV than in what the IGTV adds."""
    inside = np.concatenate([study.ct[study.gtv > 0] for study in studies])
    added = np.concatenate([study.ct[(study.igtv > 0) & (study.gtv == 0)] for study in studies])
    assert np.median(inside) > np.median(added) + 150


def test_course_is_the_one_of_lujan():
    assert course(0) == pytest.approx(0)
    assert course(0.5) == pytest.approx(1)
    assert course(0.25) == pytest.approx(1 - np.sqrt(0.5) ** 4)
    times = np.linspace(0, 1, 1000)
    assert np.mean([course(t) > 0.5 for t in times]) > 0.6, "expiration is longer than inspiration"
    np.testing.assert_allclose([course(t) for t in times], [course(t + 1) for t in times], atol=1e-9)


def test_first_phase_is_that_of_the_ct_and_the_range_is_the_travel():
    travel = np.full((2, 1, 1), 16.0, dtype=np.float32)
    for start in (0.0, 0.3, 0.5):
        found = [float(shift[0, 0, 0]) for shift in shifts(travel, start)]
        assert len(found) == PHASES
        assert found[0] == 0
        assert 14.5 < max(found) - min(found) <= 16


def test_displaced_moves_a_ramp_by_the_shift():
    grid = PhantomGrid((0.0, 0.0, 0.0), (2.0, 1.0, 1.0), (30, 2, 2))
    ramp = np.broadcast_to(grid.axes()[0], grid.shape).astype(np.float32)
    moved = displaced(ramp, np.full(grid.shape, 5.0, dtype=np.float32), grid)
    np.testing.assert_allclose(moved[5:], ramp[5:] - 5, atol=1e-4)


def test_lower_lung_and_heart_move_and_rib_cage_and_spine_do_not():
    thorax = draw_patient(SEED, 0).thorax
    breathing = Breathing(20.0, thorax.diaphragm, thorax.lung_height)
    grid = PhantomGrid((0.0, -160.0, -200.0), (8.0, 4.0, 4.0), (25, 80, 100))
    travel = travel_field(thorax, breathing, grid)
    fields = organs(thorax, grid)
    heights = grid.axes()[0] + 0 * fields.lung
    low, high = (fields.lung < -8) & (heights < thorax.diaphragm), (fields.lung < -8) & (heights > 180)
    np.testing.assert_allclose(travel[low], 20, atol=1e-4)
    assert travel[high].max() < 5
    assert travel[fields.heart < -4].min() > 10
    assert np.all(travel[fields.spine < 0] == 0)
    ribs = (fields.cavity > 8) & (fields.heart > 8) & (fields.abdomen > 8)
    assert np.count_nonzero(ribs) > 1000
    assert np.all(travel[ribs] == 0)


def ball_pet(travel):
    """PET of a ball of SUV 8 and 12 mm radius in lung of SUV 0.5, that moves by ``travel`` mm; and its swept volume."""
    grid = PhantomGrid((-60.0, -40.0, -40.0), (2.0, 2.0, 2.0), (61, 41, 41))
    ball = occupancy(ellipsoid(grid.axes(), (0.0, 0.0, 0.0), (12.0,) * 3), 2.0)
    field = np.full(grid.shape, travel, dtype=np.float32)
    mean, swept = over_cycle((0.5 + 7.5 * ball).astype(np.float32), ball, field, 0.2, grid)
    own = PhantomGrid((-56.0, -36.0, -36.0), (4.0, 4.0, 4.0), (29, 19, 19))
    return scan_pet(mean, grid, own, np.random.default_rng(0)), swept, mean


def test_moving_ball_is_lower_and_longer_than_a_static_one_and_keeps_its_activity():
    (static, _, still), (moving, swept, blurred) = ball_pet(0.0), ball_pet(20.0)
    assert moving.max() < static.max() - 0.5
    above = [(image[:, 9, 9] > 0.5 + 0.42 * (image.max() - 0.5)).sum() * 4 for image in (static, moving)]
    assert above[1] >= above[0] + 8
    across = [(image.max(axis=0)[:, 9] > 0.5 + 0.42 * (image.max() - 0.5)).sum() * 4 for image in (static, moving)]
    assert abs(across[1] - across[0]) <= 4
    assert (blurred - 0.5).sum() == pytest.approx((still - 0.5).sum(), rel=1e-3)
    # a ball swept along z by L: 4/3 pi r^3 + pi r^2 L; ten phases do not quite reach both ends of the travel
    volume = np.count_nonzero(swept >= 0.5) * 8
    expected = 4 / 3 * np.pi * 12**3 + np.pi * 12**2 * 20
    assert 0.88 * expected < volume < 1.02 * expected


def test_pet_of_a_patient_that_moves_is_blurred_along_z(monkeypatch):
    """The same patient without motion: uptake in the tumour is higher, and the IGTV is the GTV."""
    moving = [image_study(SEED, index, **SMALL) for index in range(4)]
    still_field = phantom_lucid.travel_field
    monkeypatch.setattr(phantom_lucid, "travel_field", lambda *args: 0 * still_field(*args))
    still = [image_study(SEED, index, **SMALL) for index in range(4)]
    for moved, rested in zip(moving, still, strict=True):
        np.testing.assert_array_equal(rested.igtv, rested.gtv)
        np.testing.assert_array_equal(rested.gtv, moved.gtv)
        np.testing.assert_array_equal(rested.ct, moved.ct)
    peaks = [[uptake_in_gtv(study) for study in group] for group in (moving, still)]
    assert np.mean(peaks[0]) < 0.93 * np.mean(peaks[1])


def uptake_in_gtv(study):
    """Mean SUV in the GTV, the PET taken at the CT's voxels."""
    index = np.argwhere(study.gtv)
    points = study.grid.origin + index * study.grid.spacing
    return ndimage.map_coordinates(
        study.pet, ((points - study.pet_grid.origin) / study.pet_grid.spacing).T, order=1
    ).mean()


def test_heart_is_as_hot_as_its_muscle_was_drawn():
    """A patient whose scan holds a heart that takes up the tracer."""
    index = next(index for index in range(50) if draw_patient(SEED, index).uptake.myocardium > 5 and holds_heart(index))
    patient, study = draw_patient(SEED, index), image_study(SEED, index, **SMALL)
    own = study.pet_grid
    z, y, x = (
        round((c - o) / s) for c, o, s in zip(heart_centre(patient.thorax), own.origin, own.spacing, strict=True)
    )
    heart = study.pet[z - 2 : z + 3, y - 10 : y + 11, x - 12 : x + 13]
    assert 0.6 * patient.uptake.myocardium < np.percentile(heart, 95) < 1.3 * patient.uptake.myocardium


def holds_heart(index):
    low = image_study(SEED, index, **SMALL).grid.origin[0]
    return low + 14 < heart_centre(draw_patient(SEED, index).thorax)[0] < low + 19 * 8.96 - 14
