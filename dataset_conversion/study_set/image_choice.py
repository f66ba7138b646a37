"""Chooses CT and PET of a patient without a region that would tell which CT counts."""

from collections.abc import Sequence

from nnunet_cipa.dataset_conversion.study_set.dicom_choice import Choice, Wish
from nnunet_cipa.dataset_conversion.study_set.exports import Export
from nnunet_cipa.dataset_conversion.study_set.identifiers import identifiers_of
from nnunet_cipa.dataset_conversion.study_set.pet_choice import MOVED, choose_pet, pet_to_ct
from nnunet_cipa.dataset_conversion.study_set.ties import Ties
from nnunet_cipa.dicom.series.grouping import Candidate, build_series
from nnunet_cipa.dicom.series.selection import select_ct, usable_pets
from nnunet_cipa.errors import CIPAError


def choose_images(export: Export, wish: Wish) -> Choice:
    """Choose the CT by the PET, and the PET beside it.

    A CT that is wanted goes before others, then one in the frame of reference and the study of a PET, then one in its
    frame of reference.

    Parameters
    ----------
    export
        Of one patient, or of one study.
    wish
        What to take; the series in it alone count.

    Raises
    ------
    CIPAError
        If anything is missing, if there are several series or studies and none is wanted, if CT and PET do not belong
        together, or if a wanted series is neither of them.
    """
    series = _one_study(export, wish.series)
    ct, notes = _ct(series, wish.series)
    built = build_series(ct)
    pet = choose_pet(series, wish.series, built)
    to_ct = pet_to_ct(pet, built, Ties(export.registrations, export.series, wish.series))
    taken = {built.series_uid, pet.series_uid}
    for one in export.series:
        if one.series_uid in wish.series and one.series_uid not in taken:
            raise CIPAError(
                f"--series {one.series_uid}: is {one.modality} series {one.label}, and neither CT nor PET; leave it out"
            )
    identifiers = identifiers_of(built.slices[0].path) | identifiers_of(pet.slices[0].path)
    told = {"CT": notes, **({} if to_ct is None else {"PET": (MOVED,)})}
    return Choice(built, pet, identifiers, ct_date=ct.headers[0].study_date, pet_to_ct=to_ct, notes=told)


def imaged_studies(series: Sequence[Candidate]) -> list[str]:
    """Return the UIDs of the studies that have a CT and a PET of their own."""
    with_ct = {one.study_uid for one in series if one.modality == "CT" and not one.is_localizer}
    return sorted(with_ct & {one.study_uid for one in usable_pets(series)})


def _one_study(export: Export, wanted: Sequence[str]) -> tuple[Candidate, ...]:
    """Return the series that count: all, if one study alone has CT and PET, or both are wanted by their UIDs."""
    studies = imaged_studies(export.series)
    named = [one for one in export.series if one.series_uid in wanted and one.modality in {"CT", "PT"}]
    if len(studies) < 2 or len({one.modality for one in named}) == 2:
        return export.series
    of = {one.study_uid for one in named} & {*studies}
    if len(of) == 1:
        return tuple(one for one in export.series if one.study_uid in of)
    listed = "; ".join(f"study {uid} with {_shown(export.series, uid)}" for uid in studies)
    raise CIPAError(
        f"{len(studies)} studies have a CT and a PET: {listed}; choose one by its CT or PET with --series, or take "
        "each with --per-study"
    )


def _shown(series: Sequence[Candidate], study: str) -> str:
    images = [one for one in series if one.study_uid == study and one.modality in {"CT", "PT"}]
    date = next((one.headers[0].study_date for one in images), "")
    listed = ", ".join(f"{'PET' if one.modality == 'PT' else 'CT'} series {one.label}" for one in images)
    return f"{listed}{f', of {date}' if date else ''}"


def _ct(series: Sequence[Candidate], wanted: Sequence[str]) -> tuple[Candidate, tuple[str, ...]]:
    """Return the CT, and what the user should know of the choice."""
    cts = [one for one in series if one.modality == "CT" and not one.is_localizer]
    chosen = [one for one in series if one.modality == "CT" and one.series_uid in wanted]
    if len(chosen) > 1:
        uids = ", ".join(one.series_uid for one in chosen)
        raise CIPAError(f"--series names {len(chosen)} CT series of one patient ({uids}); name one")
    if chosen or len(cts) < 2:
        return (chosen[0] if chosen else select_ct(series)), ()
    pets = usable_pets(series)
    pets = [one for one in pets if one.series_uid in wanted] or pets
    frames = {one.frame_of_reference_uid for one in pets} - {""}
    places = {(one.study_uid, one.frame_of_reference_uid) for one in pets}
    in_frame = [one for one in cts if one.frame_of_reference_uid in frames]
    beside = [one for one in in_frame if (one.study_uid, one.frame_of_reference_uid) in places]
    left = beside or in_frame or cts
    told = (
        f"was taken of {len(cts)} CT series as the only one in the {'study and ' if beside else ''}frame of reference"
    )
    return select_ct(left), (() if len(left) == len(cts) else (f"{told} of a PET",))
