"""``nnunet-cipa convert hecktor``."""

from functools import partial
from pathlib import Path

from nnunet_cipa.dataset_conversion.hecktor.options import Options
from nnunet_cipa.dataset_conversion.pipeline.conversion import Conversion


def convert(source: Path, options: Options) -> Conversion:
    """Write HECKTOR to $nnUNet_raw/DatasetNNN_NAME, one case per patient, on the CT's grid.

    2022 and 2025: CHUM-001__CT.nii.gz, CHUM-001__PT.nii.gz (SUV) and CHUM-001.nii.gz (1 GTVp, 2 GTVn), in any folders.
    2021: CHUM001_ct.nii.gz, _pt.nii.gz and _gtvt.nii.gz. --group centre makes one fold of each centre. HECKTOR is for
    those who signed its end user agreement, and for non-commercial research.

    Parameters
    ----------
    source
        Folder that holds the files; and perhaps test.txt, with a patient per line.
    """
    # Slow to import
    from nnunet_cipa.dataset_conversion.hecktor.layout import read_hecktor  # noqa: PLC0415
    from nnunet_cipa.dataset_conversion.study_set.convert import convert_study_set  # noqa: PLC0415

    return convert_study_set(partial(read_hecktor, source, options), options)
