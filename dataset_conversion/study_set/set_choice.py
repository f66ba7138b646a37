"""Chooses one of several structure sets or segmentations that have the region of the tumour."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nnunet_cipa.dataset_conversion.study_set.region_sets import Found
from nnunet_cipa.dataset_conversion.study_set.set_words import WORDS, is_for
from nnunet_cipa.dicom.described import APPROVED, REJECTED
from nnunet_cipa.dicom.drawn_on import series_named
from nnunet_cipa.dicom.series.grouping import Candidate
from nnunet_cipa.errors import CIPAError

_DATE = re.compile(r"(\d{4})[-.]?(\d\d)[-.]?(\d\d)")
_UID = re.compile(rf"(?!{_DATE.pattern}$)\d+(\.\d+){{2,}}")
OPTION = "--structure-set"
LATEST = "latest"


@dataclass(frozen=True)
class ChosenSet:
    """The one that counts, and by what it was chosen, without a UID or free text; ``notes`` are for the user."""

    found: Found
    by: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class SetWish:
    """What ``--structure-set`` was given, apart: UIDs, texts that are a label or a date, and words.

    ``series`` are the UIDs of ``--series``, which say which structure set counts where one is of it or drawn on it.
    ``preferred`` are ``ct`` and ``pet`` in an order: where several are left, those of the first word that any is of.
    """

    uids: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    series: tuple[str, ...] = ()
    preferred: tuple[str, ...] = ()

    @classmethod
    def of(cls, given: Sequence[str], series: Sequence[str] = (), preferred: Sequence[str] = ()) -> "SetWish":
        """Tell what each of the values is."""
        known = {*WORDS, LATEST}
        words = tuple(one.casefold() for one in given if one.casefold() in known)
        uids = tuple(one for one in given if _UID.fullmatch(one))
        texts = tuple(one for one in given if one.casefold() not in known and one not in uids)
        return cls(uids, texts, words, tuple(series), tuple(preferred))


def choose_set(found: Sequence[Found], wish: SetWish, candidates: Sequence[Candidate]) -> ChosenSet:
    """Choose by the user's wish; without one, the only one that nobody rejected and this package did not predict.

    Parameters
    ----------
    found
        One or more.
    wish
        Of the user.
    candidates
        The patient's series.

    Raises
    ------
    CIPAError
        If none or several are left; the message lists them.
    """
    by: list[str] = []
    left, explicit = _named(found, wish, by)
    if not explicit:
        left = _trusted(found)
    passed_over = len(found) - len(left)
    if len(left) > 1 and wish.series:
        drawn = [one for one in left if _is_of(one, wish.series, candidates)]
        if drawn:
            left, by = drawn, [*by, "series"]
    for word in wish.words:
        if word != LATEST:
            left, by = _by_word(left, word, candidates), [*by, word]
    for word in wish.preferred:
        kept = [one for one in left if is_for(one, word, candidates)]
        if kept and len(kept) < len(left):
            left, by = kept, [*by, f"{word} preferred"]
            break
    if LATEST in wish.words and len(left) > 1:
        left, by = _latest(left), [*by, LATEST]
    if len(left) > 1:
        kinds = " or ".join(sorted({one.set.described.kind for one in left}))
        raise CIPAError(
            f"{len(left)} {kinds} have such a region: {_listed(left)}; choose one with {OPTION} (UID, label, date, "
            f"approved, latest, ct, pet, rtstruct or seg), or each study's with --per-study, leave the one that "
            "counts, or give each patient a PatientID of its own"
        )
    return ChosenSet(left[0], tuple(by) or ("the only one",), tuple(_notes(left[0], passed_over, explicit=explicit)))


def _notes(taken: Found, passed_over: int, *, explicit: bool) -> Iterator[str]:
    why_not = _why_not(taken)
    if explicit and why_not is not None:
        yield f"{why_not}, and was taken as {OPTION} names it"
    elif passed_over and not explicit:
        yield f"{passed_over} more of the patient passed over: predictions of nnunet_cipa, or rejected"


def _named(found: Sequence[Found], wish: SetWish, by: list[str]) -> tuple[list[Found], bool]:
    """Return those whose UID, or else label or date, is named, and whether any had to be."""
    by_uid = [one for one in found if {*_uids(one)} & {*wish.uids}]
    if by_uid:
        by.append("UID")
        return by_uid, True
    if not wish.texts:
        return list(found), False
    named = [one for one in found if any(_is_called(one, text) for text in wish.texts)]
    if not named:
        raise CIPAError(
            f"{OPTION} {' '.join(wish.texts)}: no structure set has that label or date; there is: {_listed(found)}; "
            "name one of these"
        )
    by.append("label or date")
    return named, True


def _trusted(found: Sequence[Found]) -> list[Found]:
    left = [one for one in found if _why_not(one) is None]
    if not left:
        reasons = ", and ".join(f"{one} {_why_not(one)}" for one in found)
        raise CIPAError(
            f"not taken as truth: {reasons}; give the one that was drawn, or choose it with {OPTION} by its UID, label "
            "or date"
        )
    return left


def _why_not(one: Found) -> str | None:
    if one.set.described.approval == REJECTED:
        return "was rejected"
    if one.set.described.predicted and one.set.described.approval != APPROVED:
        return "is a prediction of nnunet_cipa that nobody approved"
    return None


def _is_of(one: Found, series: Sequence[str], candidates: Sequence[Candidate]) -> bool:
    drawn = {named.series_uid for named in series_named(one.references, candidates)}
    return bool({one.set.described.series_uid, *drawn} & {*series})


def _by_word(left: Sequence[Found], word: str, candidates: Sequence[Candidate]) -> list[Found]:
    kept = [one for one in left if WORDS[word](one, candidates)]
    if not kept:
        raise CIPAError(f"{OPTION} {word}: none of these is: {_listed(left)}; leave it out, or name one by its UID")
    return kept


def _latest(left: Sequence[Found]) -> list[Found]:
    times = [one.set.described.time for one in left]
    if not all(times):
        raise CIPAError(f"{OPTION} {LATEST}: not every one has a date; there is: {_listed(left)}; name one by its UID")
    last = max(times)
    # One of a day without the time of day may be later than any other of that day
    return [one for one, time in zip(left, times, strict=True) if time == last or last.startswith(time)]


def _uids(one: Found) -> tuple[str, ...]:
    described = one.set.described
    return described.sop_instance_uid, described.series_uid, described.study_uid


def _is_called(one: Found, text: str) -> bool:
    described, date = one.set.described, _DATE.fullmatch(text)
    same = text.strip().casefold() in (name.casefold() for name in described.names)
    return same or (date is not None and described.date == "".join(date.groups()))


def _listed(found: Sequence[Found]) -> str:
    return ", ".join(map(str, found))
