"""What a region was drawn on: the CT by proof, another series by consent; a PET that a REG ties to the CT."""

import copy

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.uid import DeformableSpatialRegistrationStorage, generate_uid

from nnunet_cipa.dataset_conversion.study_set.case import Grid, resample_to
from nnunet_cipa.dataset_conversion.study_set.check import StudyCheckJob, check_study
from nnunet_cipa.dataset_conversion.study_set.dicom_set import Wanted, read_dicom_set
from nnunet_cipa.dataset_conversion.study_set.options import Roi
from tests.dataset_conversion.lucid_dicom import drawn
from tests.dataset_conversion.lucid_dicom_faults import NUMBER, again, forget_images, remove
from tests.dicom.registrations import matrix_of, registration, registration_item, save
from tests.dicom.segmentations import make_seg

STUDY = drawn(NUMBER - 1)
TUMOUR = 2


def found(export, **wanted):
    return read_dicom_set(export.root, Wanted(**wanted), "LUCID", None, 0)


def refusal(export, **wanted):
    ((problem,),) = (failure.problems for failure in found(export, **wanted).failures)
    return problem


def patient_of(export, **wanted):
    made = found(export, **wanted)
    assert made.failures == ()
    (patient,) = made.patients
    return patient


def mask_of(reading):
    return sitk.GetArrayFromImage(reading.image)


def uid_of(export, kind):
    return pydicom.dcmread(export.files(NUMBER, kind)[0], stop_before_pixels=True).SeriesInstanceUID


def structures(export, function):
    export.edit(NUMBER, "structures", function)


def no_study(dataset):
    del dataset.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence


def no_frame(dataset):
    del dataset.ReferencedFrameOfReferenceSequence
    for roi in dataset.StructureSetROISequence:
        del roi.ReferencedFrameOfReferenceUID


def own_frame(dataset):
    dataset.ReferencedFrameOfReferenceSequence[0].FrameOfReferenceUID = "1.2.3.9"
    for roi in dataset.StructureSetROISequence:
        roi.ReferencedFrameOfReferenceUID = "1.2.3.9"


def own_study(dataset):
    dataset.StudyInstanceUID = "1.2.3.8"
    no_study(dataset)


def wrong_series(dataset):
    study = dataset.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence[0]
    study.RTReferencedSeriesSequence[0].SeriesInstanceUID = "1.2.3.7"


@pytest.mark.parametrize(
    ("change", "second_ct"),
    [(no_study, True), (no_frame, True), (own_frame, False), (own_study, False), (wrong_series, True)],
)
def test_images_that_the_contours_name_are_proof(one, change, second_ct):
    ct = uid_of(one, "CT")
    if second_ct:
        again("CT", SeriesDescription="other phase")(one)
    structures(one, change)
    patient = patient_of(one)
    assert patient.ct.series_uid == ct
    np.testing.assert_array_equal(mask_of(patient.read("IGTV")), STUDY.igtv)


def no_frame_and_no_images(dataset):
    forget_images(dataset)
    for frame in dataset.ReferencedFrameOfReferenceSequence:
        del frame.FrameOfReferenceUID
    for roi in dataset.StructureSetROISequence:
        del roi.ReferencedFrameOfReferenceUID


def test_a_series_that_is_named_does_without_a_frame(one):
    structures(one, no_frame_and_no_images)
    reading = patient_of(one).read("IGTV")
    np.testing.assert_array_equal(mask_of(reading), STUDY.igtv)
    assert reading.notes == ("names no frame of reference, but the series that it was drawn on",)


def test_another_ct_of_the_frame_is_taken_by_consent(one):
    """The other CT is that of the patient without its first slice, so that the grids differ."""
    drawn_on = uid_of(one, "CT")
    again("CT", SeriesDescription="other phase")(one)
    copies = sorted(one.folder(NUMBER).glob("*-2"), key=lambda path: pydicom.dcmread(path).ImagePositionPatient[2])
    other = pydicom.dcmread(copies[0]).SeriesInstanceUID
    copies[0].unlink()
    patient = patient_of(one, series=(other,))
    assert patient.ct.series_uid == other
    reading = patient.read("IGTV")
    np.testing.assert_array_equal(mask_of(reading), STUDY.igtv[1:])
    assert "was drawn on another CT series, in the CT's frame of reference" in reading.notes
    assert patient_of(one, series=(drawn_on,)).read("IGTV").notes == ()
    assert patient_of(one).ct.series_uid == drawn_on


def test_a_series_that_was_not_exported_is_done_without_by_consent(one):
    def elsewhere(dataset):
        forget_images(dataset)
        wrong_series(dataset)

    structures(one, elsewhere)
    ct = uid_of(one, "CT")
    assert f"add that series, or give --series {ct} to take it onto that CT" in refusal(one)
    for series in (ct, uid_of(one, "structures")):
        reading = patient_of(one, series=(series,)).read("IGTV")
        np.testing.assert_array_equal(mask_of(reading), STUDY.igtv)
        assert "was drawn on a series that is not among the files, in the CT's frame of reference" in reading.notes


