"""Chooses the CT, the PET and the regions of one study among all that was exported of a patient."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nnunet_cipa.dataset_conversion.study_set.ct_choice import ChosenCt, choose_ct, place_on
from nnunet_cipa.dataset_conversion.study_set.exports import Export
from nnunet_cipa.dataset_conversion.study_set.identifiers import identifiers_in, identifiers_of
from nnunet_cipa.dataset_conversion.study_set.joined import join_region
from nnunet_cipa.dataset_conversion.study_set.pet_choice import MOVED, choose_pet, pet_to_ct
from nnunet_cipa.dataset_conversion.study_set.region_sets import Found, RegionSet, indices, with_region
from nnunet_cipa.dataset_conversion.study_set.regions import Region
from nnunet_cipa.dataset_conversion.study_set.set_choice import ChosenSet, SetWish, choose_set
from nnunet_cipa.dataset_conversion.study_set.ties import Ties
from nnunet_cipa.dicom.registration.rigid import Rigid
from nnunet_cipa.dicom.series.grouping import Candidate, Series
from nnunet_cipa.errors import CIPAError


@dataclass(frozen=True)
class Wish:
    """What the user wants taken of a patient.

    Attributes
    ----------
    patterns
        For the name of each mask the pattern of its region; the first is the tumour's (see ``choose_roi``), the others
        are organs, whose regions have their names. Without any the images alone are wanted.
    series
        UIDs that go before others; those of other patients are passed over.
    structure_sets
        Which structure set counts (see ``SetWish``).
    threshold
        Of FRACTIONAL segmentations (see ``SegmentRegion``).
    preferred
        ``ct`` and ``pet``: on which of them a structure set should have been drawn, where several are left.
    joined
        Pattern of a region that is joined to the tumour where the structure set has it.
    by_frame
        Take a region that was drawn on the PET, or on a series that is not among the files, onto the CT if it is the
        only one in the region's frame of reference.
    """

    patterns: Mapping[str, str | None]
    series: tuple[str, ...] = ()
    structure_sets: tuple[str, ...] = ()
    threshold: float | None = None
    preferred: tuple[str, ...] = ()
    joined: str | None = None
    by_frame: bool = False


@dataclass(frozen=True)
class Choice:
    """What a case is made of.

    Attributes
    ----------
    ct, pet
        Series whose geometry has been checked.
    identifiers
        Texts in these files that tell who the patient is.
    chosen
        The structure set or segmentation, the region of the tumour in it, and by what it was chosen; None where the
        images alone are wanted.
    regions
        The region of each mask.
    ct_date
        StudyDate of the CT, YYYYMMDD, or an empty text.
    pet_to_ct
        From the PET's frame of reference to the CT's, if they are two.
    notes
        What the user should know of the choice, by the name of the volume.
    """

    ct: Series
    pet: Series
    identifiers: frozenset[str]
    chosen: ChosenSet | None = None
    regions: Mapping[str, Region] = field(default_factory=dict)
    ct_date: str = ""
    pet_to_ct: Rigid | None = None
    notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def choose(export: Export, sets: Sequence[RegionSet], wish: Wish) -> Choice:
    """Choose by the regions: the structure set that has the first of them, the CT it was drawn on, the PET beside it.

    Parameters
    ----------
    export
        Of one patient.
    sets
        What ``export.read_sets()`` gives.
    wish
        What to take.

    Raises
    ------
    CIPAError
        If anything is missing, if there are several and none is wanted, if they do not belong together, or if a wanted
        series of this patient is not among them.
    """
    tumour = next(iter(wish.patterns))
    ties = Ties(export.registrations, export.series, wish.series)
    found = with_region(sets, wish.patterns[tumour])
    chosen = choose_set(found, SetWish.of(wish.structure_sets, wish.series, wish.preferred), export.series)
    agreed = _only_ct(export.series, chosen.found) if wish.by_frame else ()
    drawn = choose_ct(chosen.found, export.series, (*wish.series, *agreed), ties)
    pet = choose_pet(export.series, wish.series, drawn.ct)
    to_ct = pet_to_ct(pet, drawn.ct, ties)
    _check_unused(export, wish.series, chosen.found, drawn, pet)
    regions, notes = {}, {tumour: chosen.notes}
    for name, index in indices(chosen.found, tuple(wish.patterns)).items():
        one = Found(chosen.found.set, index)
        placed = drawn if name == tumour else place_on(one, drawn.ct, export.series, wish.series, ties)
        regions[name] = one.set.region(index, placed.place, wish.threshold)
        notes[name] = (*notes.get(name, ()), *placed.notes)
    if wish.joined is not None:
        regions[tumour], more = join_region(chosen.found, regions[tumour], wish.joined, drawn.place)
        notes[tumour] = (*notes[tumour], *more)
    identifiers = identifiers_in(chosen.found.set.path, chosen.found.set.file)
    for series in (drawn.ct, pet):
        identifiers |= identifiers_of(series.slices[0].path)
    if to_ct is not None:
        notes["PET"] = (MOVED,)
    (ct,) = [one for one in export.series if one.series_uid == drawn.ct.series_uid]
    return Choice(drawn.ct, pet, identifiers, chosen, regions, ct.headers[0].study_date, to_ct, notes)


def _only_ct(series: Sequence[Candidate], found: Found) -> tuple[str, ...]:
    """Return the UID of the only CT in a region's frame of reference, or nothing."""
    frame = found.references.frame_of_reference_uid
    uids = [one.series_uid for one in series if one.modality == "CT" and one.frame_of_reference_uid == frame]
    return tuple(uids) if len(uids) == 1 else ()


def _check_unused(export: Export, wanted: Sequence[str], found: Found, drawn: ChosenCt, pet: Series) -> None:
    on = drawn.place.series
    taken = {drawn.ct.series_uid, pet.series_uid, found.set.described.series_uid} | ({on.series_uid} if on else set())
    for one in export.series:
        if one.series_uid in wanted and one.series_uid not in taken:
            raise CIPAError(
                f"--series {one.series_uid}: is {one.modality} series {one.label}, but {found.set.path} was drawn on "
                f"CT series {drawn.ct.series_uid}; leave it out, or give the RTSTRUCT of the series that you want"
            )
    for file in export.structures:
        if file.series_uid in wanted and file.series_uid not in taken:
            raise CIPAError(
                f"--series {file.series_uid}: is of {file.path}, and the region was taken of {found.set.path}; leave "
                "it out, or name that one with --structure-set"
            )
