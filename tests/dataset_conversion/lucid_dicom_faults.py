"""Faults of a DICOM export, each made in one patient's files, and what the refusal tells of it."""

import numpy as np
import pydicom
from pydicom.uid import generate_uid

NUMBER = 2  # the patient with a PET without attenuation correction as well


def change(kind, **texts):
    """A fault: attributes of every file of a series; None takes one out."""

    def edit(dataset):
        for keyword, value in texts.items():
            if value is None:
                del dataset[keyword]
            else:
                setattr(dataset, keyword, value)

    return lambda export: export.edit(NUMBER, kind, edit)


def again(kind, **texts):
    """A fault: a series a second time, as another series."""
    uid = generate_uid()

    def edit(dataset):
        dataset.SeriesInstanceUID, dataset.SOPInstanceUID = uid, generate_uid()
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        for keyword, value in texts.items():
            setattr(dataset, keyword, value)

    return lambda export: export.edit(NUMBER, kind, edit, copy=True)


def place(kind, function):
    """A fault: the position of every slice."""

    def edit(dataset):
        dataset.ImagePositionPatient = [round(v, 6) for v in function(*map(float, dataset.ImagePositionPatient))]

    return lambda export: export.edit(NUMBER, kind, edit)


def tilted(degrees):
    """A fault: a CT that was rotated about x as a whole, so that its slices are parallel but oblique."""
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))

    def edit(dataset):
        x, y, z = map(float, dataset.ImagePositionPatient)
        dataset.ImagePositionPatient = [x, round(c * y - s * z, 6), round(s * y + c * z, 6)]
        dataset.ImageOrientationPatient = [1, 0, 0, 0, round(c, 9), round(s, 9)]

    return lambda export: export.edit(NUMBER, "CT", edit)


def cut(kind, left, index=0):
    """A fault: one file of a series ends early; a negative ``left`` is what it lacks."""

    def fault(export):
        path = export.files(NUMBER, kind)[index]
        export.replace(path, path.read_bytes()[:left])

    return fault


def remove(kind, which=slice(None)):
    def fault(export):
        for path in export.files(NUMBER, kind)[which]:
            path.unlink()

    return fault


def without_the_end(export):
    """A fault: a CT that ends below the highest contour of the tumour."""
    structures = pydicom.dcmread(export.files(NUMBER, "structures")[0])
    (tumour,) = [roi.ROINumber for roi in structures.StructureSetROISequence if roi.ROIName == "IGTV"]
    (contoured,) = [roi for roi in structures.ROIContourSequence if roi.ReferencedROINumber == tumour]
    highest = max(float(contour.ContourData[2]) for contour in contoured.ContourSequence)
    for image in export.files(NUMBER, "CT"):
        if pydicom.dcmread(image).ImagePositionPatient[2] >= highest:
            image.unlink()


def without_dose(export):
    def edit(dataset):
        dataset.RadiopharmaceuticalInformationSequence[0].RadionuclideTotalDose = 0

    export.edit(NUMBER, "PET AC", edit)


def forget_images(dataset):
    """Leave the references to images out of a structure set, as many planning systems do."""
    for frame in dataset.ReferencedFrameOfReferenceSequence:
        for study in frame.RTReferencedStudySequence:
            for series in study.RTReferencedSeriesSequence:
                series.ContourImageSequence = []
    for roi in dataset.ROIContourSequence:
        for contour in roi.get("ContourSequence", []):
            del contour.ContourImageSequence


def of_another_study(export):
    def edit(dataset):
        forget_images(dataset)
        dataset.StudyInstanceUID = "1.2.3.1"
        study = dataset.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence[0]
        study.ReferencedSOPInstanceUID = "1.2.3.1"
        study.RTReferencedSeriesSequence = []

    export.edit(NUMBER, "structures", edit)


def drawn_on_another_series(export):
    def edit(dataset):
        forget_images(dataset)
        study = dataset.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence[0]
        study.RTReferencedSeriesSequence[0].SeriesInstanceUID = "1.2.3.7"

    export.edit(NUMBER, "structures", edit)


def doubled_slice(export):
    path = export.files(NUMBER, "CT")[3]
    dataset = pydicom.dcmread(path)
    dataset.SOPInstanceUID = generate_uid()
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.save_as(path.with_name("EXTRA"))


def without_id(export):
    for kind in ("CT", "PET AC", "PET NAC", "structures"):
        change(kind, PatientID="")(export)


def all_called_alike(export):
    for number in (1, NUMBER):
        for kind in ("CT", "PET AC", "structures"):
            export.edit(number, kind, lambda dataset: setattr(dataset, "PatientID", "ANON"))


