"""``nnunet-cipa convert sts``."""

from functools import partial
from pathlib import Path

from nnunet_cipa.dataset_conversion.pipeline.conversion import Conversion
from nnunet_cipa.dataset_conversion.sts.options import Options


def convert(source: Path, options: Options) -> Conversion:
    """Write Soft-tissue-Sarcoma of TCIA to $nnUNet_raw/DatasetNNN_NAME, one case per patient, named by PatientID.

    Any folder tree with CT, PET and RTSTRUCT of the patients in DICOM; MR and other files are passed over. Of several
    RTSTRUCT the one drawn on the CT counts. Everything is checked before anything is written.

    Parameters
    ----------
    source
        Folder that holds the patients; and perhaps test.txt, with a PatientID per line.
    """
    # Slow to import
    from nnunet_cipa.dataset_conversion.sts.layout import read_sts  # noqa: PLC0415
    from nnunet_cipa.dataset_conversion.study_set.convert import convert_study_set  # noqa: PLC0415

    return convert_study_set(partial(read_sts, source, options), options, options.key_table)
