"""Chooses the PET of a case, and finds where it is to the CT."""

from collections.abc import Sequence

from nnunet_cipa.dataset_conversion.study_set.ties import Ties
from nnunet_cipa.dicom.registration.rigid import Rigid
from nnunet_cipa.dicom.series.grouping import Candidate, Series, build_series
from nnunet_cipa.dicom.series.selection import select_pet
from nnunet_cipa.errors import CIPAError

MOVED = "has another frame of reference, and was moved to the CT's as a REG says"


def choose_pet(series: Sequence[Candidate], wanted: Sequence[str], ct: Series) -> Series:
    """Return the PET of a case: the one that is wanted, or the only one (see ``select_pet``).

    Parameters
    ----------
    series
        Of one patient.
    wanted
        UIDs of ``--series``.
    ct
        The CT of the case.

    Raises
    ------
    CIPAError
        If there is none, or several, or it is not a whole volume.
    """
    chosen = [one.series_uid for one in series if one.modality == "PT" and one.series_uid in wanted]
    if len(chosen) > 1:
        raise CIPAError(f"--series names {len(chosen)} PET series of one patient ({', '.join(chosen)}); name one")
    return build_series(select_pet(series, chosen[0] if chosen else None, ct.frame_of_reference_uid))


def pet_to_ct(pet: Series, ct: Series, ties: Ties) -> Rigid | None:
    """Return what takes the PET's frame of reference to the CT's; None if they are one.

    Raises
    ------
    CIPAError
        If nothing ties the two together.
    """
    if pet.frame_of_reference_uid == ct.frame_of_reference_uid:
        return None
    found = ties.between(pet.frame_of_reference_uid, ct.frame_of_reference_uid)
    if found is None:
        raise CIPAError(
            f"PET series {pet.series_uid} has the frame of reference {pet.frame_of_reference_uid or '(none)'} and CT "
            f"series {ct.series_uid} {ct.frame_of_reference_uid or '(none)'}, so where they are to each other is not "
            f"known{ties.why_not}; export a PET that was registered to the CT, or the rigid REG of the two"
        )
    return found
