"""The file in a model's folder that keeps its temperature for predictions."""

import math
from collections.abc import Mapping
from pathlib import Path

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.evaluation.calibration.limits import HIGHEST, LOWEST
from nnunet_cipa.evaluation.calibration.model import ModelCalibration
from nnunet_cipa.files.hashes import file_hash
from nnunet_cipa.files.json_files import read_object, write_json

CALIBRATION = "calibration.json"
_CHECKPOINT = "checkpoint_final.pth"
_REMEDY = "make it again with 'nnunet-cipa benchmark report --calibrate', or remove it"


def write_calibration(model: Path, calibration: ModelCalibration, folds: tuple[int, ...]) -> Path:
    """Write ``calibration.json`` to a model's folder: the temperature, and the weights that it holds for.

    Parameters
    ----------
    model : Path
        ``TRAINER__PLANS__CONFIGURATION``.
    calibration : ModelCalibration
        Of the folds.
    folds : tuple of int
        Which folds.

    Raises
    ------
    CIPAError
        If there is no temperature, or the weights of a fold are not there.
    """
    if not math.isfinite(calibration.temperature):
        raise CIPAError(
            f"{model}: its validation cases have no tumour, so there is no temperature; leave out --calibrate"
        )
    checkpoints = {}
    for fold in folds:
        path = model / f"fold_{fold}" / _CHECKPOINT
        if not path.is_file():
            raise CIPAError(f"{path}: no such file, so what the temperature is of is not known; leave out --calibrate")
        checkpoints[f"fold_{fold}"] = file_hash(path)
    path = model / CALIBRATION
    write_json(
        path,
        {
            "temperature": calibration.temperature,
            "fitted_on": "all voxels of the validation cases",
            "cases": calibration.cases,
            "patients": calibration.patients,
            "temperature_of_the_other_folds": {
                f"fold_{fold}": value for fold, value in calibration.fold_temperatures.items()
            },
            "expected_calibration_error": calibration.whole.ece.value,
            "sha256": checkpoints,
        },
    )
    return path


def read_temperature(model: Path, hashes: Mapping[str, str]) -> tuple[float, str]:
    """Read a model's temperature.

    Parameters
    ----------
    model : Path
        ``TRAINER__PLANS__CONFIGURATION``.
    hashes : dict
        SHA-256 of the weights that predict, by fold, such as ``fold_0``.

    Returns
    -------
    float, str
        The temperature, and why it is 1 where none is known; else empty.

    Raises
    ------
    CIPAError
        If calibration.json is there and damaged.
    """
    path = model / CALIBRATION
    if not path.is_file():
        return 1.0, f"the model has no {CALIBRATION}, so probabilities are the network's own"
    content = read_object(path, _REMEDY)
    temperature, known = content.get("temperature"), content.get("sha256")
    if type(temperature) is not float or not LOWEST <= temperature <= HIGHEST or not isinstance(known, dict):
        raise CIPAError(
            f"{path}: has the temperature {temperature!r}, and numbers from {LOWEST:g} to {HIGHEST:g} with the hashes "
            f"of the weights are expected; {_REMEDY}"
        )
    other = [fold for fold, digest in hashes.items() if known.get(fold) != digest]
    if other:
        return 1.0, f"{CALIBRATION} is of other weights of {', '.join(other)}, so probabilities are the network's own"
    return temperature, ""
