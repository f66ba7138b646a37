"""Words in JSON files that are not free text: terms of DICOM, and words of the program's own."""

import re

# Defined terms of PS3.3 (C.8.9.1 and C.7.1.1) that the provenance repeats, by the keys that they stand under.
TERMS = {
    "CorrectedImage": {"DECY", "ATTN", "SCAT", "DTIM", "MOTN", "PMOT", "CLN", "RAN", "RADL", "DCAL", "NORM"},
    "Units": {
        "CNTS", "NONE", "CM2", "CM2ML", "PCNT", "CPS", "BQML", "MGMINML", "UMOLMINML", "MLMING", "MLG", "1CM", "UMOLML",
        "PROPCNTS", "PROPCPS", "MLMINML", "MLML", "GML", "STDDEV",
    },
    "SUVType": {"BSA", "BW", "LBM", "LBMJAMES128", "LBMJANMA", "IBW"},
    "DecayCorrection": {"NONE", "START", "ADMIN"},
    "PatientSex": {"M", "F", "O"},
}  # fmt: skip
# Keys whose values the program chooses among its own words.
OWN = {
    "source", "units", "pet_interpolation", "written_orientation", "intensity", "converted_by", "elapsed_from",
    "injection_from", "reference_from",
}  # fmt: skip
_KEYS = re.compile(r"/([^/]*[^/0-9][^/]*)")


def is_coded(place: str, text: str) -> bool:
    """Return whether the text at a place such as ``/values/PET/Units`` cannot be free text of a file."""
    keys = _KEYS.findall(place)
    return any(text in TERMS.get(key, ()) or key in OWN for key in keys)


def is_sentence(place: str) -> bool:
    """Return whether it is a note: in the program's words, so that free text of a file would stand out by its case."""
    return "notes" in _KEYS.findall(place)
