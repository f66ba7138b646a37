"""Writes all that is made of a predicted patient to a folder."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from nnunet_cipa.dicom.export.context import Context
from nnunet_cipa.dicom.export.options import ExportOptions
from nnunet_cipa.dicom.export.write import export_case, find_targets
from nnunet_cipa.dicom.series.grouping import Series
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.atomic import write_text
from nnunet_cipa.predict.manifest import MANIFEST, make_manifest
from nnunet_cipa.predict.options import PredictOptions
from nnunet_cipa.predict.outcome import Outcome
from nnunet_cipa.predict.patient import WORK
from nnunet_cipa.predict.predicted import Predicted

MASK = "mask.nii.gz"


def write_outputs(
    predicted: Predicted,
    ct: Series | None,
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
    ct
        Series that the structure set is of; None for NIfTI, where there is none.
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
    written = [folder / MASK]
    sitk.WriteImage(predicted.mask, str(folder / MASK), useCompression=True)
    told: tuple[str, ...] = ()
    if ct is not None:
        export = ExportOptions(segmentation=options.seg, roi=options.roi)
        context = Context(export, dict(predicted.labels), (), predicted.model.named)
        exported = export_case(mask, ct, find_targets(folder, export), context)
        if exported.failures:
            raise CIPAError("; ".join(exported.failures))
        written += exported.written
    shutil.rmtree(folder / WORK)
    manifest = make_manifest(predicted, decides, written)
    write_text(folder / MANIFEST, json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")
    return Outcome(predicted.patient_id, folder, (*written, folder / MANIFEST), told=told, warnings=predicted.warnings)
