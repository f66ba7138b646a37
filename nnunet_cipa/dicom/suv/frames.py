"""When the frames of a PET were acquired, and from when their values count."""

import math
from collections.abc import Sequence

from nnunet_cipa.dicom.suv.clock import Moment, parse_datetime, parse_moment, parse_offset
from nnunet_cipa.dicom.suv.facts import PetFacts
from nnunet_cipa.dicom.suv.vendors import made_by
from nnunet_cipa.errors import CIPAError

# No scan lasts longer; an earlier SeriesTime is that of something else.
LONGEST_SCAN_S = 3 * 3600.0
# Clocks are written to the second or finer.
ROUNDING_S = 1.0
HELP = "correct the times, export with them, or give them with --suv-override"


def acquisitions(slices: Sequence[PetFacts]) -> list[Moment]:
    """Return when the acquisition of each slice began: AcquisitionTime, or else AcquisitionDateTime.

    Raises
    ------
    CIPAError
        If neither is there; midnight exactly in all slices counts as missing.
    """
    found = [_acquired(facts) for facts in slices]
    times = [moment for moment in found if moment is not None]
    if len(times) < len(found) or all(moment.is_midnight for moment in times):
        facts = slices[0 if len(times) == len(found) else found.index(None)]
        raise CIPAError(f"AcquisitionTime is missing or invalid ({facts.acquisition_time}); {HELP}")
    return times


def written(moment: Moment | None) -> Moment | None:
    """Return a moment, or None if it is midnight exactly, which de-identification and empty forms leave."""
    return None if moment is None or moment.is_midnight else moment


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


def _acquired(facts: PetFacts) -> Moment | None:
    moment = parse_moment(facts.acquisition_date, facts.acquisition_time)
    whole = parse_datetime(facts.acquisition_datetime)
    if moment is not None or whole is None:
        return moment
    local = parse_offset(facts.timezone)
    if whole[1] is None:
        return whole[0]
    return None if local is None else whole[0].shifted(local - whole[1])


def _seconds(keyword: str, milliseconds: float | None) -> float:
    if milliseconds is None or not 0 <= milliseconds <= LONGEST_SCAN_S * 1000:
        shown = "missing" if milliseconds is None else f"{milliseconds:g} ms"
        raise CIPAError(f"SeriesTime is missing or after the first AcquisitionTime, and {keyword} is {shown}; {HELP}")
    return milliseconds / 1000
