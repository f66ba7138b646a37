"""A check that the slices of a PET series agree in what SUV is computed from."""

from collections.abc import Sequence

from nnunet_cipa.dicom.suv.facts import PetFacts
from nnunet_cipa.dicom.suv.vendors import scan_start_tags
from nnunet_cipa.errors import CIPAError

CODES = {
    "units": "Units",
    "suv_type": "SUVType",
    "corrections": "CorrectedImage",
    "decay_correction": "DecayCorrection",
    "manufacturer": "Manufacturer",
}
# Names in PetFacts that must not differ between the slices of a series, and what DICOM calls them.
SAME = {
    **CODES,
    "injections": "the number of injections",
    "sex": "PatientSex",
    "height": "PatientSize",
    "weight": "PatientWeight",
    "dose": "RadionuclideTotalDose",
    "half_life": "RadionuclideHalfLife",
    "injection_datetime": "RadiopharmaceuticalStartDateTime",
    "injection_time": "RadiopharmaceuticalStartTime",
    "series_date": "SeriesDate",
    "series_time": "SeriesTime",
    "timezone": "TimezoneOffsetFromUTC",
}


def check_same(slices: Sequence[PetFacts]) -> None:
    """Refuse slices that differ.

    Raises
    ------
    CIPAError
        With the first attribute that differs, and two of its values.
    """
    values = {keyword: {getattr(facts, field) for facts in slices} for field, keyword in SAME.items()}
    for tag in scan_start_tags():
        values[f"the scan's date and time {tag}"] = {facts.private.get(tag) for facts in slices}
    for keyword, found in values.items():
        if len(found) > 1:
            shown = " and ".join(sorted(map(str, found))[:2])
            raise CIPAError(
                f"{keyword} differs between slices ({shown}); correct it, or export one reconstruction by itself"
            )
