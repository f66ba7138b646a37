"""Labels, dates, UIDs and approval of RTSTRUCT and SEG files."""

import re
from dataclasses import dataclass

from pydicom.dataset import Dataset

from nnunet_cipa.dicom.attributes import text, words
from nnunet_cipa.dicom.derived import MANUFACTURER
from nnunet_cipa.dicom.files import RTSTRUCT

APPROVED, REJECTED = "APPROVED", "REJECTED"
_STATES = {APPROVED, REJECTED, "UNAPPROVED"}
# In order of preference; archives write the last ones where nobody entered the first.
_DATES = ("StructureSet", "Content", "Series", "InstanceCreation")

# Where export-dicom writes its name; an anonymiser may leave some of them.
_MAKERS = (
    "Manufacturer", "ManufacturerModelName", "SeriesDescription", "StructureSetLabel", "StructureSetName",
    "ContentLabel",
)  # fmt: skip


@dataclass(frozen=True)
class Description:
    """What tells one structure set or segmentation from another.

    Attributes
    ----------
    kind
        ``RTSTRUCT`` or ``SEG``.
    sop_instance_uid, series_uid, study_uid
        Its own.
    names
        StructureSetLabel and StructureSetName, or ContentLabel, and SeriesDescription, as far as they are there.
    time
        When it was made, YYYYMMDDHHMMSS; of the time of day as much as is there, empty for an unknown day.
    approval
        ApprovalStatus, in capitals; empty if missing, as in SEG, or none of the standard's.
    predicted
        Whether it was made of a prediction by this package.
    """

    kind: str
    sop_instance_uid: str
    series_uid: str
    study_uid: str
    names: tuple[str, ...]
    time: str
    approval: str
    predicted: bool

    @property
    def label(self) -> str:
        """The first of its names, or an empty text."""
        return self.names[0] if self.names else ""

    @property
    def date(self) -> str:
        """YYYYMMDD, or an empty text."""
        return self.time[:8]

    def __str__(self) -> str:
        """Return it in words, for a list to choose from."""
        state = f", {self.approval}" if self.approval else ""
        made = ", predicted by nnunet_cipa" if self.predicted else ""
        label = f"labelled {self.label!r}" if self.label else "without a label"
        return f"{self.kind} {self.sop_instance_uid} {label} of {self.date or 'an unknown date'}{state}{made}"


def describe(file: Dataset, kind: str) -> Description:
    """Take what an RTSTRUCT or SEG says of itself."""
    labels = ("StructureSetLabel", "StructureSetName") if kind == RTSTRUCT else ("ContentLabel",)
    names = (text(file, keyword) for keyword in (*labels, "SeriesDescription"))
    state = "".join(words(file, "ApprovalStatus"))
    return Description(
        kind=kind,
        sop_instance_uid=text(file, "SOPInstanceUID"),
        series_uid=text(file, "SeriesInstanceUID"),
        study_uid=text(file, "StudyInstanceUID"),
        names=tuple(dict.fromkeys(name for name in names if name)),
        time=next(filter(None, (_time(file, start) for start in _DATES)), ""),
        approval=state if state in _STATES else "",
        predicted=_is_predicted(file),
    )


def _time(file: Dataset, start: str) -> str:
    day = text(file, f"{start}Date").replace(".", "")
    if re.fullmatch(r"\d{8}", day) is None:
        return ""
    moment = text(file, f"{start}Time").replace(":", "").partition(".")[0]
    return day + (moment if re.fullmatch(r"(\d\d){1,3}", moment) else "")


def _is_predicted(file: Dataset) -> bool:
    ours = re.compile(rf"{re.escape(MANUFACTURER)}(?! phantom)\b.*", re.IGNORECASE)
    return any(ours.fullmatch(text(file, keyword)) for keyword in _MAKERS)
