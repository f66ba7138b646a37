"""``nnunet-cipa predict``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from nnunet_cipa.cli.command import Command
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.options import Option
from nnunet_cipa.predict.options import PredictOptions

if TYPE_CHECKING:
    from nnunet_cipa.predict.outcome import Outcome


def predict(study: Path, out: Path, options: PredictOptions, *, model: Annotated[Path, Option("MODEL")]) -> None:
    """Predict the tumours of new patients from CT and PET, and write a structure set for planning systems.

    Each patient gets a folder in OUT: rtstruct.dcm, mask.nii.gz, lesions.csv, report.html and manifest.json. A patient
    who cannot be predicted does not stop the others; run again, it predicts who is missing. The structure set is
    UNAPPROVED, and not for clinical use without a physician's review.

    Parameters
    ----------
    study
        Folder tree with CT and PET in DICOM, of one patient or many; or a folder for each patient with CT.nii.gz (HU)
        and PET.nii.gz (SUV).
    out
        Folder; it is made.
    model
        Trained model's folder, TRAINER__PLANS__CONFIGURATION, or a zip of nnUNetv2_export_model_to_zip.
    """
    from nnunet_cipa.predict.run import predict_patients  # noqa: PLC0415 - torch takes seconds to import

    done, failed = 0, []
    for outcome in predict_patients(study, out, model, options):
        _tell(outcome)
        if outcome.failure:
            failed.append(outcome)
        else:
            done += 1
    if failed:
        raise CIPAError(
            f"{done} patients are predicted, {len(failed)} failed, as told above; correct them and run the command "
            "again, which predicts who is missing"
        ) from failed[0].error


def _tell(outcome: "Outcome") -> None:
    for line in (*outcome.told, *(f"written: {path}" for path in outcome.written)):
        print(line, flush=True)
    whose = f"patient {outcome.patient_id or 'unknown'}"
    for warning in outcome.warnings:
        print(f"nnunet-cipa: warning: {whose}: {warning}", file=sys.stderr)
    if outcome.failure:
        print(f"{whose}: {outcome.failure}", file=sys.stderr)


COMMAND = Command("predict", "new patients: masks, structure sets, measures and a page", predict)
