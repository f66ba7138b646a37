"""The moment that the values of a PET series hold for, with DecayCorrection START, and the attributes that tell it."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nnunet_cipa.dicom.suv.clock import DAY_S, Moment, parse_datetime, parse_moment
from nnunet_cipa.dicom.suv.facts import PetFacts
from nnunet_cipa.dicom.suv.frames import (
    HELP,
    LONGEST_SCAN_S,
    ROUNDING_S,
    acquisitions,
    frame_start,
    mean_count_offset,
    written,
)
from nnunet_cipa.dicom.suv.vendors import scan_start_tags
from nnunet_cipa.errors import CIPAError

# What tells the same moment tells it to within this, which changes SUV by 0.6 % with fluorine-18.
SAME_REFERENCE_S = 60.0
# No frame of a scan of the body is longer than twice this.
LONGEST_MEAN_S = 600.0


@dataclass(frozen=True)
class Evidence:
    """What some attributes say of the moment: one of several, as vendors read them in several ways; the usual last."""

    source: str
    moments: tuple[Moment, ...]

    def agrees(self, other: Moment) -> bool:
        """Return whether one of them is another moment, by the clock."""
        return min(map(other.clock_apart, self.moments)) <= SAME_REFERENCE_S


def decay_reference(slices: Sequence[PetFacts], half_life: float) -> tuple[Moment, str]:
    """Return the moment, and the attributes that it was taken from.

    It is SeriesTime if that is not after the earliest AcquisitionTime; else a vendor's private time of the scan (see
    ``vendors``); else AcquisitionTime less FrameReferenceTime plus the offset of the mean count rate in the frame, an
    offset that FrameReferenceTime of some vendors does not contain. Whichever is taken, all that are there, and
    DecayFactor, have to agree with it; with nothing else there, the earliest AcquisitionTime has to.

    Raises
    ------
    CIPAError
        If times are missing or contradict each other.
    """
    given = slices[0].scan_start
    if given is not None:
        return given, "--suv-override"
    acquired = acquisitions(slices)
    evidence = [*_private(slices[0]), *_by_frames(slices, acquired, half_life)]
    series = _series_start(slices[0], acquired)
    if series is not None:
        first = Evidence("the first AcquisitionTime", (min(acquired, key=lambda one: one.nearest_after(acquired[0])),))
        chosen, source = series, "SeriesTime"
        evidence = evidence or [first]
    elif evidence and evidence[0].source in map(str, scan_start_tags()):
        chosen, source = evidence[0].moments[0], evidence[0].source
    else:
        chosen, source = _start_of_frames(slices, acquired, half_life), "AcquisitionTime less FrameReferenceTime"
    _check_agreement(chosen, source, evidence)
    return chosen, source


def _series_start(first: PetFacts, acquired: Sequence[Moment]) -> Moment | None:
    """Return SeriesTime if it can be the start of the scan."""
    series = written(parse_moment(first.series_date, first.series_time))
    if series is None:
        return None
    earliest = min(moment.nearest_after(series) for moment in acquired)
    if abs(earliest) > DAY_S:
        # Of another day, or of dates of which de-identification moved one
        return series if min(map(series.clock_apart, acquired)) <= SAME_REFERENCE_S else None
    if earliest > LONGEST_SCAN_S:
        raise CIPAError(
            f"SeriesTime is {earliest / 3600:.1f} h before the first AcquisitionTime, longer than any scan; {HELP}"
        )
    return series if earliest >= -ROUNDING_S else None


def _private(first: PetFacts) -> Iterator[Evidence]:
    for tag in scan_start_tags():
        found = parse_datetime(first.private.get(tag))
        if found is not None and not found[0].is_midnight:
            yield Evidence(str(tag), (found[0],))


def _by_frames(slices: Sequence[PetFacts], acquired: Sequence[Moment], half_life: float) -> Iterator[Evidence]:
    """Give what FrameReferenceTime and DecayFactor tell, where slices have them and they are not mere placeholders."""
    durations = [facts.frame_duration_ms or 0.0 for facts in slices]
    means = [mean_count_offset(ms / 1000, half_life) if 0 < ms <= LONGEST_SCAN_S * 1000 else None for ms in durations]
    references = [facts.frame_reference_ms for facts in slices]
    factors = [facts.decay_factor for facts in slices]
    before = [ms / 1000 for ms in references if ms is not None and 0 <= ms <= LONGEST_SCAN_S * 1000]
    if len(before) == len(slices) and any(before):
        yield _agreed("AcquisitionTime less FrameReferenceTime", acquired, before, means)
    decays = [math.log2(one) * half_life for one in factors if one is not None and 1 <= one < math.inf]
    if len(decays) == len(slices) and any(decays):
        yield _agreed("AcquisitionTime and DecayFactor", acquired, decays, means)


def _agreed(
    source: str, acquired: Sequence[Moment], before: Sequence[float], measured: Sequence[float | None]
) -> Evidence:
    """Return the moment that lies so many seconds before the start, or before the mean, of every frame."""
    # Where the frames have no duration, the first offset is taken to be that of the mean of the first frame
    first = min(before)
    supposed = first if first <= LONGEST_MEAN_S else 0.0
    means = [supposed if mean is None else mean for mean in measured]
    since = [moment.nearest_after(acquired[0]) for moment in acquired]
    if max(since) - min(since) <= ROUNDING_S:
        # One AcquisitionTime for all frames may also be the start of the scan
        index = before.index(first)
        seconds = (0.0, -before[index], means[index] - before[index])
        return Evidence(source, tuple(acquired[index].shifted(one) for one in seconds))
    starts = [at - earlier for at, earlier in zip(since, before, strict=True)]
    by_mean = [start + mean for start, mean in zip(starts, means, strict=True)]
    apart = min(max(found) - min(found) for found in (starts, by_mean))
    if apart > SAME_REFERENCE_S:
        raise CIPAError(f"{source} give moments {apart:.0f} s apart in different slices; {HELP}")
    index = since.index(min(since))
    return Evidence(source, (acquired[0].shifted(starts[index]), acquired[0].shifted(by_mean[index])))


def _start_of_frames(slices: Sequence[PetFacts], acquired: Sequence[Moment], half_life: float) -> Moment:
    starts = [frame_start(moment, facts, half_life) for moment, facts in zip(acquired, slices, strict=True)]
    apart = [start.nearest_after(starts[0]) for start in starts]
    if max(apart) - min(apart) > SAME_REFERENCE_S:
        raise CIPAError(
            "SeriesTime is missing or after the first AcquisitionTime, and AcquisitionTime less FrameReferenceTime "
            f"differs by {max(apart) - min(apart):.0f} s between slices; {HELP}"
        )
    return starts[0]


def _check_agreement(chosen: Moment, source: str, evidence: Sequence[Evidence]) -> None:
    others = [f"{one.moments[-1].clock} by {one.source}" for one in evidence if not one.agrees(chosen)]
    if others:
        raise CIPAError(
            f"the values hold for {chosen.clock} by {source}, but {' and '.join(others)}; these have to agree within "
            f"{SAME_REFERENCE_S:g} s: {HELP}"
        )
