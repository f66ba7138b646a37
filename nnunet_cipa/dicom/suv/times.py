"""The time from the injection to the moment to which a PET series was corrected for decay."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nnunet_cipa.dicom.suv.clock import Moment, parse_datetime, parse_moment, parse_offset
from nnunet_cipa.dicom.suv.facts import PetFacts
from nnunet_cipa.dicom.suv.vendors import made_by, scan_start_tags
from nnunet_cipa.errors import CIPAError

# After so many half lives less than 2 % of the activity is left, and nobody scans any more: 11 h with fluorine-18.
MOST_HALF_LIVES = 6.0
# With a longer half life the scan may be days after the injection, so that the clock alone tells nothing.
LONGEST_WITHOUT_DATES_S = 12 * 3600.0
# No scan lasts longer; an earlier SeriesTime is that of something else.
LONGEST_SCAN_S = 3 * 3600.0
# Clocks are written to the second or finer.
ROUNDING_S = 1.0
# StartTime is often cut to the minute where StartDateTime has seconds.
SAME_INJECTION_S = 60.0
# Slices that are corrected to one moment give it to within this; it changes SUV by 0.6 % with fluorine-18.
SAME_REFERENCE_S = 60.0
HELP = "correct the times, or export with them"


@dataclass(frozen=True)
class Elapsed:
    """Seconds from the injection to the reference, and what they come from, as times of day without dates."""

    seconds: float
    used: dict[str, object]


def elapsed_to_reference(slices: Sequence[PetFacts], half_life: float) -> Elapsed:
    """Compute the time from the injection to the moment that the values hold for, with DecayCorrection START.

    That is SeriesTime if that is not after the earliest AcquisitionTime; else a vendor's private time of the scan
    (see ``vendors``); else AcquisitionTime less FrameReferenceTime plus the offset of the mean count rate in the frame,
    an offset that FrameReferenceTime of some vendors does not contain.

    Dates count if they make the time plausible: not negative, and at most ``MOST_HALF_LIVES``. De-identification often
    shifts some dates and not others, so else the clock alone counts, also over midnight.

    Parameters
    ----------
    slices
        Facts of each slice.
    half_life
        In s.

    Raises
    ------
    CIPAError
        If times are missing or contradict each other, or if neither dates nor clock give a plausible time.
    """
    injection, injection_from = _injection(slices[0])
    reference, reference_from = _reference(slices, half_life)
    most = MOST_HALF_LIVES * half_life
    seconds, by = reference.after(injection), "dates and times"
    if seconds is None or not 0 <= seconds <= most:
        seconds, by = reference.clock_after(injection), "times of day"
        if half_life > LONGEST_WITHOUT_DATES_S:
            raise CIPAError(
                "the dates of injection and scan are missing or contradict each other, and with a half life of "
                f"{half_life:g} s the times of day do not tell the time between them; correct the half life or the "
                "dates"
            )
    shown = f"injection at {injection.clock} ({injection_from}), scan at {reference.clock} ({reference_from})"
    if seconds > most:
        raise CIPAError(
            f"{shown}: the scan is before the injection, or more than {most / 3600:.1f} h ({MOST_HALF_LIVES:g} half "
            f"lives) after it; correct the times or the half life of {half_life:g} s"
        )
    if seconds < ROUNDING_S:
        raise CIPAError(f"{shown}: both at the same time, as if the times had been overwritten; {HELP}")
    used: dict[str, object] = {
        "injection_time": injection.clock,
        "injection_from": injection_from,
        "reference_time": reference.clock,
        "reference_from": reference_from,
        "elapsed_s": seconds,
        "elapsed_from": by,
    }
    return Elapsed(seconds, used)


def _injection(facts: PetFacts) -> tuple[Moment, str]:
    alone = parse_moment(None, facts.injection_time)
    found = parse_datetime(facts.injection_datetime)
    if found is None:
        if alone is None:
            raise CIPAError(f"RadiopharmaceuticalStartTime and -StartDateTime are missing or invalid; {HELP}")
        return alone, "RadiopharmaceuticalStartTime"
    whole, offset = found
    local = parse_offset(facts.timezone)
    if offset is not None and local is not None:
        whole = whole.shifted(local - offset)
    if alone is None:
        if offset is not None and local is None:
            raise CIPAError(
                "RadiopharmaceuticalStartDateTime has an offset from UTC, but TimezoneOffsetFromUTC, which tells that "
                f"of the scan, is missing; {HELP}"
            )
    elif min(whole.clock_after(alone), alone.clock_after(whole)) > SAME_INJECTION_S:
        raise CIPAError(
            f"the injection was at {alone.clock} by RadiopharmaceuticalStartTime and at {whole.clock} by "
            f"RadiopharmaceuticalStartDateTime; {HELP}"
        )
    return whole, "RadiopharmaceuticalStartDateTime"


def _reference(slices: Sequence[PetFacts], half_life: float) -> tuple[Moment, str]:
    acquired = []
    for facts in slices:
        moment = parse_moment(facts.acquisition_date, facts.acquisition_time)
        if moment is None:
            raise CIPAError(f"AcquisitionTime is missing or invalid ({facts.acquisition_time}); {HELP}")
        acquired.append(moment)
    first = slices[0]
    series = parse_moment(first.series_date, first.series_time)
    if series is not None:
        earliest = min(moment.nearest_after(series) for moment in acquired)
        if earliest > LONGEST_SCAN_S:
            raise CIPAError(
                f"SeriesTime is {earliest / 3600:.1f} h before the first AcquisitionTime, longer than any scan; {HELP}"
            )
        if earliest >= -ROUNDING_S:
            return series, "SeriesTime"
    for tag in scan_start_tags():
        private = parse_datetime(first.private.get(tag))
        if private is not None:
            return private[0], str(tag)
    starts = [frame_start(moment, facts, half_life) for moment, facts in zip(acquired, slices, strict=True)]
    apart = [start.nearest_after(starts[0]) for start in starts]
    if max(apart) - min(apart) > SAME_REFERENCE_S:
        raise CIPAError(
            "SeriesTime is after the first AcquisitionTime, and AcquisitionTime less FrameReferenceTime differs by "
            f"{max(apart) - min(apart):.0f} s between slices; {HELP}"
        )
    return starts[0], "AcquisitionTime less FrameReferenceTime"


def frame_start(acquired: Moment, facts: PetFacts, half_life: float) -> Moment:
    """Return the moment from which FrameReferenceTime of a slice counts: its values hold for that moment."""
    reference = _seconds("FrameReferenceTime", facts.frame_reference_ms)
    vendor = made_by(facts.manufacturer)
    if vendor is not None and vendor.reference_is_frame_start:
        return acquired.shifted(-reference)
    mean = mean_count_offset(_seconds("ActualFrameDuration", facts.frame_duration_ms), half_life)
    if reference < mean - ROUNDING_S:
        raise CIPAError(
            f"FrameReferenceTime is {reference:.0f} s, before the mean of its own frame ({mean:.0f} s); {HELP}"
        )
    return acquired.shifted(mean - reference)


def mean_count_offset(duration: float, half_life: float) -> float:
    """Seconds from the start of a frame to when the activity is what it is on average over the frame.

    With the decay constant k and the duration D it is ln(k D / (1 - exp(-k D))) / k.
    """
    decays = math.log(2.0) / half_life * duration
    if decays == 0:
        return 0.0
    return math.log(decays / -math.expm1(-decays)) * duration / decays


def _seconds(keyword: str, milliseconds: float | None) -> float:
    if milliseconds is None or not 0 <= milliseconds <= LONGEST_SCAN_S * 1000:
        shown = "missing" if milliseconds is None else f"{milliseconds:g} ms"
        raise CIPAError(f"SeriesTime is missing or after the first AcquisitionTime, and {keyword} is {shown}; {HELP}")
    return milliseconds / 1000
