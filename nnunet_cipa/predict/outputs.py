"""Writes all that is made of a predicted patient to a folder."""

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from nnunet_cipa.dataset_conversion.study_set.dicom_patient import DicomPatient
from nnunet_cipa.dicom.export.context import Context
from nnunet_cipa.dicom.export.options import ExportOptions
from nnunet_cipa.dicom.export.write import export_case, find_targets
from nnunet_cipa.dicom.sr.groups import Subject
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.atomic import write_text
from nnunet_cipa.predict.checks import find_warnings
from nnunet_cipa.predict.lesions import PatientLesions, measure_lesions, write_lesions, write_measurements
from nnunet_cipa.predict.manifest import MANIFEST, make_manifest
from nnunet_cipa.predict.options import PredictOptions
from nnunet_cipa.predict.outcome import Outcome
from nnunet_cipa.predict.page import write_page
from nnunet_cipa.predict.patient import WORK
from nnunet_cipa.predict.predicted import Predicted
from nnunet_cipa.predict.study import NewPatient

MASK, LESIONS = "mask.nii.gz", "lesions.csv"


def write_outputs(
    predicted: Predicted,
    new: NewPatient,
    mask: Path,
    folder: Path,
    decides: Mapping[str, Any],
    options: PredictOptions,
) -> Outcome:
    """Write mask, structure set, measures, page and manifest.

    Parameters
    ----------
    predicted
        The patient.
    new
        The same, as read: with DICOM, there is a structure set.
    mask
        On the voxels of the stored case.
    folder
        Where to; what lies in it under ``WORK`` is removed.
    decides
        For the manifest (see ``identity``).
    options
        What is wanted.

    Raises
    ------
    CIPAError
        If a file cannot be made.
    """
    lesions = measure_lesions(predicted)
    predicted = replace(predicted, warnings=(*predicted.warnings, *find_warnings(predicted, lesions)))
    written = [folder / MASK, folder / LESIONS]
    sitk.WriteImage(predicted.mask, str(folder / MASK), useCompression=True)
    write_lesions(lesions, folder / LESIONS)
    written += _write_maps(predicted, folder)
    if isinstance(new.patient, DicomPatient):
        written += _write_dicom(predicted, new.patient, lesions, mask, options)
    written.append(write_page(predicted, lesions, folder, options.page))
    shutil.rmtree(folder / WORK)
    manifest = make_manifest(predicted, decides, written)
    write_text(folder / MANIFEST, json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")
    return Outcome(predicted.patient_id, folder, (*written, folder / MANIFEST), warnings=predicted.warnings)


def _write_maps(predicted: Predicted, folder: Path) -> Iterator[Path]:
    if predicted.certainty is not None:
        for name, image in predicted.certainty.images(predicted.ct).items():
            path = folder / f"certainty_{name}.nii.gz"
            sitk.WriteImage(image, str(path), useCompression=True)
            yield path


def _write_dicom(
    predicted: Predicted, patient: DicomPatient, lesions: PatientLesions, mask: Path, options: PredictOptions
) -> list[Path]:
    """Write RTSTRUCT, and SEG and SR if they are wanted, beside the folder of the mask."""
    folder = mask.parent.parent
    export = ExportOptions(segmentation=options.seg, roi=options.roi)
    context = Context(export, dict(predicted.labels), (), predicted.model.named)
    exported = export_case(mask, patient.ct, find_targets(folder, export), context)
    if exported.failures:
        raise CIPAError("; ".join(exported.failures))
    written = [*exported.written]
    if options.sr:
        subject = Subject(patient.ct, patient.pet, context.origin(list(predicted.labels)))
        written += write_measurements(lesions, subject, folder / "sr.dcm")
    return written
