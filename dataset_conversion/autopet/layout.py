"""The layouts of autoPET: a folder per study, as of FDG-PET-CT-Lesions, and nnU-Net's, as of autoPET III."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nnunet_cipa.dataset_conversion.autopet.options import Options, Tracer
from nnunet_cipa.dataset_conversion.autopet.study import AutopetStudy
from nnunet_cipa.dataset_conversion.pipeline.conversion import Failure
from nnunet_cipa.dataset_conversion.study_set.cut import CutPatient
from nnunet_cipa.dataset_conversion.study_set.held_out import held_out, read_facts
from nnunet_cipa.dataset_conversion.study_set.nifti_set import name_fault
from nnunet_cipa.dataset_conversion.study_set.study_set import StudySet
from nnunet_cipa.errors import CIPAError

TERMS = {"license": "of each archive, of which some are for non-commercial use; see its own terms"}
IMAGES, LABELS = "imagesTr", "labelsTr"
_STUDY = re.compile(r"(?P<patient>(?P<tracer>fdg|psma)_[^_]+)_(?P<study>.+?)", re.IGNORECASE)
_CHANNEL = re.compile(r"(?P<study>.+)_0000\.nii\.gz")


@dataclass(frozen=True)
class Found:
    """The files of a study, of which some may be missing: a CT on the PET's grid comes before another."""

    patient: str
    study: str
    tracer: Tracer
    ct: tuple[Path, ...]
    pet: Path
    mask: Path

    def faults(self) -> Iterator[str]:
        """Yield what is missing, a line each."""
        if not any(path.is_file() for path in self.ct):
            yield f"{self.ct[0]}: missing; add it, or remove the study"
        for path in (self.pet, self.mask):
            if not path.is_file():
                yield f"{path}: missing; add it, or remove the study"

    def paths(self) -> dict[str, Path]:
        """Return the file of each volume."""
        return {"CT": next(path for path in self.ct if path.is_file()), "PET": self.pet, "GTV": self.mask}


def read_autopet(source: Path, options: Options) -> StudySet:
    """Find the studies; no image is opened.

    Parameters
    ----------
    source
        The folder of the archive.
    options
        How to convert.

    Raises
    ------
    CIPAError
        If there is no study in either layout, or an impossible test set.
    """
    if not source.is_dir():
        raise CIPAError(f"{source}: not a folder; give the folder of autoPET")
    all_studies = sorted(_find(source), key=lambda one: (one.patient, one.study))
    if not all_studies:
        raise CIPAError(
            f"{source}: holds neither {IMAGES} with files such as fdg_PATIENT_STUDY_0000.nii.gz nor folders of studies "
            "with SUV.nii.gz and SEG.nii.gz; give the folder of autoPET"
        )
    studies = [one for one in all_studies if options.tracer in (Tracer.ALL, one.tracer)]
    if not studies:
        raise CIPAError(f"{source}: has no study with {options.tracer.value}; leave out --tracer")
    test = held_out(source, sorted({one.patient for one in studies}), options.test_fraction, options.seed)
    patients, failures, groups = [], [], {}
    numbers: dict[str, int] = defaultdict(int)
    for one in all_studies:
        numbers[one.patient] += 1
        if one not in studies:
            continue
        case = f"{one.patient}_{numbers[one.patient]}"
        problems = tuple(filter(None, (name_fault(one.pet.parent, case), *one.faults())))
        if problems:
            failures.append(Failure(f"{one.patient}, study {one.study}", problems))
            continue
        part = "test" if one.patient in test else "train"
        study = AutopetStudy(case, part, one.paths(), one.patient, one.study)
        patients.append(CutPatient(study, "GTV", to_pet=False, to_tumour=True) if options.tumour_slices else study)
        groups[case] = {"tracer": one.tracer.value}
    return StudySet("autoPET", tuple(patients), tuple(failures), read_facts(source), terms=TERMS, groups=groups)


def _find(source: Path) -> Iterator[Found]:
    if (source / IMAGES).is_dir():
        yield from _in_nnunet_layout(source)
        return
    folders = {path.parent for name in ("SUV", "SEG", "CTres") for path in source.rglob(f"{name}.nii.gz")}
    for folder in folders:
        if not any(part.startswith(".") for part in folder.relative_to(source).parts):
            ct = (folder / "CTres.nii.gz", folder / "CT.nii.gz")
            patient = folder.parent.name
            tracer = Tracer.PSMA if patient.lower().startswith("psma") else Tracer.FDG
            yield Found(patient, folder.name, tracer, ct, folder / "SUV.nii.gz", folder / "SEG.nii.gz")


def _in_nnunet_layout(source: Path) -> Iterator[Found]:
    images, labels = source / IMAGES, source / LABELS
    names = {path.name.removesuffix(".nii.gz") for path in labels.glob("*.nii.gz")}
    names |= {match["study"] for path in images.iterdir() if (match := _CHANNEL.fullmatch(path.name))}
    for name in sorted(name for name in names if not name.startswith(".")):
        match = _STUDY.fullmatch(name)
        if match is None:
            raise CIPAError(
                f"{images / name}: is not named as autoPET's studies are, fdg_PATIENT_STUDY or psma_PATIENT_STUDY, so "
                "whose it is is not known; rename its files, or move them elsewhere"
            )
        ct, pet = ((images / f"{name}_{channel}.nii.gz") for channel in ("0000", "0001"))
        tracer = Tracer(match["tracer"].lower())
        yield Found(match["patient"], match["study"], tracer, (ct,), pet, labels / f"{name}.nii.gz")
