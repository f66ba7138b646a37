"""The layouts of HECKTOR: files by their names, in any folders."""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from nnunet_cipa.dataset_conversion.hecktor.options import Field, Options, Region
from nnunet_cipa.dataset_conversion.hecktor.patient import HecktorPatient
from nnunet_cipa.dataset_conversion.pipeline.conversion import Failure
from nnunet_cipa.dataset_conversion.study_set.cut import CutPatient
from nnunet_cipa.dataset_conversion.study_set.held_out import held_out, read_facts
from nnunet_cipa.dataset_conversion.study_set.nifti_set import name_fault
from nnunet_cipa.dataset_conversion.study_set.study_set import StudySet
from nnunet_cipa.errors import CIPAError

TERMS = {"license": "HECKTOR's end user agreement, for non-commercial research; see its own terms"}
# 2022 and 2025: CHUM-001__CT; 2021: CHUM001_ct; labels CHUM-001 and CHUM001_gtvt
_IMAGE = re.compile(r"(?P<patient>.+?)_{1,2}(?P<kind>ct|pt|gtvt)\.nii\.gz", re.IGNORECASE)
_LABEL = re.compile(r"(?P<patient>(?P<centre>[A-Za-z]+)-?[0-9]+)\.nii\.gz")
_CENTRE = re.compile(r"[A-Za-z]+")
_VOLUMES = {"ct": "CT", "pt": "PET", "gtvt": "GTV"}
_NAMES = {"CT": "__CT.nii.gz", "PET": "__PT.nii.gz", "GTV": ".nii.gz"}


def read_hecktor(source: Path, options: Options) -> StudySet:
    """Find the patients; no image is opened.

    Parameters
    ----------
    source
        Any folder tree with the files.
    options
        How to convert.

    Raises
    ------
    CIPAError
        If there is no patient, or an impossible test set.
    """
    if not source.is_dir():
        raise CIPAError(f"{source}: not a folder; give the folder of HECKTOR")
    found = _find(source)
    if not found:
        raise CIPAError(
            f"{source}: holds no files such as CHUM-001__CT.nii.gz, CHUM-001__PT.nii.gz and CHUM-001.nii.gz; give the "
            "folder of HECKTOR"
        )
    test = held_out(source, sorted(found), options.test_fraction, options.seed)
    patients, failures, groups = [], [], {}
    for name in sorted(found):
        problems = tuple(_faults(source, name, found[name], options))
        if problems:
            failures.append(Failure(name, problems))
            continue
        paths = {volume: files[0] for volume, files in found[name].items()}
        patient = HecktorPatient(name, "test" if name in test else "train", paths, region=options.region)
        cut = options.field is Field.COMMON, options.tumour_slices
        patients.append(CutPatient(patient, "GTV", *cut) if any(cut) else patient)
        centre = _CENTRE.match(name)
        groups[name] = {"centre": centre[0] if centre else ""}
    return StudySet("HECKTOR", tuple(patients), tuple(failures), read_facts(source), terms=TERMS, groups=groups)


def _find(source: Path) -> dict[str, dict[str, list[Path]]]:
    """Return the files of each volume of each patient; those of patients without a label beside are of the test set."""
    found: dict[str, dict[str, list[Path]]] = defaultdict(lambda: defaultdict(list))
    for path in sorted(source.rglob("*.nii.gz")):
        below = path.relative_to(source).parts
        if not path.is_file() or any(part.startswith(".") or part == "imagesTs" for part in below):
            continue
        match = _IMAGE.fullmatch(path.name)
        if match is not None:
            found[match["patient"]][_VOLUMES[match["kind"].lower()]].append(path)
        elif (match := _LABEL.fullmatch(path.name)) is not None:
            found[match["patient"]]["GTV"].append(path)
    return {name: dict(volumes) for name, volumes in found.items()}


def _faults(source: Path, name: str, volumes: dict[str, list[Path]], options: Options) -> Iterator[str]:
    fault = name_fault(source / name, name)
    if fault is not None:
        yield fault
    for volume, ending in _NAMES.items():
        paths = volumes.get(volume, [])
        if not paths:
            yield f"{source}: has no {name}{ending}; add it, or remove the patient"
        if len(paths) > 1:
            yield f"{paths[0]}: is the {volume} of {name}, and so is {paths[1]}; keep one of them"
    label = volumes.get("GTV", [])
    if options.region is not Region.GTVP and label and label[0].name.lower().endswith("_gtvt.nii.gz"):
        yield f"{label[0]}: has the primary tumour alone; give --roi GTVp"
