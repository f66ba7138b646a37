"""Results of ``nnUNetv2_evaluate_folder``."""

from pathlib import Path

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.json_files import read_object

_REMEDY = "write it again with nnUNetv2_evaluate_folder, or with nnUNetv2_train --val if it is of a fold"


def read_dice(summary: Path, label: int = 1, ending: str = ".nii.gz") -> dict[str, float]:
    """Read the Dice of each case from nnU-Net's summary.json; NaN where truth and prediction are empty.

    Parameters
    ----------
    summary : Path
        What nnUNetv2_evaluate_folder or a validation wrote.
    label : int
        Which label.
    ending : str
        Of the files of the predictions, which is cut off for the names of the cases.

    Raises
    ------
    CIPAError
        If there is no such file, or it is not laid out as nnU-Net's, names no case, or one twice.
    """
    content = read_object(summary, _REMEDY)
    try:
        entries = content["metric_per_case"]
        scores = {
            Path(entry["prediction_file"]).name.removesuffix(ending): float(entry["metrics"][str(label)]["Dice"])
            for entry in entries
        }
    except (KeyError, TypeError, ValueError) as error:
        raise CIPAError(f"{summary}: has no Dice of label {label} for each case; {_REMEDY}") from error
    if len(scores) < len(entries):
        raise CIPAError(f"{summary}: names a case twice; evaluate one folder of predictions at a time")
    if not scores:
        raise CIPAError(f"{summary}: names no case; predict, then {_REMEDY}")
    return scores
