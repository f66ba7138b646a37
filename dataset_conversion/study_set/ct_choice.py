"""Chooses the CT of a case, and says what the region was drawn on if that is another series."""

from collections.abc import Sequence
from dataclasses import dataclass

from nnunet_cipa.dataset_conversion.study_set.region_sets import Found
from nnunet_cipa.dataset_conversion.study_set.regions import Place
from nnunet_cipa.dataset_conversion.study_set.ties import Ties
from nnunet_cipa.dicom.drawn_on import References, series_named
from nnunet_cipa.dicom.files import SEG
from nnunet_cipa.dicom.registration.rigid import Rigid
from nnunet_cipa.dicom.series.grouping import Candidate, Series, build_series
from nnunet_cipa.dicom.series.selection import select_ct
from nnunet_cipa.errors import CIPAError


@dataclass(frozen=True)
class ChosenCt:
    """The CT, what the region was drawn on, and what the user should know of it."""

    ct: Series
    place: Place
    notes: tuple[str, ...] = ()


def choose_ct(found: Found, candidates: Sequence[Candidate], wanted: Sequence[str], ties: Ties) -> ChosenCt:
    """Choose the CT on which the region was drawn; another one that shares its coordinates if the user says so.

    Parameters
    ----------
    found
        The region of the tumour.
    candidates
        The patient's series.
    wanted
        UIDs of ``--series``.
    ties
        How frames of reference of the patient are to each other.

    Raises
    ------
    CIPAError
        If there is no CT that it was drawn on and none is wanted in its place, if there are several, or if the CT that
        is wanted has other coordinates.
    """
    drawn_on = _drawn_on(found, candidates, wanted)
    ct = _ct(found, found.references, drawn_on, candidates, wanted)
    return place_on(found, build_series(ct), candidates, wanted, ties)


def place_on(found: Found, ct: Series, candidates: Sequence[Candidate], wanted: Sequence[str], ties: Ties) -> ChosenCt:
    """Tell what a region was drawn on, where the CT of the case is known (see ``choose_ct``)."""
    references, drawn_on = found.references, _drawn_on(found, candidates, wanted)
    if drawn_on is None:
        return _without_series(found, references, ct, wanted, ties)
    notes = _check_frame(found, references, drawn_on)
    if drawn_on.series_uid == ct.series_uid:
        return ChosenCt(ct, Place(), notes)
    _check_consent(found, drawn_on, ct, wanted)
    other = build_series(drawn_on)
    to_ct = _to_ct(found, other.frame_of_reference_uid, ct, ties)
    kind = "a PET series" if other.modality == "PT" else "another CT series"
    return ChosenCt(ct, Place(other, to_ct), (*notes, f"was drawn on {kind}, {_tied(to_ct)}"))


def _drawn_on(found: Found, candidates: Sequence[Candidate], wanted: Sequence[str]) -> Candidate | None:
    named = series_named(found.references, candidates)
    if len(named) > 1:
        chosen = [one for one in named if one.series_uid in wanted]
        if len(chosen) != 1:
            listed = "; ".join(f"{_kind(one)} series {one.label}" for one in named)
            raise CIPAError(f"{found.name} was drawn on several series ({listed}); name the CT with --series")
        return chosen[0]
    return named[0] if named else None


def _ct(
    found: Found,
    references: References,
    drawn_on: Candidate | None,
    candidates: Sequence[Candidate],
    wanted: Sequence[str],
) -> Candidate:
    chosen = [one for one in candidates if one.modality == "CT" and one.series_uid in wanted]
    if len(chosen) > 1:
        listed = ", ".join(one.series_uid for one in chosen)
        raise CIPAError(f"--series names {len(chosen)} CT series of one patient ({listed}); name one")
    if chosen:
        return chosen[0]
    if drawn_on is not None and drawn_on.modality == "CT":
        return drawn_on
    frame = references.frame_of_reference_uid if drawn_on is None else drawn_on.frame_of_reference_uid
    beside = [one for one in candidates if one.modality == "CT" and one.frame_of_reference_uid == frame]
    try:
        return select_ct(beside or candidates)
    except CIPAError as error:
        if drawn_on is None and references.series:
            uids = ", ".join(sorted(references.series))
            raise CIPAError(
                f"{found.name} was drawn on series {uids}, not among the files ({error}); add that series"
            ) from error
        raise


