"""The cases of one patient of a DICOM study set: one, or one of each study; their keys, and what is told of them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from nnunet_cipa.dataset_conversion.study_set.dicom_choice import Choice, Wish, choose
from nnunet_cipa.dataset_conversion.study_set.dicom_patient import DicomPatient
from nnunet_cipa.dataset_conversion.study_set.exports import Export
from nnunet_cipa.dataset_conversion.study_set.identifiers import tells_who
from nnunet_cipa.dataset_conversion.study_set.image_choice import choose_images, imaged_studies
from nnunet_cipa.dataset_conversion.study_set.region_sets import Found, RegionSet
from nnunet_cipa.dataset_conversion.study_set.scanner import scanner_columns
from nnunet_cipa.dataset_conversion.study_set.set_choice import ChosenSet
from nnunet_cipa.dataset_conversion.study_set.study_set import Facts, Key
from nnunet_cipa.dicom.drawn_on import series_named
from nnunet_cipa.errors import CIPAError

LABEL = "label"


def choose_cases(export: Export, wish: Wish, subject: str, *, per_study: bool) -> Mapping[str, Choice]:
    """Choose what the cases of a patient are made of, by their names.

    Parameters
    ----------
    export
        Of one patient.
    wish
        What to take.
    subject
        Name of the patient; of the case too, if there is one, else before its number.
    per_study
        Make a case of each study with a CT that a structure set or segmentation was made on. Series of other studies
        that share its CT's frame of reference count as well where it has none of that kind. Where the images alone are
        wanted, of each with CT and PET, and one of all together if no study has both.

    Raises
    ------
    CIPAError
        See ``choose``; of several studies, for all of them.
    """
    images_alone = not wish.patterns
    if not per_study or (images_alone and not imaged_studies(export.series)):
        return {subject: _choose(export, [] if images_alone else export.read_sets(), wish)}
    studies = _imaged_studies(export) if images_alone else _drawn_studies(export)
    chosen, faults = {}, []
    for number, (study, (part, own)) in enumerate(studies.items(), 1):
        try:
            chosen[f"{subject}_{number}"] = _choose(part, own, _of(part, own, wish))
        except CIPAError as error:
            faults.append(f"study {study}: {error}")
    if faults:
        raise CIPAError("; ".join(faults))
    if not chosen:
        raise CIPAError("no study has a CT and a structure set or segmentation of it; leave out --per-study")
    passed = len({one.study_uid for one in export.series if one.modality == "CT"}) - len(chosen)
    lacking = "a PET" if images_alone else "its contours"
    told = f"{passed} more {'studies' if passed > 1 else 'study'} of the patient with a CT, but without {lacking}"
    if not passed:
        return chosen
    volume = next(iter(wish.patterns), "CT")
    return {case: _with_note(choice, volume, told) for case, choice in chosen.items()}


def make_key(case: str, part: str, patient_id: str, choice: Choice) -> Key:
    """Return who a case is, and of what it was made, for the key table."""
    return Key(
        case,
        {
            "part": part,
            "patient_id": patient_id,
            "study_uid": choice.ct.study_uid,
            "ct_series_uid": choice.ct.series_uid,
            "pet_series_uid": choice.pet.series_uid,
            **({} if choice.chosen is None else _set_columns(choice.chosen.found)),
            **scanner_columns(choice.pet.slices[0].path),
        },
    )


def make_patient(case: str, part: str, subject: str, choice: Choice) -> DicomPatient:
    """Return a case, with what its provenance says of the choice: numbers, codes and a label, no date."""
    chosen = choice.chosen
    truth = {} if chosen is None else {next(iter(choice.regions)): _truth(chosen, choice.ct_date)}
    return DicomPatient(
        name=case,
        part=part,
        ct=choice.ct,
        pet=choice.pet,
        regions=choice.regions,
        notes=choice.notes,
        patient=subject,
        facts=truth,
        pet_to_ct=choice.pet_to_ct,
    )


def without_identifiers(patient: DicomPatient, identifiers: frozenset[str]) -> DicomPatient:
    """Return a case whose provenance has no label that tells who somebody is."""
    told = {
        volume: {**facts, LABEL: None if tells_who(str(facts[LABEL]), identifiers) else facts[LABEL]}
        for volume, facts in patient.facts.items()
    }
    return replace(patient, facts=told)


def _choose(export: Export, sets: Sequence[RegionSet], wish: Wish) -> Choice:
    return choose(export, sets, wish) if wish.patterns else choose_images(export, wish)


def _set_columns(found: Found) -> dict[str, str]:
    held, index = found.set, found.index
    return {
        "structure_set_uid": held.described.sop_instance_uid,
        "roi_name": held.names[index],
        "structure_set_kind": held.described.kind,
        "structure_set_label": held.described.label,
        "structure_set_date": held.described.date,
        "approval_status": held.described.approval,
        "roi_generation": held.algorithm(index),
    }


def _truth(chosen: ChosenSet, ct_date: str) -> Facts:
    held, index = chosen.found.set, chosen.found.index
    return {
        "kind": held.described.kind,
        "approval_status": held.described.approval,
        "generation": held.algorithm(index),
        LABEL: held.described.label,
        "days_after_ct": _days(ct_date, held.described.date),
        "chosen_by": chosen.by,
    }


def _with_note(choice: Choice, volume: str, note: str) -> Choice:
    return replace(choice, notes={**choice.notes, volume: (*choice.notes.get(volume, ()), note)})


def _drawn_studies(export: Export) -> dict[str, tuple[Export, list[RegionSet]]]:
    """Return the studies with a CT that has structure sets, by UID: what was exported of each, and those sets."""
    own = defaultdict(list)
    for one in export.read_sets():
        own[_study_of(export, one)].append(one)
    studies = {}
    for uid in sorted({series.study_uid for series in export.series if series.modality == "CT"} & own.keys()):
        paths = {one.path for one in own[uid]}
        files = tuple(file for file in export.structures if file.path in paths)
        studies[uid] = export.of_study(uid, files), own[uid]
    return studies


def _imaged_studies(export: Export) -> dict[str, tuple[Export, list[RegionSet]]]:
    """Return the studies with CT and PET in the same way."""
    return {uid: (export.of_study(uid), []) for uid in imaged_studies(export.series)}


def _study_of(export: Export, held: RegionSet) -> str:
    """Return the study of the images that a set was made on; its own if it names none that are there."""
    for index in range(len(held.names)):
        named = series_named(held.references(index), export.series)
        if named:
            return named[0].study_uid
    return held.described.study_uid


def _of(export: Export, sets: Sequence[RegionSet], wish: Wish) -> Wish:
    """Leave what is wanted of other studies out of a wish."""
    there = {one.series_uid for one in export.series} | {one.described.series_uid for one in sets}
    return replace(wish, series=tuple(uid for uid in wish.series if uid in there))


def _days(ct: str, made: str) -> int | None:
    try:
        first, last = (datetime.strptime(day, "%Y%m%d") for day in (ct, made))  # noqa: DTZ007 - days alone
    except ValueError:
        return None
    return (last - first).days
