"""Scores of every case of a cross-validation, for several models."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.evaluation.folds import read_folds
from nnunet_cipa.evaluation.metrics.by_slice import SliceMeasures, measure_slices
from nnunet_cipa.evaluation.metrics.catalogue import TOLERANCE_MM
from nnunet_cipa.evaluation.metrics.measures import Measures, check_tolerance, measure
from nnunet_cipa.evaluation.patients import read_patients
from nnunet_cipa.files.json_files import read_object
from nnunet_cipa.files.volumes import read_mask
from nnunet_cipa.nnunet.cases import CaseFiles, MaskFiles, find_cases
from nnunet_cipa.nnunet.predictions import SUMMARY, find_predictions
from nnunet_cipa.nnunet.summary import read_dice
from nnunet_cipa.processes.workers import run_jobs


@dataclass(frozen=True)
class Model:
    """A trained model: what a table calls it, and its folder ``TRAINER__PLANS__CONFIGURATION``."""

    title: str
    folder: Path


@dataclass(frozen=True)
class Study:
    """A cross-validation.

    Attributes
    ----------
    dataset : Path
        ``$nnUNet_raw/DatasetNNN_NAME``.
    splits : Path
        The splits_final.json that the models were trained with.
    models : tuple of Model
        What is compared.
    folds : tuple of int
        Which folds; all if empty.
    tolerance_mm : float
        Of the normalised surface Dice.
    """

    dataset: Path
    splits: Path
    models: tuple[Model, ...]
    folds: tuple[int, ...] = ()
    tolerance_mm: float = TOLERANCE_MM


@dataclass(frozen=True)
class Score:
    """What a model scored on a case that it was not trained on.

    The fold is None outside of a cross-validation, and the label, the value of the tumour, for masks of 0 and 1.
    """

    model: str
    fold: int | None
    files: CaseFiles | MaskFiles
    patient: str
    measures: Measures
    slices: SliceMeasures
    label: int | None = None


@dataclass(frozen=True)
class ScoringJob:
    """A case, its fold, and the prediction of each model, in their order.

    Attributes
    ----------
    files : CaseFiles or MaskFiles
        Of the case.
    patient : str
        Whose it is.
    fold : int or None
        None outside of a cross-validation.
    predictions : tuple of Path
        A mask of each model.
    tolerance_mm : float
        Of the normalised surface Dice.
    label : int or None
        The value that is the tumour where masks hold several; None for masks of 0 and 1.
    """

    files: CaseFiles | MaskFiles
    patient: str
    fold: int | None
    predictions: tuple[Path, ...]
    tolerance_mm: float
    label: int | None = None


def score_folds(study: Study, processes: int = 1) -> list[Score]:
    """Score each validation case of each model, in the fold in which it was held out.

    Parameters
    ----------
    study : Study
        What to score.
    processes : int
        Number of processes; each holds the images of one case at a time.

    Returns
    -------
    list of Score
        Model by model, the cases in the order of folds and names.

    Raises
    ------
    CIPAError
        If folds or predictions are not complete and clean (see ``read_folds``, ``find_predictions``), a prediction is
        not on its truth's grid, or its Dice is not the one that nnU-Net found.
    """
    jobs = find_jobs(study)
    ending = _file_ending(study)
    scores = score_jobs(jobs, [model.title for model in study.models], processes)
    for model in study.models:
        for fold in dict.fromkeys(job.fold for job in jobs):  # in their order
            _compare_with_nnunet(
                model.folder / f"fold_{fold}" / "validation" / SUMMARY,
                [score for score in scores if (score.model, score.fold) == (model.title, fold)],
                ending,
            )
    return scores


def score_jobs(jobs: Sequence[ScoringJob], titles: Sequence[str], processes: int = 1) -> list[Score]:
    """Score cases that were found, with the names of their models; model by model, in the order of the jobs.

    Raises
    ------
    CIPAError
        If a mask cannot be read or is not on its truth's grid.
    """
    results = run_jobs(_score_case, jobs, processes, "scoring", lambda job: f"case {job.files.name}", unit="case")
    return [
        Score(
            title,
            job.fold,
            replace(job.files, prediction=job.predictions[index]),
            job.patient,
            *result[index],
            label=job.label,
        )
        for index, title in enumerate(titles)
        for job, result in zip(jobs, results, strict=True)
    ]


def find_jobs(study: Study) -> list[ScoringJob]:
    """Check a study's inputs and return its cases in the order of folds and names.

    Raises
    ------
    CIPAError
        As ``score_folds``, but for what is only seen in the images.
    """
    check_tolerance(study.tolerance_mm)
    for title, count in Counter(model.title for model in study.models).items():
        if count > 1:
            raise CIPAError(f"{title}: names {count} models; give each once, under a name of its own")
    if not study.models:
        raise CIPAError(f"{study.dataset.name}: no model to score; name at least one")
    cases = {case.name: case for case in find_cases(study.dataset, "Tr")}
    patients = read_patients(study.dataset, cases)
    folds = read_folds(study.splits, patients)
    ending = _file_ending(study)
    jobs = []
    for fold in _chosen(study, len(folds)):
        found = [find_predictions(model.folder / f"fold_{fold}", folds[fold], ending) for model in study.models]
        jobs += [
            ScoringJob(cases[name], patients[name], fold, tuple(paths[name] for paths in found), study.tolerance_mm)
            for name in folds[fold]
        ]
    return jobs


def _file_ending(study: Study) -> str:
    return str(read_object(study.dataset / "dataset.json")["file_ending"])


def _chosen(study: Study, count: int) -> Iterator[int]:
    for fold in sorted(set(study.folds or range(count))):
        if not 0 <= fold < count:
            raise CIPAError(
                f"{study.splits}: has {count} folds, numbered from 0, and no fold {fold}; give folds from 0 to "
                f"{count - 1}"
            )
        yield fold


def _score_case(job: ScoringJob) -> list[tuple[Measures, SliceMeasures]]:
    """Read the truth once and the predictions one after the other."""
    truth = read_mask(job.files.truth, job.label)
    results = []
    for path in job.predictions:
        prediction = read_mask(path, job.label)
        results.append((measure(truth, prediction, job.tolerance_mm), measure_slices(truth.array, prediction.array)))
    return results


def _compare_with_nnunet(summary: Path, scores: Sequence[Score], ending: str) -> None:
    theirs = read_dice(summary, ending=ending)
    for score in scores:
        name, ours = score.files.name, score.measures.dice
        other = theirs.get(name, -1)
        if not (math.isclose(ours, other, abs_tol=1e-6) or (math.isnan(ours) and math.isnan(other))):
            found = f"a Dice of {other:.4f} for case {name}" if name in theirs else f"no case {name}"
            raise CIPAError(
                f"{summary}: has {found}, and {score.files.prediction} has {ours:.4f}; masks or predictions have "
                "changed since, so validate again with nnUNetv2_train --val"
            )
