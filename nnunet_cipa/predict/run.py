"""Predicts the patients of a folder, one after the other."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from tqdm import tqdm

from nnunet_cipa.dataset_conversion.pipeline.staging import staged_folder
from nnunet_cipa.dicom.export.rois import check_roi_options
from nnunet_cipa.dicom.optional import import_highdicom
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.network.layers.precision import check_bfloat16_option, check_cpu_bfloat16
from nnunet_cipa.ops.choice import check_device
from nnunet_cipa.predict.load import MemberPredictor, load_predictor
from nnunet_cipa.predict.manifest import identity, is_done
from nnunet_cipa.predict.model.options import UseOptions
from nnunet_cipa.predict.model.place import model_place
from nnunet_cipa.predict.model.read import read_trained_model
from nnunet_cipa.predict.model.trained import TrainedModel
from nnunet_cipa.predict.options import PredictOptions
from nnunet_cipa.predict.outcome import Outcome
from nnunet_cipa.predict.outputs import write_outputs
from nnunet_cipa.predict.patient import predict_patient
from nnunet_cipa.predict.study import NewPatient, read_study


def predict_study(study: Path, out: Path, model: Path, options: PredictOptions | None = None) -> list[Outcome]:
    """Predict every patient of a folder; see ``predict_patients``, which gives each when it is there."""
    return list(predict_patients(study, out, model, options))


def predict_patients(study: Path, out: Path, model: Path, options: PredictOptions | None = None) -> Iterator[Outcome]:
    """Predict every patient of a folder, to ``out/NAME``; who is there already, is passed over.

    Parameters
    ----------
    study
        A folder tree with CT and PET in DICOM, of as many patients as there may be; or a folder for each patient with
        CT.nii.gz (HU) and PET.nii.gz (SUV by body weight, any axial grid in the CT's frame).
    out
        Folder; it is made.
    model
        Trained model's folder, or a zip of ``nnUNetv2_export_model_to_zip``.
    options
        How.

    Yields
    ------
    Outcome
        Of each patient, when it is there; what is wrong with a patient is its failure.

    Raises
    ------
    CIPAError
        If the options, the model or the folder are wrong.
    """
    chosen = options or PredictOptions()
    _check(chosen, out)
    with model_place(model, chosen.use.checkpoint) as folder:
        trained = read_trained_model(folder, chosen.use, chosen.intensities)
        _check_labels(trained, chosen.roi.label)
        found = read_study(study, chosen.series, chosen.suv)
        predictor = load_predictor(trained, chosen.use)
        yield from (Outcome(one.patient, failure="; ".join(one.problems)) for one in found.failures)
        for new in tqdm(found.patients, desc="predicting", unit="patient", disable=None):
            yield _one(new, trained, predictor, out / new.name, chosen)


def _check(options: PredictOptions, out: Path) -> None:
    """Refuse, before any work, what no model and no patient can be predicted with."""
    _check_device(options.use)
    check_roi_options(options.roi)
    options.certainty.check()
    for option, wanted in (("--seg", options.seg), ("--sr", options.sr)):
        if wanted:
            import_highdicom(option)
    if out.exists() and not out.is_dir():
        raise CIPAError(f"{out}: is a file; give a folder")


def _check_device(use: UseOptions) -> None:
    if use.bf16:
        check_bfloat16_option(use.device)
    check_device(use.device)
    if use.bf16:
        check_cpu_bfloat16("--bf16")


def _check_labels(model: TrainedModel, wanted: Sequence[int]) -> None:
    known = {value for values in model.labels.values() for value in values}
    for label in wanted:
        if label not in known:
            there = ", ".join(map(str, sorted(known)))
            raise CIPAError(f"--label {label}: the model has {there}; choose one of these")


def _one(
    new: NewPatient, model: TrainedModel, predictor: MemberPredictor, final: Path, options: PredictOptions
) -> Outcome:
    try:
        decides = identity({volume: source.sha256 for volume, source in new.sources.items()}, model, options)
        if not options.overwrite and is_done(final, decides):
            return Outcome(new.who.patient_id, final, told=(f"there already: {final}",))
        final.parent.mkdir(parents=True, exist_ok=True)
        with staged_folder(final, overwrite=options.overwrite) as folder:
            predicted, mask = predict_patient(new, model, predictor, folder, options)
            outcome = write_outputs(predicted, new, mask, folder, decides, options)
        written = tuple(final / path.name for path in outcome.written)
        return Outcome(new.who.patient_id, final, written, outcome.told, outcome.warnings)
    except CIPAError as error:
        return Outcome(new.who.patient_id, failure=str(error), error=error)
    except OSError as error:
        reason = f"{error.filename or final}: {error.strerror}; check it and its permissions"
        return Outcome(new.who.patient_id, failure=reason, error=error)
    except Exception as error:  # noqa: BLE001 - of torch, nnU-Net or ours: it must not stop the others, and is told
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:500]}"
        remedy = "free memory if it did not suffice, and run again with --debug for the traceback"
        return Outcome(new.who.patient_id, failure=f"{reason}; {remedy}", error=error)
