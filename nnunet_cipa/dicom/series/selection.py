"""Chooses one CT and one PET series among several of a patient."""

from collections.abc import Iterable, Sequence

from nnunet_cipa.dicom.series.grouping import Candidate
from nnunet_cipa.errors import CIPAError

# Values of a PET that are SUV already: workstations that export them drop CorrectedImage.
SUV_UNITS = ("GML", "CM2ML")


def select_ct(candidates: Iterable[Candidate], series_uid: str | None = None) -> Candidate:
    """Choose the CT: by its UID, or the only one that is not a localizer.

    Raises
    ------
    CIPAError
        If there is none, or several and none was chosen; the message lists them.
    """
    found = [candidate for candidate in candidates if candidate.modality == "CT"]
    if series_uid is not None:
        return _by_uid(found, "CT", series_uid)
    return _only([candidate for candidate in found if not candidate.is_localizer], found, "CT")


def select_pet(
    candidates: Iterable[Candidate], series_uid: str | None = None, frame_of_reference_uid: str | None = None
) -> Candidate:
    """Choose the PET: by its UID, or the only one that is corrected for attenuation and holds slices.

    Parameters
    ----------
    candidates
        Of one patient; those of other modalities are passed over.
    series_uid
        Which one to take.
    frame_of_reference_uid
        Of the CT; series that share it go before others.

    Raises
    ------
    CIPAError
        If there is none, or several and none was chosen, or the chosen one is not corrected for attenuation; the
        message lists them.
    """
    found = [candidate for candidate in candidates if candidate.modality == "PT"]
    if series_uid is not None:
        chosen = _by_uid(found, "PET", series_uid)
        if not _is_corrected(chosen):
            raise CIPAError(f"PET series {_describe(chosen)} cannot give SUV; choose a corrected one with --series")
        return chosen
    usable = usable_pets(found)
    beside_ct = [one for one in usable if one.frame_of_reference_uid == frame_of_reference_uid]
    return _only(beside_ct or usable, found, "PET")


def usable_pets(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Return the PET series that are corrected for attenuation and hold slices."""
    found = (candidate for candidate in candidates if candidate.modality == "PT")
    return [candidate for candidate in found if _is_corrected(candidate) and not _is_projection(candidate)]


def _by_uid(found: Sequence[Candidate], kind: str, series_uid: str) -> Candidate:
    for candidate in found:
        if candidate.series_uid == series_uid:
            return candidate
    raise CIPAError(f"no {kind} series {series_uid}; there is: {_listed(found)}; name another with --series")


def _only(usable: Sequence[Candidate], found: Sequence[Candidate], kind: str) -> Candidate:
    if not usable:
        needed = "corrected for attenuation" if kind == "PET" else "not a localizer"
        raise CIPAError(f"no {kind} series that can be used; there is: {_listed(found)}; add one that is {needed}")
    if len(usable) > 1:
        raise CIPAError(f"{len(usable)} {kind} series; choose one with --series: {_listed(usable)}")
    return usable[0]


def _is_corrected(candidate: Candidate) -> bool:
    """Return whether it is corrected for attenuation; in units of SUV it is unless it says otherwise."""
    return all(
        "ATTN" in header.corrections or (not header.corrections and header.units in SUV_UNITS)
        for header in candidate.headers
    )


def _is_projection(candidate: Candidate) -> bool:
    return _holds(candidate, "MIP") or any("REPROJECTION" in header.series_type for header in candidate.headers)


def _holds(candidate: Candidate, kind: str) -> bool:
    return any(kind in word for header in candidate.headers for word in header.image_type)


def _describe(candidate: Candidate) -> str:
    if candidate.modality != "PT":
        return candidate.label
    return f"{candidate.label}, {'' if _is_corrected(candidate) else 'not '}corrected for attenuation"


def _listed(candidates: Sequence[Candidate]) -> str:
    return "; ".join(map(_describe, candidates)) or "none"
