"""What is told of a structure set and its regions, done as the message has it: the mask is as it was drawn."""

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from tests.dataset_conversion import lucid_dicom_faults
from tests.dataset_conversion.lucid_dicom import IDS, drawn
from tests.dataset_conversion.lucid_dicom_faults import NUMBER, forget_images, place, remove
from tests.dataset_conversion.lucid_dicom_remedies import Remedy, again, edit, options

TUMOUR = 2  # number of the IGTV among the ROIs, counted from 1
BOTH = {IDS[0]: 1, IDS[1]: 2}


def structures(function):
    """A fault: what a function makes of the structure set."""
    return lambda export: export.edit(NUMBER, "structures", function)


def contours_of(dataset):
    (found,) = [item for item in dataset.ROIContourSequence if item.ReferencedROINumber == TUMOUR]
    return found.ContourSequence


def points_of(contour):
    return np.reshape(contour.ContourData, (-1, 3)).astype(float)


def outline(points, kind="CLOSED_PLANAR"):
    made = Dataset()
    made.ContourGeometricType, made.NumberOfContourPoints = kind, len(points)
    made.ContourData = [f"{value:.4f}" for value in np.ravel(points)]
    return made


def one_more(function, *kind):
    """A fault: a further contour, with what a function makes of the first one's points."""

    def add(dataset):
        contours = contours_of(dataset)
        contours.append(outline(function(points_of(contours[0])), *kind))

    return structures(add)


def call(dataset, names):
    for roi in dataset.StructureSetROISequence:
        roi.ROIName = names.get(roi.ROIName, roi.ROIName)


def rename(**names):
    """A fault: other names of regions."""
    return structures(lambda dataset: call(dataset, names))


def rename_again(**names):
    return edit("structures", lambda dataset, _: call(dataset, names))


def unlike(dataset):
    forget_images(dataset)
    dataset.StructureSetROISequence[TUMOUR - 1].ReferencedFrameOfReferenceUID = "1.2.3.9"


def emptied(dataset):
    del dataset.ROIContourSequence[TUMOUR - 1].ContourSequence


def listed_twice(dataset):
    dataset.ROIContourSequence.append(dataset.ROIContourSequence[TUMOUR - 1])


def numbered_alike(dataset):
    dataset.StructureSetROISequence[0].ROINumber = TUMOUR


def on_two_series(export):
    """A fault: a second CT, and a structure set that names both and no image."""
    lucid_dicom_faults.again("CT", SeriesInstanceUID="1.2.3.7")(export)

    def name_both(dataset):
        forget_images(dataset)
        study = dataset.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence[0]
        other = Dataset()
        other.SeriesInstanceUID = "1.2.3.7"
        study.RTReferencedSeriesSequence.append(other)

    export.edit(NUMBER, "structures", name_both)


def around_all(dataset):
    """The border of the image on every slice, as a region that was made by mistake."""
    grid = drawn(NUMBER - 1).grid
    (z, y, x), (depth, rows, columns), (count, height, width) = grid.origin, grid.spacing, grid.shape
    corners = [(x, y), (x + (width - 1) * columns, y)]
    corners += [(a, y + (height - 1) * rows) for a, _ in reversed(corners)]
    dataset.ROIContourSequence[TUMOUR - 1].ContourSequence = [
        outline([(a, b, z + k * depth) for a, b in corners]) for k in range(count)
    ]


def name_ct(refused):
    uid = pydicom.dcmread(refused.export.files(NUMBER, "CT")[0]).SeriesInstanceUID
    assert uid in refused.message
    return ["--series", uid]


def leave_a_speck(dataset):
    contours = contours_of(dataset)
    middle = points_of(contours[0]).mean(axis=0)
    contours[:] = [outline(middle + np.array([(0.01, 0, 0), (0, 0.01, 0), (0.01, 0.01, 0)]))]


def points_alone(dataset):
    contours = contours_of(dataset)
    contours[:] = [outline(points_of(contour)[:1], "POINT") for contour in contours]


def skip_a_slice(dataset):
    """The one with most of the tumour."""
    study = drawn(NUMBER - 1)
    left_out = study.grid.origin[0] + np.argmax(study.igtv.sum(axis=(1, 2))) * study.grid.spacing[0]
    contours = contours_of(dataset)
    contours[:] = [contour for contour in contours if abs(points_of(contour)[0, 2] - left_out) > 0.1]