def onto_pet(export, name_images=True):
    """Draw the tumour on the slices of the PET: on each the contours of the nearest slice of the CT."""
    pet = [pydicom.dcmread(path, stop_before_pixels=True) for path in export.files(NUMBER, "PET AC")]

    def edit(dataset):
        if not name_images:
            forget_images(dataset)
        study = dataset.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence[0]
        study.RTReferencedSeriesSequence[0].SeriesInstanceUID = pet[0].SeriesInstanceUID
        (tumour,) = [item for item in dataset.ROIContourSequence if item.ReferencedROINumber == TUMOUR]
        old = list(tumour.ContourSequence)
        levels = sorted({float(contour.ContourData[2]) for contour in old})
        tumour.ContourSequence = []
        for image in pet:
            z = float(image.ImagePositionPatient[2])
            nearest = min(levels, key=lambda level: abs(level - z))
            for contour in old if abs(nearest - z) <= 4 else ():
                if float(contour.ContourData[2]) == nearest:
                    made = copy.deepcopy(contour)
                    points = np.reshape(made.ContourData, (-1, 3)).astype(float)
                    points[:, 2] = z
                    made.ContourData = [f"{value:.4f}" for value in points.ravel()]
                    if name_images:
                        reference = pydicom.Dataset()
                        reference.ReferencedSOPInstanceUID = image.SOPInstanceUID
                        made.ContourImageSequence = [reference]
                    tumour.ContourSequence.append(made)

    structures(export, edit)


def nearest_slices(export):
    """Expected on the CT: each slice is the drawn one whose contours are on the PET's slice nearest to it."""
    pet = [float(pydicom.dcmread(path).ImagePositionPatient[2]) for path in export.files(NUMBER, "PET AC")]
    ct = [float(pydicom.dcmread(path).ImagePositionPatient[2]) for path in export.files(NUMBER, "CT")]
    full = [z for z, slice_ in zip(ct, STUDY.igtv, strict=True) if slice_.any()]
    expected = np.zeros_like(STUDY.igtv)
    for k, z in enumerate(ct):
        level = min(pet, key=lambda one: abs(one - z))
        source = min(full, key=lambda one: abs(one - level))
        if abs(source - level) <= 4:
            expected[k] = STUDY.igtv[ct.index(source)]
    return expected


@pytest.mark.parametrize("name_images", [True, False])
def test_contours_on_the_pet_are_taken_by_consent(one, name_images):
    onto_pet(one, name_images)
    ct, pet = uid_of(one, "CT"), uid_of(one, "PET AC")
    problem = refusal(one)
    assert f"was drawn on PET series {pet}" in problem
    assert f"give --series {ct} to take it onto that CT" in problem
    expected = nearest_slices(one)
    assert expected.any()
    for series in (ct, pet, uid_of(one, "structures")):
        reading = patient_of(one, series=(series,)).read("IGTV")
        np.testing.assert_array_equal(mask_of(reading), expected)
        assert "was drawn on a PET series, in the CT's frame of reference" in reading.notes
        assert "was taken onto the CT by nearest neighbour" in reading.notes


def test_an_organ_may_be_drawn_on_another_series_than_the_tumour(one):
    onto_pet(one)
    patient = patient_of(one, series=(uid_of(one, "CT"),), organs=("HEART",))
    np.testing.assert_array_equal(mask_of(patient.read("IGTV")), nearest_slices(one))
    np.testing.assert_array_equal(mask_of(patient.read("HEART")), STUDY.heart)


def test_a_segmentation_on_the_pet_needs_no_consent_and_is_told(one):
    """Expected by the nearest voxel of the PET, found with numpy."""
    remove("structures")(one)
    files = [pydicom.dcmread(path) for path in one.files(NUMBER, "PET AC")]
    origin = np.array(files[0].ImagePositionPatient, dtype=float)
    spacing = np.array([*map(float, files[0].PixelSpacing[::-1]), float(files[1].ImagePositionPatient[2]) - origin[2]])
    mask = np.zeros((len(files), files[0].Rows, files[0].Columns), dtype=np.uint8)
    mask[10:14, 20:26, 30:37] = 1
    make_seg(files, mask).save_as(one.folder(NUMBER) / "seg.dcm")
    patient = patient_of(one)
    reading = patient.read("IGTV")
    axes = [
        np.rint((start + step * np.arange(count) - zero) / voxel).astype(int).clip(-1, length)
        for start, step, count, zero, voxel, length in zip(
            patient.ct.origin, patient.ct.spacing, patient.ct.size, origin, spacing, mask.shape[::-1], strict=True
        )
    ]
    x, y, z = axes
    expected = np.pad(mask, ((0, 1), (0, 1), (0, 1)))[np.ix_(z, y, x)]
    np.testing.assert_array_equal(mask_of(reading), expected)
    assert "was taken onto the CT by nearest neighbour" in reading.notes


