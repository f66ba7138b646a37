"""Predicts one patient, from the files of CT and PET to all that is written."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from nnunet_cipa.dataset_conversion.pipeline.dataset_files import case_paths
from nnunet_cipa.dataset_conversion.study_set.case import StudyCaseJob
from nnunet_cipa.dataset_conversion.study_set.check import PatientFacts, StudyCheckJob, check_study
from nnunet_cipa.errors import refuse
from nnunet_cipa.nnunet.channels import find_modalities
from nnunet_cipa.predict.certainty import CertaintyOptions, MemberWatch
from nnunet_cipa.predict.load import MemberPredictor
from nnunet_cipa.predict.mask import on_grid, predict_case
from nnunet_cipa.predict.model.trained import TrainedModel
from nnunet_cipa.predict.options import PredictOptions
from nnunet_cipa.predict.predicted import Predicted
from nnunet_cipa.predict.study import NewPatient

# In the folder of a patient while it is made.
WORK = ".work"


class Stopwatch:
    """Seconds of each step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time the block."""
        start = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - start


def predict_patient(
    new: NewPatient, model: TrainedModel, predictor: MemberPredictor, folder: Path, options: PredictOptions
) -> tuple[Predicted, Path]:
    """Check the images, store them as the model's data set was stored, and predict them.

    Parameters
    ----------
    new
        Whom.
    model, predictor
        By what.
    folder
        For what is written in between, under ``WORK``.
    options
        How.

    Returns
    -------
    Predicted
        The patient.
    Path
        The mask on the voxels of the stored case, beside the model's dataset.json.

    Raises
    ------
    CIPAError
        If anything is wrong with the images, or the network's output is not finite.
    """
    started, clock = datetime.now().astimezone(), Stopwatch()
    with clock.step("check"):
        facts = _check(new, model, options)
    work = folder / WORK
    shutil.rmtree(work, ignore_errors=True)
    mask = work / f"mask{model.dataset_json['file_ending']}"
    with clock.step("store"):
        images = _store(new, model, facts, work)
    members = _watch(predictor, model, options.certainty)
    with clock.step("predict"):
        prediction = predict_case(predictor, list(model.hashes), images, mask, members)
    for image in images:
        image.unlink()
    with clock.step("put back"):
        ct, pet = (new.patient.read(volume).image for volume in ("CT", "PET"))
        placed = on_grid(prediction, ct)
        certainty = None if members is None else members.certainty(prediction, ct)
    predicted = Predicted(
        name=new.name,
        patient_id=new.who.patient_id,
        pseudonym=new.who.pseudonym,
        sources=new.sources,
        ct=ct,
        pet=pet,
        mask=placed,
        labels=model.labels,
        facts=facts,
        model=model,
        warnings=(),
        started=started,
        seconds=clock.seconds,
        certainty=certainty,
    )
    return predicted, mask


def _check(new: NewPatient, model: TrainedModel, options: PredictOptions) -> PatientFacts:
    job = StudyCheckJob(
        new.patient,
        None,
        crop=model.crop,
        highest_suv=options.highest_suv,
        least_pet_cover=options.least_pet_cover,
    )
    checked = check_study(job)
    refuse(checked.problems)
    assert checked.facts is not None  # noqa: S101 - there are facts where there is no problem
    return checked.facts


def _store(new: NewPatient, model: TrainedModel, facts: PatientFacts, work: Path) -> list[Path]:
    """Write CT and PET as the converters do, and return the files in the order of the model's channels."""
    job = StudyCaseJob(work, new.kind, new.patient, facts, None, model.storage)
    ct, pet, _ = case_paths(work, new.patient.part, job.case)
    ct.parent.mkdir(parents=True)
    job.write_volumes()
    files = {"CT": ct, "PET": pet}
    return [files[modality] for modality in find_modalities(dict(model.dataset_json))]


def _watch(predictor: MemberPredictor, model: TrainedModel, options: CertaintyOptions) -> MemberWatch | None:
    """Prepare to compare the members of a model; None if there is nothing to compare, or it is not wanted."""
    if not options.certainty or (len(model.hashes) == 1 and not options.flips):
        return None
    return MemberWatch(predictor, model, options)
