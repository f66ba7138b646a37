"""Names of a patient's folder, and the pseudonym for pages that others may see."""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

_LONGEST = 64


@dataclass(frozen=True)
class Who:
    """Whose study it is, and which: a UID, or the hash of a file without one; ``day`` is YYYY-MM-DD or empty."""

    patient_id: str
    study: str
    day: str = ""

    @property
    def pseudonym(self) -> str:
        """A name that tells nobody who it is, as UIDs and hashes cannot be guessed from a PatientID."""
        return f"patient_{_short(f'{self.study} {self.patient_id}')}"


def folder_names(studies: Sequence[Who]) -> list[str]:
    """Return a name for each study: the PatientID, with the day where a patient has several.

    What no file system takes is replaced, and then, or where two names would be one (some file systems make no
    difference of small letters), the name ends with a part of a hash.
    """
    studies_of = Counter(one.patient_id for one in studies)
    names = [_name(one, several=studies_of[one.patient_id] > 1) for one in studies]
    count = Counter(name.casefold() for name in names)
    return [
        f"{name}_{_short(f'{one.patient_id} {one.study}')}" if count[name.casefold()] > 1 else name
        for name, one in zip(names, studies, strict=True)
    ]


def _name(one: Who, *, several: bool) -> str:
    wanted = f"{one.patient_id}_{one.day}" if several and one.day else one.patient_id
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", wanted)[:_LONGEST].lstrip(".")
    return safe if safe == wanted != "" else f"{safe or 'patient'}_{_short(one.patient_id)}"


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
