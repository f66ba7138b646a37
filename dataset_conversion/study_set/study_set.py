"""A radiotherapy PET/CT study set: who is in it, and what every patient gives, whatever the files look like."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import SimpleITK as sitk

from nnunet_cipa.dataset_conversion.pipeline.conversion import Failure

IMAGES = ("CT", "PET")
UNITS = {"CT": "HU", "PET": "SUVbw"}
# Orientation of every case.
WRITTEN = "LPS"
Facts = dict[str, object]


@dataclass(frozen=True)
class Reading:
    """A volume of a patient as it was read.

    Attributes
    ----------
    image
        The volume.
    facts
        How its values came about, for the provenance.
    notes
        What the user should know of how it was read, a sentence each, such as of contours that were left out. The user
        sees them as warnings after the patient and the place; they go to the provenance as they are, so that they may
        not hold paths, UIDs or free text of the files.
    """

    image: sitk.Image
    facts: Facts = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class Patient(Protocol):
    """One study of a patient; a volume is ``CT`` (HU), ``PET`` (SUV by body weight), the ROI or an organ (0 and 1)."""

    @property
    def name(self) -> str:
        """Name of the case."""

    @property
    def subject(self) -> str:
        """Whose study it is, by a name that tells nobody who that is; all studies of one are in one fold."""

    @property
    def part(self) -> str:
        """Either ``train`` or ``test``."""

    def where(self, volume: str) -> str:
        """Say where a volume is, for messages to the user."""

    def read(self, volume: str) -> Reading:
        """Read a volume, and tell how its values came about.

        Raises
        ------
        CIPAError
            If it cannot be read, or is not what it should be.
        """

    def sha256(self, volume: str) -> str:
        """Hash the files of a volume."""


@dataclass(frozen=True)
class Key:
    """Which patient a case is, for the key table: columns and values."""

    case: str
    values: dict[str, str]


@dataclass(frozen=True)
class StudySet:
    """What was found.

    Attributes
    ----------
    kind
        "NIfTI" or "DICOM".
    patients
        Those whose files are all there.
    failures
        The others.
    synthetic
        Whether the set says that it is synthetic (None: it does not say).
    keys
        Which patient a case is, where cases have names of their own.
    identifiers
        Texts that must not be in what is written.
    passed_over
        Number of files of kinds that no case is made of, by the name of the kind.
    terms
        ``license`` of a public data set, for dataset.json.
    groups
        By case what the files say of centre, tracer and the like, as columns and values for ``--group``; what is in
        ``keys`` counts too.
    """

    kind: str
    patients: tuple[Patient, ...]
    failures: tuple[Failure, ...] = ()
    synthetic: bool | None = None
    keys: tuple[Key, ...] = ()
    identifiers: frozenset[str] = field(default=frozenset())
    passed_over: Mapping[str, int] = field(default_factory=dict)
    terms: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def known_as(self) -> dict[str, str]:
        """How the user knows the patient of a case, for cases that have names of their own."""
        return {key.case: key.values["patient_id"] for key in self.keys}
