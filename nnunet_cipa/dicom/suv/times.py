"""The time from the injection to the moment that the values of a PET hold for."""

from collections.abc import Sequence
from dataclasses import dataclass

from nnunet_cipa.dicom.suv.clock import Moment, parse_datetime, parse_moment, parse_offset
from nnunet_cipa.dicom.suv.facts import PetFacts
from nnunet_cipa.dicom.suv.frames import (
    HELP,
    LONGEST_SCAN_S,
    ROUNDING_S,
    acquisitions,
    mean_count_offset,
    written,
)
from nnunet_cipa.dicom.suv.reference import SAME_REFERENCE_S, decay_reference
from nnunet_cipa.dicom.suv.rules import MOST_HALF_LIVES, SuvRules
from nnunet_cipa.errors import CIPAError

# With a longer half life the scan may be days after the injection, so that the clock alone tells nothing.
LONGEST_WITHOUT_DATES_S = 12 * 3600.0
# StartTime is often cut to the minute where StartDateTime has seconds.
SAME_INJECTION_S = 60.0


@dataclass(frozen=True)
class Elapsed:
    """Seconds from the injection, for each slice, and what they come from, as times of day without dates."""

    seconds: tuple[float, ...]
    used: dict[str, object]


def elapsed_to_reference(slices: Sequence[PetFacts], half_life: float, rules: SuvRules) -> Elapsed:
    """Compute the time from the injection to the moment that all slices hold for, with DecayCorrection START.

    Dates count if they make the time plausible: not negative, and at most ``most_half_lives``. De-identification often
    shifts some dates and not others, so else the clock alone counts, also over midnight.

    Parameters
    ----------
    slices
        Facts of each slice.
    half_life
        In s.
    rules
        The longest time that is believed.

    Raises
    ------
    CIPAError
        If times are missing or contradict each other, or if neither dates nor clock give a plausible time.
    """
    seconds, used = _since_injection(slices[0], decay_reference(slices, half_life), half_life, rules)
    return Elapsed((seconds,) * len(slices), {**used, "elapsed_s": seconds})


def elapsed_to_frames(slices: Sequence[PetFacts], half_life: float, rules: SuvRules) -> Elapsed:
    """Compute the time from the injection to the mean of the frame of each slice, with DecayCorrection NONE.

    The parameters and errors are those of ``elapsed_to_reference``.
    """
    acquired = acquisitions(slices)
    since = [moment.nearest_after(acquired[0]) for moment in acquired]
    later = [one - min(since) for one in since]
    if max(later) > LONGEST_SCAN_S:
        raise CIPAError(f"AcquisitionTime spans {max(later) / 3600:.1f} h, longer than any scan; {HELP}")
    means = [_mean_of_frame(facts, half_life) for facts in slices]
    _check_frames(slices, acquired, means)
    given = slices[0].scan_start
    first = acquired[later.index(0.0)], "the first AcquisitionTime"
    start = first if given is None else (given, "--suv-override")
    seconds, used = _since_injection(slices[0], start, half_life, rules)
    elapsed = tuple(seconds + one + mean for one, mean in zip(later, means, strict=True))
    return Elapsed(elapsed, {**used, "elapsed_s": [min(elapsed), max(elapsed)]})


def _since_injection(
    facts: PetFacts, reference_from: tuple[Moment, str], half_life: float, rules: SuvRules
) -> tuple[float, dict[str, object]]:
    injection, injection_from = _injection(facts)
    reference, source = reference_from
    believed = rules.most_half_lives
    if facts.scan_start is not None and facts.injection_given is not None:
        believed = MOST_HALF_LIVES  # both were given by hand
    most = believed * half_life
    seconds, by = reference.after(injection), "dates and times"
    if seconds is None or not 0 <= seconds <= most:
        seconds, by = reference.clock_after(injection), "times of day"
        if half_life > LONGEST_WITHOUT_DATES_S:
            raise CIPAError(
                "the dates of injection and scan are missing or contradict each other, or are more than "
                f"{believed:g} half lives apart, and with a half life of {half_life:g} s the times of day do not tell "
                "the time between them; correct the half life or the dates, give them with --suv-override, or believe "
                "more with --most-half-lives"
            )
    shown = f"injection at {injection.clock} ({injection_from}), scan at {reference.clock} ({source})"
    if seconds > most:
        raise CIPAError(
            f"{shown}: the scan is before the injection, or more than {most / 3600:.1f} h ({believed:g} half lives) "
            f"after it; correct the times or the half life of {half_life:g} s, give them with --suv-override, or "
            "believe more with --most-half-lives"
        )
    if seconds < ROUNDING_S:
        raise CIPAError(f"{shown}: both at the same time, as if the times had been overwritten; {HELP}")
    return seconds, {
        "injection_time": injection.clock,
        "injection_from": injection_from,
        "reference_time": reference.clock,
        "reference_from": source,
        "elapsed_from": by,
    }


def _injection(facts: PetFacts) -> tuple[Moment, str]:
    if facts.injection_given is not None:
        return facts.injection_given, "--suv-override"
    alone = written(parse_moment(None, facts.injection_time))
    found = parse_datetime(facts.injection_datetime)
    if found is None or found[0].is_midnight:
        if alone is None:
            raise CIPAError(
                "RadiopharmaceuticalStartTime and -StartDateTime are missing or invalid, or 00:00:00 as after "
                f"de-identification ({facts.injection_time}, {_clock_of(facts.injection_datetime)}); {HELP}"
            )
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
    elif whole.clock_apart(alone) > SAME_INJECTION_S:
        raise CIPAError(
            f"the injection was at {alone.clock} by RadiopharmaceuticalStartTime and at {whole.clock} by "
            f"RadiopharmaceuticalStartDateTime; {HELP}"
        )
    return whole, "RadiopharmaceuticalStartDateTime"


def _mean_of_frame(facts: PetFacts, half_life: float) -> float:
    duration = facts.frame_duration_ms
    if duration is None or not 0 < duration <= LONGEST_SCAN_S * 1000:
        shown = "missing" if duration is None else f"{duration:g} ms"
        raise CIPAError(
            f"DecayCorrection is NONE, and ActualFrameDuration, which tells the mean of the frame, is {shown}; export "
            "with it, or the reconstruction that is corrected for decay"
        )
    return mean_count_offset(duration / 1000, half_life)


def _check_frames(slices: Sequence[PetFacts], acquired: Sequence[Moment], means: Sequence[float]) -> None:
    """Check that SeriesTime and FrameReferenceTime, where they tell when a frame was, agree with AcquisitionTime."""
    series = written(parse_moment(slices[0].series_date, slices[0].series_time))
    references = [facts.frame_reference_ms for facts in slices if facts.frame_reference_ms is not None]
    if series is None or len(references) < len(slices) or not any(references):
        return
    for moment, reference, mean in zip(acquired, references, means, strict=True):
        frame = series.shifted(reference / 1000)
        if min(frame.clock_apart(moment), frame.clock_apart(moment.shifted(mean))) > SAME_REFERENCE_S:
            raise CIPAError(
                f"a frame begins at {moment.clock} by AcquisitionTime and is at {frame.clock} by SeriesTime and "
                f"FrameReferenceTime; these have to agree within {SAME_REFERENCE_S:g} s: correct the times, or export "
                "the reconstruction that is corrected for decay"
            )


def _clock_of(datetime: str | None) -> str | None:
    """Return the time of day of a DT, as dates are not to be told; None if it is not one."""
    found = parse_datetime(datetime)
    return None if found is None else found[0].clock
