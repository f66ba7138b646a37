"""The breathing phantom in DICOM: what SimpleITK, pydicom and scikit-image read in it is what was drawn."""

import itertools
import subprocess
import sys
from collections import defaultdict

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from scipy.integrate import quad
from scipy.spatial import cKDTree
from skimage.draw import polygon2mask
from skimage.measure import euler_number

from nnunet_cipa.dataset_conversion.phantoms import dicom_headers, dicom_series
from nnunet_cipa.dataset_conversion.phantoms.lucid import image_study, make_lucid_phantom
from nnunet_cipa.dataset_conversion.phantoms.options import LucidPhantomOptions

SMALL = {"size": 64, "slices": 16, "slice_distance": 4.0}
SEED = 3
HALF_LIFE = 6586.2


def tree(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def seconds(time):
    return 3600 * int(time[:2]) + 60 * int(time[2:4]) + float(time[4:])


@pytest.fixture(scope="module")
def phantom(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantom") / "two"
    make_lucid_phantom(folder, LucidPhantomOptions(patients=2, seed=SEED, **SMALL, processes=1))
    return folder


@pytest.fixture(scope="module")
def studies():
    return {f"{index + 1:04d}": image_study(SEED, index, **SMALL) for index in range(2)}


@pytest.fixture(scope="module")
def objects(phantom):
    """The objects of each patient by SeriesDescription, in the order of the files' names."""
    found = {name: defaultdict(list) for name in ("0001", "0002")}
    for name, series in found.items():
        for path in sorted((phantom / name).iterdir()):
            dataset = pydicom.dcmread(path)
            series[dataset.SeriesDescription].append(dataset)
    return found


def read(phantom, name, dataset):
    """The volume that ITK reads of the series of an object."""
    files = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(phantom / name), dataset.SeriesInstanceUID)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(files)
    image = reader.Execute()
    return sitk.GetArrayFromImage(image), image


def assert_geometry(image, grid):
    np.testing.assert_allclose(image.GetOrigin(), grid.origin[::-1], atol=1e-6)
    np.testing.assert_allclose(image.GetSpacing(), grid.spacing[::-1], atol=1e-6)
    assert image.GetSize() == grid.shape[::-1]
    assert image.GetDirection() == (1, 0, 0, 0, 1, 0, 0, 0, 1)


@pytest.mark.parametrize("name", ["0001", "0002"])
def test_itk_reads_the_ct(phantom, studies, objects, name):
    series = objects[name]["SYNTHETIC CT"]
    values, image = read(phantom, name, series[0])
    np.testing.assert_array_equal(values, studies[name].ct)
    assert_geometry(image, studies[name].grid)
    assert all(dataset.PixelRepresentation == 1 and dataset.RescaleIntercept == -1024 for dataset in series)


@pytest.mark.parametrize("name", ["0001", "0002"])
def test_itk_reads_the_pet_and_the_dose_that_is_left_turns_it_to_suv(phantom, studies, objects, name):
    """SUV = Bq/ml * weight in g / dose left at the start of the scan; the slope is a slice's own."""
    series = objects[name]["SYNTHETIC PET AC"]
    values, image = read(phantom, name, series[0])
    assert_geometry(image, studies[name].pet_grid)
    assert len({float(dataset.RescaleSlope) for dataset in series}) == len(series)
    head = series[0]
    assert (head.Units, head.DecayCorrection) == ("BQML", "START")
    assert {"ATTN", "DECY"} <= set(head.CorrectedImage)
    (tracer,) = head.RadiopharmaceuticalInformationSequence
    assert tracer.RadionuclideHalfLife == HALF_LIFE
    assert tracer.RadiopharmaceuticalStartDateTime == head.StudyDate + tracer.RadiopharmaceuticalStartTime
    waited = seconds(head.SeriesTime) - seconds(tracer.RadiopharmaceuticalStartTime)
    assert 50 * 60 <= waited <= 80 * 60
    left = float(tracer.RadionuclideTotalDose) * np.exp2(-waited / HALF_LIFE)
    suv = values * float(head.PatientWeight) * 1000 / left
    pet = studies[name].pet
    half_a_step = pet.max(axis=(1, 2), keepdims=True) / 32767 / 2
    assert (np.abs(suv - pet) / half_a_step).max() < 1.01
    assert 1e8 < float(tracer.RadionuclideTotalDose) < 5e8


def test_times_of_the_beds_agree_with_each_other(monkeypatch, tmp_path, studies):
    """AcquisitionTime less FrameReferenceTime plus the offset of the mean count rate is the start of the scan."""
    monkeypatch.setattr(dicom_series, "BED_SLICES", 6)
    injection = dicom_series.draw_injection(np.random.default_rng(0))
    dicom_series.write_pet(tmp_path, dicom_headers.Identity(SEED, 0, **SMALL), studies["0001"], injection)
    slices = [pydicom.dcmread(path) for path in tmp_path.iterdir()]
    constant = np.log(2) / HALF_LIFE
    times = set()
    for dataset in slices:
        duration = dataset.ActualFrameDuration / 1000
        mean_rate = quad(lambda t: np.exp(-constant * t), 0, duration)[0] / duration
        offset = -np.log(mean_rate) / constant
        acquired = seconds(dataset.AcquisitionTime)
        assert acquired - float(dataset.FrameReferenceTime) / 1000 + offset == pytest.approx(
            seconds(dataset.SeriesTime), abs=1e-3
        )
        assert float(dataset.DecayFactor) == pytest.approx(np.exp2(float(dataset.FrameReferenceTime) / 1e3 / HALF_LIFE))
        times.add(acquired - seconds(dataset.SeriesTime))
    assert times == {0, 180, 360}


def test_every_second_patient_has_a_pet_without_attenuation_correction(phantom, studies, objects):
    assert "SYNTHETIC PET NAC" not in objects["0001"]
    series = objects["0002"]["SYNTHETIC PET NAC"]
    assert {frozenset(dataset.CorrectedImage) for dataset in series} == {frozenset({"DECY", "RAN", "DTIM", "NORM"})}
    assert series[0].AttenuationCorrectionMethod == "NONE"
    values, image = read(phantom, "0002", series[0])
    corrected, _ = read(phantom, "0002", objects["0002"]["SYNTHETIC PET AC"][0])
    assert_geometry(image, studies["0002"].pet_grid)
    assert np.all(values <= corrected + 2)
    middle = tuple(slice(n // 2 - 4, n // 2 + 4) for n in values.shape)
    assert values[middle].mean() < 0.5 * corrected[middle].mean()


def contours(structures, name):
    (number,) = [roi.ROINumber for roi in structures.StructureSetROISequence if roi.ROIName == name]
    (item,) = [item for item in structures.ROIContourSequence if item.ReferencedROINumber == number]
    return item.get("ContourSequence", [])


def fill(structures, name, grid):
    """The region's mask by exclusive or of its polygons, and the number of them on each slice."""
    mask, count = np.zeros(grid.shape, dtype=bool), np.zeros(grid.shape[0], dtype=int)
    for contour in contours(structures, name):
        assert contour.ContourGeometricType == "CLOSED_PLANAR"
        points = (np.array(contour.ContourData, dtype=float).reshape(-1, 3)[:, ::-1] - grid.origin) / grid.spacing
        assert len(points) == contour.NumberOfContourPoints
        (z,) = np.unique(np.rint(points[:, 0]).astype(int))
        np.testing.assert_allclose(points[:, 0], z, atol=1e-4)
        mask[z] ^= polygon2mask(grid.shape[1:], points[:, 1:])
        count[z] += 1
    return mask, count


@pytest.mark.parametrize("name", ["0001", "0002"])
@pytest.mark.parametrize(("roi", "field"), [("GTV", "gtv"), ("IGTV", "igtv"), ("Heart", "heart"), ("BODY", "body")])
def test_contours_give_the_masks_back(studies, objects, name, roi, field):
    (structures,) = objects[name]["SYNTHETIC structures"]
    found, _ = fill(structures, roi, studies[name].grid)
    np.testing.assert_array_equal(found, getattr(studies[name], field))


def test_the_hearts_that_are_tested_are_one_in_the_scan_and_one_out_of_it(studies):
    assert [study.heart.any() for study in studies.values()] == [True, False]


@pytest.mark.parametrize("name", ["0001", "0002"])
def test_ring_has_its_hole_as_a_contour_and_as_a_keyhole(studies, objects, name):
    (structures,) = objects[name]["SYNTHETIC structures"]
    study = studies[name]
    tumour, all_voxels = (np.argwhere(mask) * study.grid.spacing for mask in (study.igtv, np.ones_like(study.igtv)))
    distance = cKDTree(tumour).query(all_voxels)[0].reshape(study.igtv.shape)
    expected = (distance > 0) & (distance <= 1.5 * study.grid.spacing[1]) & (study.body > 0)
    ring, counts = fill(structures, "Ring", study.grid)
    keyhole, keyhole_counts = fill(structures, "Ring_keyhole", study.grid)
    np.testing.assert_array_equal(ring, expected)
    np.testing.assert_array_equal(keyhole, expected)
    closed = [z for z in range(len(ring)) if ring[z].any() and euler_number(ring[z], connectivity=1) <= 0]
    assert len(closed) >= 3
    assert all(keyhole_counts[z] < counts[z] for z in closed)
    assert 1 in keyhole_counts[closed]


def test_structures_refer_to_the_slices_that_they_were_drawn_on(studies, objects):
    (structures,) = objects["0001"]["SYNTHETIC structures"]
    ct = {dataset.SOPInstanceUID: dataset for dataset in objects["0001"]["SYNTHETIC CT"]}
    (frame,) = structures.ReferencedFrameOfReferenceSequence
    (series,) = frame.RTReferencedStudySequence[0].RTReferencedSeriesSequence
    assert {image.ReferencedSOPInstanceUID for image in series.ContourImageSequence} == set(ct)
    assert {dataset.SeriesInstanceUID for dataset in ct.values()} == {series.SeriesInstanceUID}
    assert {dataset.FrameOfReferenceUID for dataset in ct.values()} == {frame.FrameOfReferenceUID}
    drawn = [contour for roi in ("GTV", "BODY", "Ring_keyhole") for contour in contours(structures, roi)]
    for contour in drawn:
        referred = ct[contour.ContourImageSequence[0].ReferencedSOPInstanceUID]
        assert float(contour.ContourData[2]) == pytest.approx(float(referred.ImagePositionPatient[2]), abs=1e-4)
    assert len(drawn) > 20


@pytest.mark.parametrize("name", ["0001", "0002"])
def test_names_of_files_tell_neither_series_nor_order(objects, name):
    for series in objects[name].values():
        heights = [float(dataset.ImagePositionPatient[2]) for dataset in series if "ImagePositionPatient" in dataset]
        assert heights == [] or np.abs(np.corrcoef(heights, range(len(heights)))[0, 1]) < 0.8
    by_name = [
        dataset.SeriesDescription
        for dataset in sorted(
            (dataset for series in objects[name].values() for dataset in series), key=lambda dataset: dataset.filename
        )
    ]
    assert sum(a != b for a, b in itertools.pairwise(by_name)) > len(objects[name])


def test_all_objects_say_that_they_are_synthetic_and_name_nobody(objects):
    every = [dataset for patient in objects.values() for series in patient.values() for dataset in series]
    assert {str(dataset.PatientName) for dataset in every} == {"PHANTOM^0001", "PHANTOM^0002"}
    assert {dataset.PatientID for dataset in every} == {"PHANTOM-0001", "PHANTOM-0002"}
    assert all(dataset.SeriesDescription.startswith("SYNTHETIC") for dataset in every)
    assert all(dataset.ImageComments.startswith("SYNTHETIC") for dataset in every if dataset.Modality != "RTSTRUCT")
    dates = {element.value for dataset in every for element in dataset.iterall() if element.VR == "DA"}
    assert dates == {"20000101", "19400101"}


def test_uids_are_valid_and_of_one_object_each(objects):
    every = [dataset for patient in objects.values() for series in patient.values() for dataset in series]
    instances = [dataset.SOPInstanceUID for dataset in every]
    assert len(set(instances)) == len(instances)
    for dataset in every:
        for uid in (dataset.SOPInstanceUID, dataset.SeriesInstanceUID, dataset.StudyInstanceUID):
            assert uid.startswith("2.25.")
            assert pydicom.uid.UID(uid).is_valid
        assert dataset.file_meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID
    assert len({dataset.StudyInstanceUID for dataset in every}) == 2
    assert len({dataset.FrameOfReferenceUID for dataset in every}) == 2
    of_other = dicom_headers.Identity(SEED, 0, 64, 17).uid("study")
    assert of_other not in {dataset.StudyInstanceUID for dataset in every}


def test_a_study_begins_once_and_the_patient_lies_one_way(objects):
    for patient in objects.values():
        found = [dataset for series in patient.values() for dataset in series]
        (begun,) = {dataset.StudyTime for dataset in found}
        assert seconds(begun) == min(seconds(dataset.SeriesTime) for dataset in found)
    for dataset in objects["0001"]["SYNTHETIC PET AC"]:
        assert "PatientPosition" not in dataset
        (lying,) = dataset.PatientOrientationCodeSequence
        codes = (lying, *lying.PatientOrientationModifierCodeSequence, *dataset.PatientGantryRelationshipCodeSequence)
        # CID 19, 20 and 21
        assert [code.CodeValue for code in codes] == ["102538003", "40199007", "102540008"]
    assert {dataset.PatientPosition for dataset in objects["0001"]["SYNTHETIC CT"]} == {"HFS"}


def test_held_out_patients_are_listed_by_their_id(phantom):
    assert (phantom / "test.txt").read_text() in {"PHANTOM-0001\n", "PHANTOM-0002\n"}


def test_same_seed_same_bytes_and_dicom_is_the_default(phantom, tmp_path):
    argv = [sys.executable, "-m", "nnunet_cipa", "phantom", "lucid", str(tmp_path / "again"), "--patients", "2"]
    argv += ["--seed", str(SEED), "--size", "64", "--slices", "16", "--slice-distance", "4"]
    subprocess.run(argv, check=True)
    assert tree(tmp_path / "again") == tree(phantom)


def test_failure_leaves_nothing(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pydicom.Dataset, "save_as", fail)
    with pytest.raises(OSError, match="No space"):
        make_lucid_phantom(tmp_path / "out", LucidPhantomOptions(patients=2, seed=0, **SMALL, processes=1))
    assert list(tmp_path.iterdir()) == []