def as_another_patient(export):
    """The same images under another PatientID, with all UIDs of their own."""
    target = export.root / "again"
    target.mkdir()

    def renew(dataset, element):
        if element.VR == "UI" and str(element.value).startswith("2.25."):
            element.value = f"{element.value}.1"

    for path in export.folder(NUMBER).iterdir():
        dataset = pydicom.dcmread(path)
        dataset.walk(renew)
        dataset.PatientID = "ANOTHER"
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.save_as(target / path.name)


def emptied(export):
    for number in (1, NUMBER):
        for path in export.folder(number).iterdir():
            path.unlink()


def linked_away(export):
    (export.folder(NUMBER) / "more").symlink_to(export.root.parent)


FAULTS = {
    "CT file cut in its pixels": (cut("CT", -300), "bytes of pixel data", "export it again"),
    "CT file cut in its header": (cut("CT", 400), "cannot be read as DICOM", "export it again"),
    "PET file cut in its pixels": (cut("PET AC", -300, 4), "bytes of pixel data", "export it again"),
    "RTSTRUCT cut": (cut("structures", -2000), "cannot be read as RTSTRUCT", "export it again"),
    "PET without weight": (change("PET AC", PatientWeight=None), "PatientWeight is missing", "enter it"),
    "dose of zero": (without_dose, "RadionuclideTotalDose is 0", "correct it"),
    "PET without corrections": (change("PET AC", CorrectedImage=None), "no PET series that can be used", "not corr"),
    "PET elsewhere": (place("PET AC", lambda x, y, z: (x, y, z + 1000)), "does not cover all of the IGTV", "frame"),
    "RTSTRUCT of another study": (of_another_study, "is of another study, 1.2.3.1", "give the one of that study"),
    "RTSTRUCT on a series that is not there": (
        drawn_on_another_series, "was drawn on series 1.2.3.7, not among the files", "to take it onto that CT",
    ),
    "two PET": (again("PET AC", SeriesDescription="WB AC 2"), "2 PET series; choose one with --series", "WB AC 2"),
    "only a PET without attenuation correction": (
        remove("PET AC"), "no PET series that can be used", "SYNTHETIC PET NAC", "not corrected for attenuation",
    ),
    "PET of another frame of reference": (
        change("PET AC", FrameOfReferenceUID="1.2.3.9"), "frame of reference 1.2.3.9", "registered to the CT",
    ),
    "no CT": (remove("CT"), "no CT series", "there is: none"),
    "no PET": (lambda e: [remove(k)(e) for k in ("PET AC", "PET NAC")], "no PET series", "there is: none"),
    "no RTSTRUCT": (remove("structures"), "no RTSTRUCT", "export the one with the contours"),
    "two RTSTRUCT": (
        again("structures"), "2 RTSTRUCT have such a region", "('IGTV'", "'SYNTHETIC' of 20000101, UNAPPROVED",
        "choose one with --structure-set", "leave the one that counts",
    ),
    "missing slice": (remove("CT", slice(7, 8)), "slices are missing", "16.00 mm where 8.00 mm is usual", "add them"),
    "missing last slices": (without_the_end, "lies on slice ", "give the whole series"),
    "doubled slice": (doubled_slice, "at the same place", "keep one slice for each place"),
    "tilted gantry": (
        place("CT", lambda x, y, z: (x, y + z * np.tan(np.deg2rad(10)), z)), "as with a tilted gantry", "resampling",
    ),
    "oblique CT": (tilted(5), "its slices are not axial", "resample it to axial slices"),
    "coronal CT": (tilted(90), "its slices are not axial", "resample it to axial slices"),
    "no PatientID": (without_id, "patient unknown", "has no PatientID", "as pseudonym"),
    "PatientID in some files only": (
        lambda e: e.replace((path := e.files(NUMBER, "CT")[5]), _nameless(path)), "PatientID is", "of 16 files",
    ),
    "one PatientID for two patients": (all_called_alike, "2 RTSTRUCT have such a region", "leave the one that counts"),
    "a patient twice": (as_another_patient, "has the same voxels as", "keep one of the two patients"),
    "nothing but text": (emptied, "holds no CT, PET, RTSTRUCT or SEG in DICOM"),
    "link out of the tree": (linked_away, "a link that leads out of", "put the file itself there"),
    "mixed with NIfTI": (
        lambda e: (e.folder(NUMBER) / "CT.nii.gz").write_bytes(b""), "holds both DICOM", "CT.nii.gz; separate them",
    ),
}  # fmt: skip


def _nameless(path):
    dataset = pydicom.dcmread(path)
    dataset.PatientID = ""
    with pydicom.filebase.DicomBytesIO() as file:
        dataset.save_as(file)
        return file.getvalue()