def cross_a_hole(dataset):
    """Round the first contour a wide one, in which it is a hole, and one that crosses it and leaves the wide one."""
    contours = contours_of(dataset)
    points = points_of(contours[0])
    middle, (width, height, _) = points.mean(axis=0), np.ptp(points, axis=0) + 20
    corners = np.array([(-1, -1, 0), (1, -1, 0), (1, 1, 0), (-1, 1, 0)]) * (width, height, 0)
    contours.extend([outline(middle + corners), outline(middle + (width, 0, 0) + corners * 0.95)])


def stand_up(dataset):
    points = points_of(contours_of(dataset)[0])
    points[::2, 2] += 9
    contours_of(dataset)[0] = outline(points)


def miscount(dataset):
    contours_of(dataset)[0].NumberOfContourPoints = 2


TO_GTV = options("--roi", "GTV")
FAULTS = {
    "ROI of another frame": (structures(unlike), Remedy("give the RTSTRUCT drawn on that series", again("structures"))),
    "two series": (on_two_series, Remedy("name the CT with --series", name_ct)),
    "no contour": (structures(emptied), Remedy("draw it, or choose another ROI with --roi", TO_GTV, region="gtv")),
    "no contour, drawn": (structures(emptied), Remedy("draw it", again("structures"))),
    "no voxel": (structures(leave_a_speck), Remedy("or choose another ROI", TO_GTV, region="gtv")),
    "two lists": (structures(listed_twice), Remedy("export it again", again("structures"))),
    "two of a number": (structures(numbered_alike), Remedy("export it again", again("structures"))),
    "points alone": (structures(points_alone), Remedy("draw it", again("structures"))),
    "points alone, another": (
        structures(points_alone), Remedy("or choose another ROI with --roi", TO_GTV, region="gtv"),
    ),
    "other kind": (one_more(lambda p: p, "CUBE"), Remedy("export it as CLOSED_PLANAR", again("structures"))),
    "slice left out": (
        structures(skip_a_slice), Remedy("interpolate between them in the planning system", again("structures")),
    ),
    "other count": (
        structures(miscount), Remedy("export it again", again("structures")),
    ),
    "NaN": (one_more(lambda p: p * np.nan), Remedy("export it again", again("structures"))),
    "upright": (structures(stand_up), Remedy("draw it on these slices", again("structures"))),
    "hole across": (
        structures(cross_a_hole), Remedy("correct them in the planning system", again("structures")),
    ),
    "between the slices": (
        place("CT", lambda x, y, z: (x, y, z + 4)), Remedy("give the images on which it was drawn", again("CT")),
    ),
    "beside the image": (
        place("CT", lambda x, y, z: (x + 400, y, z)), Remedy("give the images on which it was drawn", again("CT")),
    ),
    "whole image": (structures(around_all), Remedy("or choose another region with --roi", TO_GTV, region="gtv")),
    "names that are alike": (rename(GTV="igtv"), Remedy("rename all but one", rename_again(igtv="GTV"))),
    "two usual names": (
        rename(GTV="IGTV-1", IGTV="IGTV-2"), Remedy("name one with --roi", options("--roi", "IGTV-2")),
    ),
    "two usual names of one patient": (
        rename(GTV="IGTV-1", IGTV="IGTV-2"),
        Remedy("'A|B' if patients have different names", options("--roi", "IGTV|IGTV-2"), patients=BOTH),
    ),
    "no usual name": (rename(IGTV="ITV+5mm"), Remedy("name one with --roi", options("--roi", "ITV+5mm"))),
    "name that is not an expression": (
        rename(IGTV="ITV (5"),
        Remedy("correct it, or escape it", options("--roi", r"ITV \(5"), given=("--roi", "ITV (5")),
    ),
    "pattern of two": (
        lambda export: None,
        Remedy("name one with --roi", options("--roi", "igtv"), given=("--roi", "i?gtv")),
    ),
    "no heart": (
        rename(Heart="Herz"),
        Remedy("give one that name, whatever the case", rename_again(Herz="heart"), given=("--organs", "HEART")),
    ),
    "no heart, none wanted": (
        rename(Heart="Herz"), Remedy("or leave out --organs", options(), given=("--organs", "HEART")),
    ),
    "PET that ends in the body": (
        remove("PET AC", slice(-2, None)),
        Remedy("give a PET in the CT's frame that does", again("PET AC"), ("--roi", "BODY"), region="body"),
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Invalid value for VR DS:UserWarning")
@pytest.mark.parametrize("fault", FAULTS)
def test_the_mask_is_that_which_was_drawn_once_it_is_as_told(fault, follow):
    follow(*FAULTS[fault])
