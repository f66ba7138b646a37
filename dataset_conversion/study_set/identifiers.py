"""Identifiers of patients, and a check that none of them is in what was written."""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from nnunet_cipa.dataset_conversion.study_set.coded import is_coded, is_sentence
from nnunet_cipa.dicom.attributes import DAMAGE, tolerant
from nnunet_cipa.dicom.part10 import read_elements
from nnunet_cipa.errors import CIPAError, refuse

TEXTS = (
    "PatientID", "OtherPatientIDs", "PatientBirthDate", "PatientAddress", "PatientTelephoneNumbers", "AccessionNumber",
    "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID", "InstitutionName",
)  # fmt: skip
NAMES = ("PatientName", "OtherPatientNames", "ReferringPhysicianName", "OperatorsName")
# Shorter ones are in any text by chance.
SHORTEST = 4
# Names of people or of what is scanned in their place, too: vendors of scanners, and words of the provenance.
NOT_TELLING = {
    "canon", "electric", "general", "hitachi", "imaging", "medical", "philips", "siemens", "systems", "toshiba",
    "united", "heart", "linear", "phantom", "start", "test", "train", "window",
}  # fmt: skip
_APART = re.compile(r"[\^=\s,;]+")
_UID = re.compile(r"(?<![0-9.])(?:[0-2](?:\.\d+){5,}|2\.25\.\d{9,})(?!\.?\d)")


def identifiers_of(path: Path) -> frozenset[str]:
    """Return the names, dates and numbers in a DICOM file that tell who a patient is.

    Raises
    ------
    CIPAError
        If the file cannot be read any more.
    """
    try:
        with tolerant():
            header = read_elements(path, (*TEXTS, *NAMES))
    except DAMAGE as error:
        raise _unreadable(path, error) from error
    return identifiers_in(path, header)


def identifiers_in(path: Path, header: Dataset) -> frozenset[str]:
    """Return the same of a file that has been read.

    Raises
    ------
    CIPAError
        If one of them is damaged.
    """
    try:
        with tolerant():
            found = {text for keyword in TEXTS for text in _values(header, keyword)}
            found |= {part for keyword in NAMES for text in _values(header, keyword) for part in _APART.split(text)}
    except DAMAGE as error:
        raise _unreadable(path, error) from error
    return frozenset(text.strip() for text in found if len(text.strip()) >= SHORTEST)


def refuse_identifiers(folder: Path, cases: Iterable[str], identifiers: frozenset[str]) -> None:
    """Check that no file name and no text in a JSON file below a folder holds an identifier as a word, or a UID.

    Names of cases are new, and whatever they look like they identify nobody; nor do terms of DICOM and the program's
    own words (see ``coded``).

    Raises
    ------
    CIPAError
        If one does. The message does not repeat the identifier.
    """
    search, as_written = _search(identifiers), _search(identifiers, as_written=True)
    names = "|".join(re.escape(case) for case in sorted(cases, key=len, reverse=True))
    # The name of a case, and the number of the channel that nnU-Net's names of images have after it.
    own = re.compile(rf"(?<![0-9A-Za-z])(?:{names})(?:_\d{{4}})?(?![0-9A-Za-z])")

    def tells(text: str, place: str = "") -> bool:
        rest = own.sub("", text)
        found = as_written.search(rest) if is_sentence(place) else search.search(rest.casefold())
        return (found is not None and not is_coded(place, text)) or _UID.search(text) is not None

    problems = []
    for path in sorted(folder.rglob("*")):
        if tells(path.name):
            problems.append(f"{path.name}: the name of this file would hold an identifier of a patient")
        if path.suffix == ".json":
            found = [place for place, text in _texts(json.loads(path.read_bytes())) if tells(text, place)]
            problems += [f"{path.name}: {place} would hold an identifier of a patient" for place in found]
    refuse(f"{problem}; remove it from the DICOM files, or from the options, and convert again" for problem in problems)


def tells_who(text: str, identifiers: frozenset[str]) -> bool:
    """Return whether a text holds an identifier as a word, or a UID."""
    return _search(identifiers).search(text.casefold()) is not None or _UID.search(text) is not None


def _search(identifiers: frozenset[str], *, as_written: bool = False) -> re.Pattern[str]:
    """Return what finds one of them as a word: in a text without capitals, or as it is written."""
    texts = sorted(text for text in identifiers if text.casefold() not in NOT_TELLING)
    anywhere = "|".join(re.escape(text if as_written else text.casefold()) for text in texts) or r"\Z\A."
    return re.compile(rf"(?<![0-9A-Za-z])(?:{anywhere})(?![0-9A-Za-z])")


def _unreadable(path: Path, error: BaseException) -> CIPAError:
    return CIPAError(f"{path}: cannot be read ({error}); export it again")


def _values(header: Dataset, keyword: str) -> Iterator[str]:
    value = header.get(keyword)
    for one in value if isinstance(value, MultiValue) else [value]:
        if one is not None:
            yield str(one)


def _texts(content: object, place: str = "") -> Iterator[tuple[str, str]]:
    """Yield every text among the values, and where it is; the keys are ours."""
    if isinstance(content, str):
        yield place, content
    elif isinstance(content, dict | list):
        items = content.items() if isinstance(content, dict) else enumerate(content)
        for key, value in items:
            yield from _texts(value, f"{place}/{key}")
