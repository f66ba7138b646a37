"""The layout of PCLT20K: names, lists and folders."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from nnunet_cipa.dataset_conversion.pclt20k.endings import ENDINGS, KINDS, find_endings
from nnunet_cipa.errors import CIPAError, refuse
from nnunet_cipa.files.regular import read_regular

PARTS = ("train", "test")
# File systems take 255 bytes, and a kind and a suffix are added.
LONGEST_NAME = 128
_NAME = re.compile(r"(?P<patient>[A-Za-z0-9][A-Za-z0-9.-]*)_(?:[A-Za-z0-9._-]*[._-])?(?P<number>[0-9]{1,9})")


@dataclass(frozen=True, order=True)
class SliceName:
    """A name from a list, such as ``0006_001`` or ``200908508_42``.

    Attributes
    ----------
    number
        The last integer of the name: the slice's place in the patient.
    name
        The whole name.
    patient
        The name up to its first underscore: the patient and the folder.
    endings
        What the names of its files of each kind have after the name.
    """

    number: int
    name: str
    patient: str
    endings: Mapping[str, str] = field(default_factory=lambda: ENDINGS, repr=False, compare=False)

    def path(self, root: Path, kind: str) -> Path:
        """Path of the slice's ``CT``, ``PET`` or ``mask`` file."""
        return root / self.patient / f"{self.name}{self.endings[kind]}"


@dataclass(frozen=True)
class PatientSlices:
    """The listed slices of one patient in the order of their numbers."""

    patient: str
    part: str
    slices: tuple[SliceName, ...]


@dataclass(frozen=True)
class Source:
    """A PCLT20K folder: where it is, who is in it, which PNG files no list names, and how names of files end."""

    root: Path
    patients: tuple[PatientSlices, ...]
    unlisted: tuple[str, ...]
    endings: Mapping[str, str]


def parse_name(text: str) -> SliceName:
    """Parse one name of a list.

    Raises
    ------
    CIPAError
        If the name has no folder or no slice number, could point outside its folder, or is too long for a file.

    Examples
    --------
    >>> parse_name("0594_135")
    SliceName(number=135, name='0594_135', patient='0594')
    """
    match = _NAME.fullmatch(text)
    if match is None or ".." in text or len(text) > LONGEST_NAME:
        raise CIPAError(f"{text!r} is not a slice name; it should be like 0006_001: patient, underscore, slice number")
    return SliceName(int(match["number"]), text, match["patient"])


def read_source(source: Path) -> Source:
    """Find the lists and read them; no image is opened.

    Parameters
    ----------
    source
        The folder with train.txt and test.txt, or the folder above it.

    Raises
    ------
    CIPAError
        If the lists are missing or found twice, hold no or malformed or duplicate names, or share a patient, or if
        names of files end in different ways.
    """
    root = _find_root(source)
    problems: list[str] = []
    listed = {part: _read_list(root / f"{part}.txt", problems) for part in PARTS}
    refuse([*problems, *_conflicts(root, listed)])
    endings = find_endings(root, {item.name: item.patient for names in listed.values() for item in names})
    listed = {part: [replace(item, endings=endings) for item in names] for part, names in listed.items()}
    patients = tuple(_by_patient(listed))
    return Source(root, patients, tuple(_unlisted(root, patients)), endings)


def _find_root(source: Path) -> Path:
    if not source.is_dir():
        raise CIPAError(f"{source}: not a folder; give the folder that holds train.txt, test.txt and the patients")
    below = sorted(path for path in source.iterdir() if path.is_dir())
    found = [path for path in (source, *below) if all((path / f"{part}.txt").is_file() for part in PARTS)]
    if not found:
        raise CIPAError(f"{source}: no train.txt and test.txt in it or one level down; give the folder that holds them")
    if len(found) > 1:
        names = ", ".join(str(path) for path in found[:3])
        raise CIPAError(
            f"{source}: train.txt and test.txt are in {len(found)} places ({names}); give one of these folders"
        )
    return found[0]


def _read_list(path: Path, problems: list[str]) -> list[SliceName]:
    data = read_regular(path)
    try:
        lines = data.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        problems.append(f"{path}: not UTF-8 text (byte {error.start}); save it as plain text")
        return []
    names = []
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if text:
            try:
                names.append(parse_name(text))
            except CIPAError as error:
                problems.append(f"{path} line {number}: {error}")
    if not any(line.strip() for line in lines):
        problems.append(f"{path}: lists no slice; it should hold one name a line")
    return names


def _conflicts(root: Path, listed: dict[str, list[SliceName]]) -> Iterator[str]:
    train, test = listed["train"], listed["test"]
    for name, count in Counter(item.name for item in train + test).items():
        if count > 1:
            yield f"{root}: {name} is listed {count} times in train.txt and test.txt; list every slice once"
    for patient in sorted({item.patient for item in train} & {item.patient for item in test}):
        yield f"{root}: patient {patient} is in train.txt and in test.txt; keep a patient in one list"
    numbers: dict[tuple[str, int], str] = {}
    for item in {item.name: item for item in train + test}.values():
        other = numbers.setdefault((item.patient, item.number), item.name)
        if other != item.name:
            yield f"{root}: {other} and {item.name} have the same slice number {item.number}; rename or remove one"


def _by_patient(listed: dict[str, list[SliceName]]) -> Iterator[PatientSlices]:
    for part in PARTS:
        groups: dict[str, list[SliceName]] = {}
        for item in listed[part]:
            groups.setdefault(item.patient, []).append(item)
        for patient in sorted(groups):
            yield PatientSlices(patient, part, tuple(sorted(groups[patient])))


def _unlisted(root: Path, patients: tuple[PatientSlices, ...]) -> Iterator[str]:
    listed = {str(item.path(root, kind)) for group in patients for item in group.slices for kind in KINDS}
    for path in sorted(root.glob("*/*")):
        if path.suffix.lower() == ".png" and str(path) not in listed:
            yield path.relative_to(root).as_posix()
