"""Kinds of regions, and how DICOM says what they are: RTROIInterpretedType, and codes of structure sets and segments.

DICOM has no type for volumes over the breathing cycle. An IGTV is a gross tumour volume, and so are its type and code;
an ITV has a code, and no type.
"""

import re
from dataclasses import dataclass

Code = tuple[str, str, str]  # value, scheme, meaning

TARGET: Code = ("130041", "DCM", "RT Target")
ANATOMY: Code = ("91723000", "SCT", "Anatomical Structure")
GTV: Code = ("228791009", "SCT", "GTV")


@dataclass(frozen=True)
class RoiKind:
    """What a region is.

    Attributes
    ----------
    interpreted : str
        RTROIInterpretedType (PS3.3 C.8.8.8.1), empty where no term fits.
    category, code
        Of CID 9502 and 9534, or of CID 7150 and what belongs to it.
    told : bool
        Whether the kind is known, so that a structure set can say the code.
    """

    interpreted: str
    category: Code
    code: Code
    told: bool = True


# Names as in planning systems: "IGTV_MIP", "GTVp 1", "CTV_54", "nnunet_cipa". The first that matches counts.
_BY_NAME: dict[str, tuple[str, RoiKind]] = {
    "PTV": (r"PTV", RoiKind("PTV", TARGET, ("228793007", "SCT", "PTV"))),
    "CTV": (r"CTV", RoiKind("CTV", TARGET, ("228792002", "SCT", "CTV"))),
    "GTVn": (r"I?[ _-]?GTV[ _-]?N\d*(?![A-Z])", RoiKind("GTV", TARGET, ("130051", "DCM", "GTV Nodal"))),
    "GTVp": (r"I?[ _-]?GTV[ _-]?P\d*(?![A-Z])", RoiKind("GTV", TARGET, ("130052", "DCM", "GTV Primary"))),
    "GTV": (r"I?[ _-]?GTV", RoiKind("GTV", TARGET, GTV)),
    "ITV": (r"ITV", RoiKind("", TARGET, ("130056", "DCM", "ITV"))),
    "TUMOUR": (
        r"TUMOU?R|LESION|NODULE|MASS|NEOPLASM|^NNUNET_CIPA",
        RoiKind(
            "GTV",
            ("49755003", "SCT", "Morphologically Abnormal Structure"),
            ("108369006", "SCT", "Neoplasm"),
        ),
    ),
    "HEART": (r"HEART", RoiKind("ORGAN", ANATOMY, ("80891009", "SCT", "Heart"))),
    "LUNG": (r"LUNGS?", RoiKind("ORGAN", ANATOMY, ("39607008", "SCT", "Lung"))),
}
ORGAN = RoiKind("ORGAN", ANATOMY, ("91772007", "SCT", "Organ"))
OTHER = RoiKind("", ("130043", "DCM", "RT Geometric Information"), ("130046", "DCM", "Non-specific Volume"), told=False)
CHOICES = ("GTV", "ITV", "CTV", "PTV", "ORGAN", "OTHER")


def kind_by_name(name: str) -> RoiKind:
    """Return what a region of this name is; ``OTHER`` if the name does not tell."""
    for pattern, kind in _BY_NAME.values():
        if re.search(rf"(?<![A-Z])(?:{pattern})", name.upper()):
            return kind
    return OTHER


def kind_by_choice(choice: str) -> RoiKind:
    """Return the kind of one of the ``CHOICES``."""
    return {"ORGAN": ORGAN, "OTHER": OTHER}.get(choice) or _BY_NAME[choice][1]