def own_pet_frame(export, *, transform, inverse=False, kind="RIGID"):
    """Move the PET on purpose by SimpleITK, into a frame of its own, and write the REG that tells how to go back."""
    paths = [*export.files(NUMBER, "PET AC"), *export.files(NUMBER, "PET NAC")]
    image = sitk.GetImageFromArray(STUDY.pet.astype(np.float32))
    image.SetOrigin(STUDY.pet_grid.origin[::-1])
    image.SetSpacing(STUDY.pet_grid.spacing[::-1])
    # In the new frame, what is at p comes from transform(p)
    other = sitk.GetArrayFromImage(sitk.Resample(image, image, transform, sitk.sitkLinear, 0.0))
    frame = generate_uid()
    for path in paths:
        dataset = pydicom.dcmread(path)
        k = round((float(dataset.ImagePositionPatient[2]) - STUDY.pet_grid.origin[0]) / STUDY.pet_grid.spacing[0])
        scale = dataset.pixel_array.max() * float(dataset.RescaleSlope) / max(STUDY.pet[k].max(), 1e-6)
        stored = np.rint(other[k] * scale / float(dataset.RescaleSlope)).clip(0, 32767)
        dataset.PixelData = stored.astype("<i2").tobytes()
        dataset.FrameOfReferenceUID = frame
        path.unlink()
        dataset.save_as(path, enforce_file_format=True)
    ct = pydicom.dcmread(export.files(NUMBER, "CT")[0], stop_before_pixels=True)
    matrix = np.linalg.inv(matrix_of(transform)) if inverse else matrix_of(transform)
    items = [
        registration_item(ct.FrameOfReferenceUID, [np.eye(4)]), registration_item(frame, [matrix], kind),
    ]  # fmt: skip
    made = registration(ct.FrameOfReferenceUID, items, ct.PatientID)
    save(made, export.folder(NUMBER) / "reg.dcm")
    return made


def turn(shift):
    made = sitk.Euler3DTransform()
    made.SetCenter((0.0, 0.0, float(STUDY.pet_grid.origin[0])))
    made.SetRotation(0.0, 0.0, np.radians(9.0))
    made.SetTranslation(shift)
    return made


def on_ct(patient):
    ct = patient.ct.grid()
    return sitk.GetArrayFromImage(resample_to(patient.read("PET").image, Grid.of(ct)))


def test_a_pet_in_another_frame_is_where_the_registration_puts_it(one):
    expected = on_ct(patient_of(one))
    made = own_pet_frame(one, transform=turn((30.0, -20.0, 8.0)))
    patient = patient_of(one)
    reading = patient.read("PET")
    assert reading.notes[0] == "has another frame of reference, and was moved to the CT's as a REG says"
    assert reading.facts["registration"]["degrees"] == pytest.approx(9, abs=1e-4)
    inside = STUDY.body > 0
    moved = on_ct(patient)
    assert np.corrcoef(moved[inside], expected[inside])[0, 1] > 0.95
    (one.folder(NUMBER) / "reg.dcm").unlink()
    assert (
        f"has the frame of reference {pydicom.dcmread(one.files(NUMBER, 'PET AC')[0]).FrameOfReferenceUID}"
        in refusal(one)
    )
    made.RegistrationSequence[1].FrameOfReferenceUID = "1.2.3.99"
    save(made, one.folder(NUMBER) / "reg.dcm")
    assert "reg.dcm ties others together: 1.2.3.99" in refusal(one)


@pytest.mark.parametrize("inverse", [False, True])
def test_outlines_that_do_not_overlap_are_refused(one, inverse):
    """The way there in place of the way back puts the PET twice as far away."""
    own_pet_frame(one, transform=turn((90.0, 40.0, 0.0)), inverse=inverse)
    checked = check_study(StudyCheckJob(patient_of(one), Roi.IGTV))
    overlap = [
        problem for problem in checked.problems if "the body's outline on PET and CT overlap by a Dice of" in problem
    ]
    assert bool(overlap) == inverse


def test_a_registration_that_is_not_rigid_is_told(one):
    made = own_pet_frame(one, transform=turn((3.0, 0.0, 0.0)))
    made.RegistrationSequence[1].MatrixRegistrationSequence[0].MatrixSequence[
        0
    ].FrameOfReferenceTransformationMatrix = [f"{value:g}" for value in np.diag([1.2, 1, 1, 1]).ravel()]
    save(made, one.folder(NUMBER) / "reg.dcm")
    assert "reg.dcm: the transformation (RIGID) is not rigid" in refusal(one)
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = DeformableSpatialRegistrationStorage
    save(made, one.folder(NUMBER) / "reg.dcm")
    assert "there is a deformable REG, which cannot be applied" in refusal(one)
