"""The dataset that the checked cases of a study set make, and its provenance."""

from collections.abc import Sequence
from pathlib import Path

from nnunet_cipa.dataset_conversion.pipeline.conversion import Failure
from nnunet_cipa.dataset_conversion.pipeline.dataset import NewDataset
from nnunet_cipa.dataset_conversion.pipeline.dataset_files import CONVERTED_BY, FOLDERS, DatasetFacts
from nnunet_cipa.dataset_conversion.pipeline.folds import Folds
from nnunet_cipa.dataset_conversion.study_set.case import ORGAN_FOLDERS, StudyCaseJob
from nnunet_cipa.dataset_conversion.study_set.check_all import Case
from nnunet_cipa.dataset_conversion.study_set.options import StudySetOptions
from nnunet_cipa.dataset_conversion.study_set.study_set import UNITS, StudySet


def study_dataset(
    found: StudySet, cases: tuple[Case, ...], failures: tuple[Failure, ...], options: StudySetOptions, folds: Folds
) -> NewDataset:
    """Return what the dataset of a study set holds, of whose patients ``cases`` are in order and ``failures`` not."""
    storage, label, parts = options.storage, options.label, {name: of_part(cases, name) for name in FOLDERS}
    roi = None if label is None else label.value
    more = {"units": UNITS, "synthetic": found.synthetic, **found.terms, **storage.facts(), "crop": options.crop}
    provenance = {
        "source": f"{found.kind} study set",
        "converted_by": CONVERTED_BY,
        "roi": roi,
        "organs": options.organs,
        **more,
        "seed": options.seed,
        "test_fraction": options.test_fraction,
        **folds.facts(_telling(folds.left_out, found.identifiers)),
        "patients_not_converted": len(failures),
        "cases": {name: len(part) for name, part in parts.items()},
        "slices": {name: sum(case.facts.size[2] for case in part) for name, part in parts.items()},
    }
    if roi is not None:
        provenance |= {
            "cases_without_tumour": sum(not case.facts.tumour_slices for case in cases),
            "left_out_without_tumour": left_out(found, cases, failures),
            "tumour_slices": {name: tumour_slices(part) for name, part in parts.items()},
        }

    def jobs(folder: Path) -> list[StudyCaseJob]:
        return [
            StudyCaseJob(folder, found.kind, case.patient, case.facts, label, storage, options.organs) for case in cases
        ]

    facts = DatasetFacts(options.name, roi, storage.intensity.channels, len(parts["train"]), more)
    return NewDataset(facts, folds.splits, provenance, jobs, tuple(ORGAN_FOLDERS.values()) if options.organs else ())


def _telling(groups: tuple[str, ...], identifiers: frozenset[str]) -> list[str]:
    """Return the groups that would tell who the patients are, such as an institution."""
    texts = [text.casefold() for text in identifiers]
    return [group for group in groups if any(text in group.casefold() or group.casefold() in text for text in texts)]


def of_part(cases: Sequence[Case], name: str) -> list[Case]:
    """Return the cases of ``train`` or ``test``."""
    return [case for case in cases if case.patient.part == name]


def tumour_slices(cases: Sequence[Case]) -> int:
    """Return the number of slices with tumour."""
    return sum(case.facts.tumour_slices or 0 for case in cases)


def left_out(found: StudySet, cases: tuple[Case, ...], failures: tuple[Failure, ...]) -> int:
    """Return the number of those who were in order but for the tumour that they do not have."""
    return len(found.patients) + len(found.failures) - len(cases) - len(failures)
