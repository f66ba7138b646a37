"""Dates and times as DICOM writes them (VR DA, TM and DT), any of which may be absent or wrong."""

import re
from dataclasses import dataclass
from datetime import date

DAY_S = 86400.0
_TIME = re.compile(r"(\d\d)(?:(\d\d)(?:(\d\d)(\.\d{1,6})?)?)?")
_DATETIME = re.compile(r"(\d{8})(\d{4}(?:\d\d(?:\.\d{1,6})?)?)([+-]\d{4})?")
_OFFSET = re.compile(r"([+-])(\d\d)(\d\d)")


@dataclass(frozen=True)
class Moment:
    """A time of day in seconds, and its date if that is known."""

    day: date | None
    seconds: float

    def after(self, other: "Moment") -> float | None:
        """Seconds since the other moment; None if a date is unknown."""
        if self.day is None or other.day is None:
            return None
        return (self.day - other.day).days * DAY_S + self.seconds - other.seconds

    def clock_after(self, other: "Moment") -> float:
        """Seconds since the clock last showed the other moment's time, 0 up to a day."""
        return (self.seconds - other.seconds) % DAY_S

    def nearest_after(self, other: "Moment") -> float:
        """Seconds since the other moment, by the clock if a date is unknown: then minus to plus half a day."""
        dated = self.after(other)
        return (self.seconds - other.seconds + DAY_S / 2) % DAY_S - DAY_S / 2 if dated is None else dated

    def clock_apart(self, other: "Moment") -> float:
        """Seconds between the two on the clock, whichever is first: 0 to half a day."""
        return abs((self.seconds - other.seconds + DAY_S / 2) % DAY_S - DAY_S / 2)

    @property
    def is_midnight(self) -> bool:
        """Return whether it is 00:00:00 exactly, which de-identification writes in place of times."""
        return self.seconds == 0

    def shifted(self, seconds: float) -> "Moment":
        """Return the moment so many seconds later, on the clock of the same date (it may show 24 h or more)."""
        return Moment(self.day, self.seconds + seconds)

    @property
    def clock(self) -> str:
        """Time of day as HH:MM:SS."""
        whole = round(self.seconds) % int(DAY_S)
        return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def parse_moment(day: str | None, time: str | None) -> Moment | None:
    """Read a DA and a TM; without a valid time there is no moment, without a valid date it has none."""
    seconds = _parse_time(time)
    return None if seconds is None else Moment(_parse_date(day), seconds)


def parse_datetime(text: str | None) -> tuple[Moment, float | None] | None:
    """Read a DT that has hours and minutes, and its offset from UTC in seconds if it has one."""
    found = _DATETIME.fullmatch((text or "").strip())
    seconds = None if found is None else _parse_time(found[2])
    if found is None or seconds is None:
        return None
    return Moment(_parse_date(found[1]), seconds), parse_offset(found[3])


def parse_offset(text: str | None) -> float | None:
    """Read an offset from UTC such as +0130 and return it in seconds."""
    found = _OFFSET.fullmatch((text or "").strip())
    if found is None:
        return None
    return (1 if found[1] == "+" else -1) * (int(found[2]) * 3600.0 + int(found[3]) * 60.0)


def _parse_time(text: str | None) -> float | None:
    found = _TIME.fullmatch((text or "").strip().replace(":", ""))
    if found is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in found.groups()[:3])
    if hours > 23 or minutes > 59 or seconds > 60:
        return None
    return hours * 3600.0 + minutes * 60.0 + seconds + float(found[4] or 0)


def _parse_date(text: str | None) -> date | None:
    digits = (text or "").strip().replace(".", "")
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:])) if re.fullmatch(r"\d{8}", digits) else None
    except ValueError:
        return None
