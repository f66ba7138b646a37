"""``nnunet-cipa convert autopet``."""

from functools import partial
from pathlib import Path

from nnunet_cipa.dataset_conversion.autopet.options import Options
from nnunet_cipa.dataset_conversion.pipeline.conversion import Conversion


def convert(source: Path, options: Options) -> Conversion:
    """Write autoPET to $nnUNet_raw/DatasetNNN_NAME, one case per study; all studies of a patient are in one fold.

    FDG-PET-CT-Lesions: a folder per patient with one per study, which holds CTres.nii.gz or CT.nii.gz, SUV.nii.gz and
    SEG.nii.gz. autoPET III: imagesTr with fdg_PATIENT_STUDY_0000.nii.gz (CT) and _0001.nii.gz (SUV), psma_ too, and
    labelsTr. --group tracer makes one fold of each tracer. Its parts have licences of their own, of which some are for
    non-commercial use.

    Parameters
    ----------
    source
        Folder that holds the patients, or imagesTr and labelsTr; and perhaps test.txt, with a patient per line.
    """
    # Slow to import
    from nnunet_cipa.dataset_conversion.autopet.layout import read_autopet  # noqa: PLC0415
    from nnunet_cipa.dataset_conversion.study_set.convert import convert_study_set  # noqa: PLC0415

    return convert_study_set(partial(read_autopet, source, options), options)
