"""``nnunet-cipa convert lucid``."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

from nnunet_cipa.dataset_conversion.lucid.options import Options, choose_roi
from nnunet_cipa.dataset_conversion.pipeline.conversion import Conversion
from nnunet_cipa.dataset_conversion.study_set.options import Roi
from nnunet_cipa.options import Option, UsageError


def convert(
    source: Path,
    options: Options,
    *,
    roi: Annotated[str | None, Option("ROI", default="IGTV; in DICOM also ITV and common spellings")] = None,
    label: Annotated[Roi | None, Option(default=Options.roi.value)] = None,
) -> Conversion:
    """Write a radiotherapy study set to $nnUNet_raw/DatasetNNN_NAME, one case per patient.

    DICOM: any folder tree with CT, PET and RTSTRUCT or SEG; SUV by body weight is computed, and cases get names of
    their own. NIfTI: a folder for each patient with CT.nii.gz in HU, PET.nii.gz in SUV by body weight, in the frame of
    the CT, and IGTV.nii.gz or GTV.nii.gz, 0 and 1 on the CT's grid. Everything is checked before anything is written.

    Parameters
    ----------
    source
        Folder that holds the patients, and perhaps test.txt.
    roi
        The region that becomes the label: IGTV, GTV, or in DICOM another name or a regular expression for the whole
        name, whatever the case.
    label
        Name of the label if --roi is a regular expression.
    """
    from nnunet_cipa.dataset_conversion.lucid.convert import convert_lucid  # noqa: PLC0415 - slow to import

    if options.no_labels and (roi is not None or label is not None):
        raise UsageError("--no-labels: leaves nothing for --roi and --label to act on; leave one of them out")
    region, pattern = choose_roi(roi, label)
    once = tuple(dict.fromkeys(options.organs))
    return convert_lucid(source, replace(options, roi=region, pattern=pattern, organs=once))
