"""What tells who a patient is, and a check that nothing of it is in what was written."""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pydicom

from ..dicom.headers import tolerant
from ..problems import refuse
from .dicom_patient import DicomPatient

TEXTS = (
    "PatientID", "OtherPatientIDs", "PatientBirthDate", "PatientAddress", "PatientTelephoneNumbers", "AccessionNumber",
    "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID", "InstitutionName",
)  # fmt: skip
NAMES = ("PatientName", "OtherPatientNames", "ReferringPhysicianName", "OperatorsName")
# Shorter ones are in any text by chance.
SHORTEST = 4
# Vendors of scanners are named after people, too.
VENDOR = "/Manufacturer"


def identifiers_of(patient: DicomPatient) -> frozenset[str]:
    """Return the names, dates and numbers that tell who a patient is, from the first file of each series."""
    found: set[str] = set()
    for path in (patient.ct.slices[0].path, patient.pet.slices[0].path, patient.structures.path):
        with tolerant():
            header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=[*TEXTS, *NAMES])
            found.update(str(header.get(keyword) or "") for keyword in TEXTS)
            for keyword in NAMES:
                found.update(re.split(r"[\^=\s,;'\[\]]+", str(header.get(keyword) or "")))
    return frozenset(text.strip() for text in found if len(text.strip()) >= SHORTEST)


def refuse_identifiers(folder: Path, cases: Iterable[str], identifiers: frozenset[str]) -> None:
    """Check that no file name and no text in a JSON file below a folder holds an identifier as a word of its own.

    Names of cases are new, and whatever they look like they identify nobody.

    Raises
    ------
    CIPAError
        If one does. The message does not repeat the identifier.
    """
    expressions = [rf"(?<![0-9A-Za-z]){re.escape(text)}(?![0-9A-Za-z])" for text in sorted(identifiers)]
    if not expressions:
        return
    search = re.compile("|".join(expressions), re.IGNORECASE)
    names = "|".join(re.escape(case) for case in sorted(cases, key=len, reverse=True))
    # The name of a case, and the number of the channel that nnU-Net's names of images have after it.
    own = re.compile(rf"({names})(_\d{{4}})?")
    problems = []
    for path in sorted(folder.rglob("*")):
        if search.search(own.sub("", path.name)):
            problems.append(f"{path.name}: its name holds an identifier of a patient")
        if path.suffix == ".json":
            texts = _texts(json.loads(path.read_bytes()))
            found = [place for place, text in texts if not place.endswith(VENDOR) and search.search(own.sub("", text))]
            problems += [f"{path.name}: {place} would hold an identifier of a patient" for place in found]
    refuse(problems)


def _texts(content: object, place: str = "") -> Iterator[tuple[str, str]]:
    """Yield every text among the values, and where it is; the keys are ours."""
    if isinstance(content, str):
        yield place, content
    elif isinstance(content, dict | list):
        items = content.items() if isinstance(content, dict) else enumerate(content)
        for key, value in items:
            yield from _texts(value, f"{place}/{key}")
