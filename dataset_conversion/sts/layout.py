"""The regions of Soft-tissue-Sarcoma, in any folder tree."""

from dataclasses import replace
from pathlib import Path

from nnunet_cipa.dataset_conversion.sts.options import Options, Truth
from nnunet_cipa.dataset_conversion.study_set.cut import CutPatient
from nnunet_cipa.dataset_conversion.study_set.dicom_set import Wanted, read_dicom_set
from nnunet_cipa.dataset_conversion.study_set.study_set import StudySet

TERMS = {"license": "CC BY 3.0, Soft-tissue-Sarcoma of The Cancer Imaging Archive"}
# GTV_Mass, GTV_MASS, GTV Mass_CT and so on; what was drawn on an MR is not among the CT and PET
_DRAWN_ON = r"(?:[ _.-]*(?:CT|PE?T))?"
MASS = rf"(?:GTV[ _.-]*)?(?:tumou?r[ _.-]*)?mass{_DRAWN_ON}"
EDEMA = rf"(?:GTV[ _.-]*)?(?:tumou?r[ _.-]*)?o?edema{_DRAWN_ON}"


def read_sts(source: Path, options: Options) -> StudySet:
    """Find the patients, and in the structure set of each the mass.

    Raises
    ------
    CIPAError
        See ``read_dicom_set``.
    """
    wanted = Wanted(
        roi=options.roi,
        pattern=options.pattern or MASS,
        series=options.series,
        suv=options.suv,
        missing_slices=options.missing_slices,
        structure_sets=options.structure_sets,
        preferred=("ct", "pet"),
        joined=EDEMA if options.truth is Truth.MASS_WITH_EDEMA else None,
        by_frame=True,
        pseudonymous=True,
    )
    found = read_dicom_set(source, wanted, options.name, options.test_fraction, options.seed)
    patients = found.patients
    if options.tumour_slices:
        patients = tuple(CutPatient(one, options.roi.value, to_pet=False, to_tumour=True) for one in patients)
    # Cases have the patients' own names, so that no table has to tell who they are
    keys = found.keys if options.key_table is not None else ()
    groups = {key.case: key.values for key in found.keys}
    return replace(found, patients=patients, keys=keys, terms=TERMS, groups=groups)
