"""Notes on how a patient's volumes were read, on their way to the user and to the provenance."""

import shutil
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest

from nnunet_cipa.dataset_conversion.lucid import Options, convert_lucid
from nnunet_cipa.dataset_conversion.study_set.convert import convert_study_set
from nnunet_cipa.dataset_conversion.study_set.dicom_set import Wanted, read_dicom_set
from nnunet_cipa.dataset_conversion.study_set.options import Intensity, Storage
from nnunet_cipa.dicom.rtstruct.options import MissingSlices
from tests.dataset_conversion.lucid_dicom import IDS, cases, drawn, provenance, values, written


def test_notes_of_a_choice_become_warnings_of_the_patient_and_go_to_the_provenance(pair, raw):
    found = read_dicom_set(pair.root, Wanted(), "LUCID", None, 0)
    first, second = found.patients
    noted = replace(found, patients=(replace(first, notes={"CT": ("one", "two"), "IGTV": ("three",)}), second))
    conversion = convert_study_set(lambda: noted, Options(processes=1))
    who = noted.known_as[first.name]
    assert who in IDS
    places = [first.where("CT"), first.where("CT"), first.where("IGTV")]
    told = [f"patient {who}: {place}: {note}" for place, note in zip(places, ("one", "two", "three"), strict=True)]
    assert [warning for warning in conversion.warnings if warning.startswith("patient ")] == told
    assert provenance(conversion.folder, first.name)["notes"] == {"CT": ["one", "two"], "IGTV": ["three"]}
    assert provenance(conversion.folder, second.name)["notes"] == {}


def igtv_of(dataset):
    (number,) = [roi.ROINumber for roi in dataset.StructureSetROISequence if roi.ROIName == "IGTV"]
    (found,) = [item for item in dataset.ROIContourSequence if item.ReferencedROINumber == number]
    return found.ContourSequence


def converted(pair, raw, **more):
    """Convert the first patient alone; return the folder, the case and the warnings about the patient."""
    for folder in sorted(pair.root.glob("0*"))[1:]:
        shutil.rmtree(folder)
    conversion = convert_lucid(pair.root, Options(processes=1, storage=Storage(Intensity.RAW), **more))
    (case,) = cases(conversion.folder)
    return conversion.folder, case, [one for one in conversion.warnings if one.startswith(f"patient {IDS[0]}: ")]


def test_stray_contours_cost_nobody(pair, raw):
    def change(dataset):
        contours = igtv_of(dataset)
        for count in (0, 1, 2):
            stray = deepcopy(contours[0])
            stray.ContourData, stray.NumberOfContourPoints = stray.ContourData[: 3 * count], count
            contours.append(stray)
        for kind in ("POINT", "OPEN_PLANAR"):
            stray = deepcopy(contours[0])
            stray.ContourGeometricType = kind
            contours.append(stray)

    pair.edit(1, "structures", change)
    folder, case, (warning,) = converted(pair, raw)
    assert np.array_equal(values(written(folder, case, "mask")), drawn(0).igtv)
    (note,) = provenance(folder, case)["notes"]["IGTV"]
    assert warning.endswith(f"ROI 'IGTV': {note}")
    first = provenance(folder, case)["values"]["IGTV"]["contours"] + 1
    kinds = ("0 points", "1 points", "2 points", "POINT", "OPEN_PLANAR")
    told = ", ".join(f"{number} ({kind})" for number, kind in enumerate(kinds, first))
    assert note == f"left out, as it encloses nothing: contour {told}"


@pytest.mark.parametrize("choice", [MissingSlices.ACCEPT, MissingSlices.INTERPOLATE])
def test_a_slice_that_was_left_out_is_accepted_or_interpolated_as_told(choice, pair, raw):
    study = drawn(0)
    k = int(np.argmax(study.igtv.sum(axis=(1, 2))))
    left_out = study.grid.origin[0] + k * study.grid.spacing[0]

    def change(dataset):
        contours = igtv_of(dataset)
        contours[:] = [contour for contour in contours if abs(float(contour.ContourData[2]) - left_out) > 0.1]

    pair.edit(1, "structures", change)
    folder, case, (warning,) = converted(pair, raw, missing_slices=choice)
    (note,) = provenance(folder, case)["notes"]["IGTV"]
    assert warning.endswith(note)
    assert f"slice {k} (z {left_out:.1f} mm)" in note
    recorded = provenance(folder, case)["values"]["IGTV"]
    assert (recorded["missing_slices"], recorded["slices_left_out"]) == (choice.value, [k])
    mask, others = values(written(folder, case, "mask")), np.arange(len(study.igtv)) != k
    assert np.array_equal(mask[others], study.igtv[others])
    if choice is MissingSlices.ACCEPT:
        assert not mask[k].any()
    else:
        common = np.count_nonzero(mask[k] & study.igtv[k])
        assert 2 * common / (np.count_nonzero(mask[k]) + np.count_nonzero(study.igtv[k])) > 0.7


def test_a_heart_that_leaves_the_scan_is_cut_there(pair, raw):
    def change(dataset):
        (number,) = [roi.ROINumber for roi in dataset.StructureSetROISequence if roi.ROIName == "Heart"]
        (heart,) = [item for item in dataset.ROIContourSequence if item.ReferencedROINumber == number]
        for beyond in (-2000.0, 2000.0):
            lower = deepcopy(heart.ContourSequence[0])
            points = np.array(lower.ContourData, dtype=float).reshape(-1, 3) * (1, 1, 0) + (0, 0, beyond)
            lower.ContourData = [f"{value:.4f}" for value in points.ravel()]
            heart.ContourSequence.append(lower)

    pair.edit(1, "structures", change)
    folder, case, (warning,) = converted(pair, raw, organs=("HEART",))
    assert "ROI 'Heart': left out, as it lies beyond the first or the last slice: contour " in warning
    assert np.array_equal(values(written(folder, case, "HEART")), drawn(0).heart)


def test_a_mask_in_nifti_of_every_second_slice_is_noted(lucid, raw):
    mask = lucid.arrays["P03", "IGTV"]
    mask[..., 3:5] = 0
    mask[..., 4] = mask[..., 2]
    lucid.write("P03", "IGTV", mask)
    conversion = convert_lucid(lucid.root, Options(processes=1))
    note = "has nothing on slice 3 (z -91.0 mm), between parts of one lesion"
    assert conversion.warnings == (f"patient P03: {lucid.path('P03', 'IGTV')}: {note}",)
    assert provenance(conversion.folder, "P03")["notes"] == {"IGTV": [note]}
