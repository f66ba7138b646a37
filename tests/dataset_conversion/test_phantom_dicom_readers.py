"""The phantom in DICOM through our own readers: HU, SUV and masks are those that were drawn."""

import numpy as np
import pytest
import SimpleITK as sitk

from nnunet_cipa.dataset_conversion.phantoms.dicom_structures import ring
from nnunet_cipa.dataset_conversion.phantoms.lucid import image_study, make_lucid_phantom
from nnunet_cipa.dataset_conversion.phantoms.options import LucidPhantomOptions
from nnunet_cipa.dicom.files import scan_folder
from nnunet_cipa.dicom.rtstruct.contours import contours_to_mask
from nnunet_cipa.dicom.rtstruct.roi_contours import read_contours
from nnunet_cipa.dicom.rtstruct.roi_names import choose_roi
from nnunet_cipa.dicom.rtstruct.structures import check_belongs, read_structure_set
from nnunet_cipa.dicom.series.ct import read_ct
from nnunet_cipa.dicom.series.grouping import build_series, group_series
from nnunet_cipa.dicom.series.selection import select_ct, select_pet
from nnunet_cipa.dicom.suv.pet import read_pet
from nnunet_cipa.errors import CIPAError

SMALL = {"size": 64, "slices": 16}
SEED = 2
PATIENTS = ("PHANTOM-0001", "PHANTOM-0002")


@pytest.fixture(scope="module")
def headers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantom") / "two"
    make_lucid_phantom(folder, LucidPhantomOptions(patients=2, seed=SEED, **SMALL, processes=1))
    found = scan_folder(folder)
    assert (found.problems, found.others, found.foreign) == ({}, {}, 2)
    return found


@pytest.fixture(scope="module", params=PATIENTS)
def patient(headers, request):
    """The series and the structure set of a patient, and what was drawn."""
    series = group_series(header for header in headers.images if header.patient_id == request.param)
    (file,) = [file for file in headers.structures if file.patient_id == request.param]
    return series, read_structure_set(file.path), image_study(SEED, PATIENTS.index(request.param), **SMALL)


def test_ct_is_the_drawn_one(patient):
    series, _, study = patient
    ct = build_series(select_ct(series))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(read_ct(ct)), study.ct)
    np.testing.assert_allclose(ct.origin, study.grid.origin[::-1], atol=1e-6)
    np.testing.assert_allclose(ct.spacing, study.grid.spacing[::-1], atol=1e-6)


def test_pet_is_the_corrected_one_and_its_suv_the_drawn_one(patient):
    series, _, study = patient
    pet = build_series(select_pet(series))
    assert pet.description == "SYNTHETIC PET AC"
    image, used, _ = read_pet(pet)
    found = sitk.GetArrayFromImage(image)
    np.testing.assert_allclose(found, study.pet, rtol=0, atol=study.pet.max() * 2e-5)
    hot = study.pet > 1
    np.testing.assert_allclose(found[hot], study.pet[hot], rtol=1e-3)
    assert used["highest_suv"] == pytest.approx(study.pet.max(), rel=1e-4)
    np.testing.assert_allclose(pet.origin, study.pet_grid.origin[::-1], atol=1e-6)


def test_pet_without_attenuation_correction_gives_no_suv(headers):
    (series,) = [
        candidate for candidate in group_series(headers.images) if candidate.description == "SYNTHETIC PET NAC"
    ]
    with pytest.raises(CIPAError, match="ATTN"):
        read_pet(build_series(series))


@pytest.mark.parametrize("pattern", [None, "GTV", "BODY", "Ring", "Ring_keyhole"])
def test_masks_are_the_drawn_ones(patient, pattern):
    series, structures, study = patient
    ct = build_series(select_ct(series))
    roi = structures.rois[choose_roi([roi.name for roi in structures.rois], pattern, "RTSTRUCT")]
    check_belongs(structures, roi, ct)
    mask = sitk.GetArrayFromImage(contours_to_mask(read_contours(structures, roi), ct.grid(), roi.name))
    around = ring(study.igtv, study.grid) & study.body
    drawn = {None: study.igtv, "GTV": study.gtv, "BODY": study.body, "Ring": around, "Ring_keyhole": around}
    np.testing.assert_array_equal(mask, drawn[pattern])
    assert mask.any()