def _without_series(found: Found, references: References, ct: Series, wanted: Sequence[str], ties: Ties) -> ChosenCt:
    """Take a region by its frame of reference, where what it was drawn on is not there or not said."""
    consent = bool({ct.series_uid, found.set.described.series_uid} & {*wanted})
    frame = references.frame_of_reference_uid
    if references.named and not consent:
        on = f"series {', '.join(sorted(references.series))}" if references.series else "images"
        way = f"or give --series {ct.series_uid} to take it onto that CT of its frame of reference"
        shares = frame == ct.frame_of_reference_uid
        raise CIPAError(
            f"{found.name} was drawn on {on}, not among the files; add that series, "
            f"{way if shares else 'or give the structure set of a series that is there'}"
        )
    if not references.named and not consent and references.study_uids and ct.study_uid not in references.study_uids:
        studies = ", ".join(sorted(references.study_uids))
        raise CIPAError(
            f"{found.name} is of another study, {studies}, than the CT series {ct.series_uid} of study {ct.study_uid}; "
            f"give the one of that study, or --series {ct.series_uid} if it was drawn there"
        )
    to_ct = _to_ct(found, frame, ct, ties)
    notes = (
        ("was drawn on a series that is not among the files, in the CT's frame of reference",)
        if references.named
        else ()
    )
    if to_ct is not None:
        raise CIPAError(f"{found.name} was drawn in another frame of reference; add the series that it was drawn on")
    return ChosenCt(ct, Place(proven=False), notes)


def _check_frame(found: Found, references: References, drawn_on: Candidate) -> tuple[str, ...]:
    """Refuse another frame of reference than that of the series, unless the contours or frames name its images."""
    frame = references.frame_of_reference_uid
    if frame == drawn_on.frame_of_reference_uid:
        return ()
    if references.images & {header.sop_instance_uid for header in drawn_on.headers}:
        return (f"names {'no' if not frame else 'another'} frame of reference, but the images that it was drawn on",)
    if not frame:
        return ("names no frame of reference, but the series that it was drawn on",)
    raise CIPAError(
        f"{found.name} has the frame of reference {frame}, and the {_kind(drawn_on)} series {drawn_on.series_uid}, "
        f"on which it was drawn, has {drawn_on.frame_of_reference_uid or '(none)'}, so their coordinates are not the "
        "same; give the RTSTRUCT drawn on that series"
    )


def _check_consent(found: Found, drawn_on: Candidate, ct: Series, wanted: Sequence[str]) -> None:
    """Refuse contours of another series unless the user named one of the three; a SEG of the PET needs no word."""
    named = {ct.series_uid, drawn_on.series_uid, found.set.described.series_uid} & {*wanted}
    if named or (found.set.described.kind == SEG and drawn_on.modality == "PT"):
        return
    raise CIPAError(
        f"{found.name} was drawn on {_kind(drawn_on)} series {drawn_on.label}; give --series {ct.series_uid} to take "
        "it onto that CT, or the structure set of the CT"
    )


def _to_ct(found: Found, frame: str, ct: Series, ties: Ties) -> Rigid | None:
    if frame and frame == ct.frame_of_reference_uid:
        return None
    tied = ties.between(frame, ct.frame_of_reference_uid) if frame else None
    if tied is None:
        raise CIPAError(
            f"{found.name} has the frame of reference {frame or '(none)'}, and the CT series {ct.series_uid} has "
            f"{ct.frame_of_reference_uid or '(none)'}, so their coordinates are not the same{ties.why_not}; give the "
            "one drawn on that series"
        )
    return tied


def _tied(to_ct: Rigid | None) -> str:
    return "in the CT's frame of reference" if to_ct is None else "in a frame of reference that a REG ties to the CT's"


def _kind(candidate: Candidate) -> str:
    return "PET" if candidate.modality == "PT" else candidate.modality
