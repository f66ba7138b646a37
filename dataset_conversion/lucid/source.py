"""The NIfTI layout of a radiotherapy PET/CT study set: a folder for each patient, who is held out, the units."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import numpy as np

from nnunet_cipa.errors import CIPAError

from ..problems import refuse

IMAGES = ("CT", "PET")
UNITS = {"CT": "HU", "PET": "SUVbw"}
# Masks of organs that a study set may have beside the tumour.
ORGANS = ("HEART",)
TEST_LIST, FACTS = "test.txt", "study.json"
_PATIENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


class Roi(str, Enum):
    """Which mask is the truth: the tumour over the breathing cycle, or at the CT's phase."""

    IGTV = "IGTV"
    GTV = "GTV"


FILES = tuple(f"{name}.nii.gz" for name in (*IMAGES, *(roi.value for roi in Roi), *ORGANS))


@dataclass(frozen=True)
class PatientFiles:
    """The folder of one patient, and whether the patient is for ``train`` or ``test``."""

    folder: Path
    part: str

    @property
    def name(self) -> str:
        """Name of the patient and of the case."""
        return self.folder.name

    def path(self, name: str) -> Path:
        """Path of ``CT``, ``PET``, ``IGTV``, ``GTV`` or an organ."""
        return self.folder / f"{name}.nii.gz"


@dataclass(frozen=True)
class StudySet:
    """Where a study set is, who is in it, and whether it says that it is synthetic (None: it does not say)."""

    root: Path
    patients: tuple[PatientFiles, ...]
    synthetic: bool | None


def read_study_set(
    source: Path, roi: Roi, test_fraction: float | None, seed: int, organs: tuple[str, ...] = ()
) -> StudySet:
    """Find the patients; no image is opened.

    Parameters
    ----------
    source
        Folder with one folder a patient, and perhaps test.txt and study.json. Names that start with a dot are not
        looked at.
    roi
        The mask that every patient must have.
    test_fraction
        Part of the patients, 0 to 0.5, to hold out; None to go by test.txt, or hold out none.
    seed
        Of that draw.
    organs
        Of ``ORGANS``, those whose mask every patient must have too.

    Raises
    ------
    CIPAError
        For missing or foreign files, bad names, other units, an impossible test set.
    """
    if not source.is_dir():
        raise CIPAError(f"{source}: not a folder; give the folder that holds one folder a patient")
    entries = sorted(path for path in source.iterdir() if not path.name.startswith("."))
    folders = [path for path in entries if path.is_dir()]
    if not folders:
        raise CIPAError(f"{source}: holds no folder; it should hold one a patient, with {', '.join(FILES[:3])}")
    foreign = [path for path in entries if not path.is_dir() and path.name not in {TEST_LIST, FACTS}]
    masks = (roi.value, *organs)
    refuse([*(_foreign(path) for path in foreign), *(p for folder in folders for p in _faults(folder, masks))])
    synthetic = _read_facts(source / FACTS)
    names = [folder.name for folder in folders]
    if test_fraction is None:
        test = _read_test(source / TEST_LIST, names)
    elif (source / TEST_LIST).exists():
        raise CIPAError(
            f"{source / TEST_LIST}: lists the test set, so --test-fraction cannot be given; drop one of them"
        )
    else:
        test = draw_test(names, test_fraction, seed)
    patients = tuple(PatientFiles(folder, "test" if folder.name in test else "train") for folder in folders)
    return StudySet(source, patients, synthetic)


def draw_test(names: list[str], fraction: float, seed: int) -> set[str]:
    """Draw a part of the patients, at least one if the part is not 0."""
    if not 0 <= fraction <= 0.5:
        raise CIPAError(f"--test-fraction {fraction}: give a number from 0 to 0.5")
    count = max(1, round(fraction * len(names))) if fraction > 0 else 0
    order = np.random.default_rng([seed, 1]).permutation(len(names))
    return {names[index] for index in order[:count]}


def _foreign(path: Path) -> str:
    return f"{path}: is no part of the layout (see the documentation of convert lucid); move it elsewhere"


def _faults(folder: Path, masks: tuple[str, ...]) -> Iterator[str]:
    if _PATIENT.fullmatch(folder.name) is None:
        yield f"{folder}: use up to 64 letters, digits, hyphens and underscores in a patient's name; rename the folder"
    found = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    for name in (*IMAGES, *masks):
        if not (folder / f"{name}.nii.gz").is_file():
            yield f"{folder / name}.nii.gz: missing; add it, or remove the patient"
    yield from (_foreign(folder / name) for name in sorted(found - set(FILES)))


def _read_facts(path: Path) -> bool | None:
    """Check the units that study.json declares, and return whether it says that the images are synthetic."""
    if not path.exists():
        return None
    try:
        facts = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise CIPAError(f"{path}: is no JSON ({error}); write it again or remove it") from error
    if not isinstance(facts, dict):
        raise CIPAError(f"{path}: is no JSON object; write it again or remove it")
    if facts.get("units", UNITS) != UNITS:
        raise CIPAError(f"{path}: units are {facts['units']}; convert the images to {UNITS}")
    synthetic = facts.get("synthetic")
    if synthetic is not None and not isinstance(synthetic, bool):
        raise CIPAError(f"{path}: synthetic is {synthetic!r}; say true or false, or leave it out")
    return synthetic


def _read_test(path: Path, names: list[str]) -> set[str]:
    if not path.exists():
        return set()
    try:
        listed = [line.strip() for line in path.read_bytes().decode("utf-8-sig").splitlines() if line.strip()]
    except UnicodeDecodeError as error:
        raise CIPAError(f"{path}: not UTF-8 text (byte {error.start}); save it as plain text") from error
    if not listed:
        raise CIPAError(f"{path}: lists no patient; list one a line, or remove it")
    refuse(
        f"{path}: {name!r} is listed but has no folder; correct the list" for name in listed if name not in set(names)
    )
    doubled = sorted({name for name in listed if listed.count(name) > 1})
    refuse(f"{path}: {name!r} is listed twice; list every patient once" for name in doubled)
    return set(listed)
