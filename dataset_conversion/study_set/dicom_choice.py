"""Chooses the CT, the PET and the regions of one patient among all that was exported of the patient."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nnunet_cipa.dataset_conversion.study_set.identifiers import identifiers_in, identifiers_of
from nnunet_cipa.dicom.files import StructureFile
from nnunet_cipa.dicom.rtstruct.roi_contours import RoiContours, roi_contours
from nnunet_cipa.dicom.rtstruct.roi_names import choose_roi
from nnunet_cipa.dicom.rtstruct.structures import (
    StructureRoi,
    StructureSet,
    check_belongs,
    read_structure_set,
)
from nnunet_cipa.dicom.series.grouping import Candidate, Series, build_series
from nnunet_cipa.dicom.series.selection import select_ct, select_pet
from nnunet_cipa.errors import CIPAError


@dataclass(frozen=True)
class Export:
    """What was exported of one patient."""

    series: tuple[Candidate, ...]
    structures: tuple[StructureFile, ...]

    @property
    def paths(self) -> tuple[Path, ...]:
        """Of all files."""
        images = (header.path for series in self.series for header in series.headers)
        return (*images, *(file.path for file in self.structures))


@dataclass(frozen=True)
class Choice:
    """What a case is made of.

    Attributes
    ----------
    ct, pet
        Series whose geometry has been checked.
    structure_set_uid
        SOPInstanceUID of the RTSTRUCT.
    regions
        The region of each mask.
    identifiers
        Texts in these files that tell who the patient is.
    """

    ct: Series
    pet: Series
    structure_set_uid: str
    regions: dict[str, RoiContours]
    identifiers: frozenset[str]


def choose(export: Export, patterns: Mapping[str, str | None], wanted: Sequence[str] = ()) -> Choice:
    """Choose by the regions: the structure set that has the first of them, the CT it was drawn on, the PET beside it.

    Parameters
    ----------
    export
        Of one patient.
    patterns
        For the name of each mask the pattern of its region; the first is the tumour's (see ``choose_roi``), the others
        are organs, whose regions have their names.
    wanted
        Series UIDs that go before others; those of other patients are passed over.

    Raises
    ------
    CIPAError
        If anything is missing, if there are several and none is wanted, if they do not belong together, or if a wanted
        series of this patient is not among them.
    """
    structures, regions = _regions(export, patterns)
    ct = build_series(_ct(export.series, structures, wanted))
    for region in regions.values():
        check_belongs(structures, region, ct)
    chosen = [one.series_uid for one in export.series if one.modality == "PT" and one.series_uid in wanted]
    if len(chosen) > 1:
        raise CIPAError(f"--series names {len(chosen)} PET series of one patient ({', '.join(chosen)}); name one")
    pet = build_series(select_pet(export.series, chosen[0] if chosen else None, ct.frame_of_reference_uid))
    if pet.frame_of_reference_uid != ct.frame_of_reference_uid:
        raise CIPAError(
            f"PET series {pet.series_uid} has the frame of reference {pet.frame_of_reference_uid or '(none)'} and CT "
            f"series {ct.series_uid} {ct.frame_of_reference_uid or '(none)'}, so where they are to each other is not "
            "known; export a PET that was registered to the CT"
        )
    taken = {ct.series_uid, pet.series_uid}
    unused = [one for one in export.series if one.series_uid in wanted and one.series_uid not in taken]
    if unused:
        raise CIPAError(
            f"--series {unused[0].series_uid}: is {unused[0].modality} series {unused[0].label}, but {structures.path} "
            f"was drawn on CT series {ct.series_uid}; leave it out, or give the RTSTRUCT of the series that you want"
        )
    found = {name: roi_contours(structures, region) for name, region in regions.items()}
    identifiers = identifiers_in(structures.path, structures.file)
    for series in (ct, pet):
        identifiers |= identifiers_of(series.slices[0].path)
    return Choice(ct, pet, structures.sop_instance_uid, found, identifiers)


def _regions(export: Export, patterns: Mapping[str, str | None]) -> tuple[StructureSet, dict[str, StructureRoi]]:
    if not export.structures:
        raise CIPAError("no RTSTRUCT; export the one with the contours")
    tumour, *others = patterns
    found: list[tuple[StructureSet, StructureRoi]] = []
    faults: list[str] = []
    for file in export.structures:
        structures = read_structure_set(file.path)
        names = [roi.name for roi in structures.rois]
        try:
            index = choose_roi(names, patterns[tumour], str(file.path))
        except CIPAError as error:
            faults.append(str(error))
        else:
            found.append((structures, structures.rois[index]))
    if not found:
        raise CIPAError("; ".join(faults))
    if len(found) > 1:
        listed = ", ".join(f"{structures.path} ({roi.name!r})" for structures, roi in found)
        raise CIPAError(
            f"{len(found)} RTSTRUCT have such a region: {listed}; leave the one that counts, or give each patient a "
            "PatientID of its own"
        )
    structures, roi = found[0]
    return structures, {tumour: roi, **{organ: _organ(structures, organ) for organ in others}}


def _organ(structures: StructureSet, organ: str) -> StructureRoi:
    """Return the region with the name of an organ, whatever its case."""
    found = [roi for roi in structures.rois if roi.name.strip().casefold() == organ.casefold()]
    if len(found) == 1:
        return found[0]
    held = ", ".join(repr(roi.name) for roi in structures.rois)
    raise CIPAError(
        f"{structures.path}: {len(found) or 'no'} ROI is named {organ}; it holds {held}; give one that name, whatever "
        "the case, or leave out --organs"
    )


def _ct(series: Sequence[Candidate], structures: StructureSet, wanted: Sequence[str]) -> Candidate:
    """Return the CT on which the structures were drawn; where they do not say, the wanted or the only one."""
    drawn_on = sorted(structures.referenced_series_uids)
    if len(drawn_on) > 1:
        listed = ", ".join(drawn_on)
        drawn_on = [uid for uid in drawn_on if uid in wanted]
        if len(drawn_on) != 1:
            raise CIPAError(f"{structures.path}: was drawn on several series ({listed}); name the CT with --series")
    if not drawn_on:
        drawn_on = [one.series_uid for one in series if one.modality == "CT" and one.series_uid in wanted]
    if not drawn_on:
        return select_ct(series)
    found = [one for one in series if one.modality == "CT"]
    for candidate in found:
        if candidate.series_uid == drawn_on[0]:
            return candidate
    listed = "; ".join(one.label for one in found) or "none"
    raise CIPAError(
        f"no CT series {drawn_on[0]}, on which {structures.path} was drawn; there is: {listed}; add that series, or "
        "give the RTSTRUCT of one that is there"
    )
