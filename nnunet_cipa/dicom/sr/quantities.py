"""Measurements of lesions in the codes of DICOM: names of CID 7466, 7469 and 7470, units of CID 85, 7460 and 7462."""

from dataclasses import dataclass

from nnunet_cipa.dicom.roi_kinds import ANATOMY, Code, RoiKind

SUV_BW: Code = ("126401", "DCM", "SUVbw")
SUV_UNIT: Code = ("g/ml{SUVbw}", "UCUM", "Standardized Uptake Value body weight")  # was {SUVbw}g/ml in older editions
ABNORMAL: Code = ("49755003", "SCT", "Morphologically Abnormal Structure")


@dataclass(frozen=True)
class Quantity:
    """A measurement.

    Attributes
    ----------
    name, unit
        Concept and unit.
    derivation
        How it was made of the values in the region, of CID 7464; None where that is in the name.
    method
        Of measurement; None where that is in the name.
    """

    name: Code
    unit: Code
    derivation: Code | None = None
    method: Code | None = None


# The volume is that of voxels of a mask on the CT, which Metabolic Volume (126032, DCM), of a mask by uptake, is not
QUANTITIES = {
    "volume_ml": Quantity(
        ("118565006", "SCT", "Volume"),
        ("cm3", "UCUM", "cubic centimeter"),
        method=("126030", "DCM", "Sum of segmented voxel method for volume"),
    ),
    "suv_max": Quantity(SUV_BW, SUV_UNIT, ("56851009", "SCT", "Maximum")),
    "suv_mean": Quantity(SUV_BW, SUV_UNIT, ("373098007", "SCT", "Mean")),
    "suv_peak": Quantity(SUV_BW, SUV_UNIT, ("126031", "DCM", "Peak Value Within ROI")),
    "tlg_g": Quantity(("126033", "DCM", "Total Lesion Glycolysis"), ("g", "UCUM", "gram")),
    "diameter_mm": Quantity(("L0JK", "IBSI", "Maximum 3D Diameter of a Mesh"), ("mm", "UCUM", "mm")),
    "lesions": Quantity(("246206008", "SCT", "Number of lesions"), ("1", "UCUM", "no units")),
}


def finding_of(kind: RoiKind) -> tuple[Code, Code]:
    """Return category and type of the finding that a region of some kind is.

    A target volume is the neoplasm that it is drawn round; of a region whose name does not tell, no more than a lesion
    is claimed.
    """
    if not kind.told:
        return ABNORMAL, ("52988006", "SCT", "Lesion")
    if kind.category == ANATOMY:
        return kind.category, kind.code
    return ABNORMAL, ("108369006", "SCT", "Neoplasm")
