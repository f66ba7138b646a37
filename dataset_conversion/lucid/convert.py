"""Converts a radiotherapy PET/CT study set, in DICOM or NIfTI, to nnU-Net's raw format."""

from functools import partial
from pathlib import Path

from nnunet_cipa.dataset_conversion.lucid.options import Options, refuse_with_no_labels
from nnunet_cipa.dataset_conversion.study_set.convert import StudyConversion, convert_study_set
from nnunet_cipa.dataset_conversion.study_set.dicom_set import Wanted, read_dicom_set
from nnunet_cipa.dataset_conversion.study_set.nifti_set import is_nifti_layout, read_nifti_set
from nnunet_cipa.dataset_conversion.study_set.study_set import StudySet
from nnunet_cipa.errors import CIPAError


def convert_lucid(source: Path, options: Options | None = None) -> StudyConversion:
    """Write a study set to ``$nnUNet_raw/DatasetNNN_NAME``, one case per patient.

    Everything is read and checked before anything is written, and the dataset appears under its name only when it is
    complete.

    Parameters
    ----------
    source
        A folder tree with CT, PET and RTSTRUCT in DICOM; or a folder for each patient with CT.nii.gz (HU), PET.nii.gz
        (SUV by body weight, any axial grid in the CT's frame) and IGTV.nii.gz or GTV.nii.gz (0 and 1 on the CT's grid).
        With ``no_labels`` neither structures nor masks are looked at.
    options
        How to convert.

    Raises
    ------
    UsageError
        For options that ``no_labels`` excludes.
    CIPAError
        If anything is wrong with the source, the options or nnUNet_raw; with ``keep_going``, not for what is wrong
        with single patients, if others are left.
    """
    options = options or Options()
    refuse_with_no_labels(options)
    return convert_study_set(partial(_read, source, options), options, options.key_table)


def _read(source: Path, options: Options) -> StudySet:
    if not source.is_dir():
        raise CIPAError(f"{source}: not a folder; give the folder that holds the patients")
    if is_nifti_layout(source):
        _refuse_for_nifti(source, options)
        return read_nifti_set(source, options.label, options.test_fraction, options.seed, options.organs)
    threshold = options.seg_threshold
    if threshold is not None and not 0 < threshold <= 1:
        raise CIPAError(f"--seg-threshold {threshold:g}: give a number above 0, up to 1")
    wanted = Wanted(
        roi=options.label,
        pattern=options.pattern,
        organs=options.organs,
        series=options.series,
        suv=options.suv,
        structure_sets=options.structure_sets,
        per_study=options.per_study,
        threshold=threshold,
        missing_slices=options.missing_slices,
    )
    return read_dicom_set(source, wanted, options.name, options.test_fraction, options.seed)


def _refuse_for_nifti(source: Path, options: Options) -> None:
    for name, given in (
        ("series", options.series),
        ("structure-set", options.structure_sets),
        ("per-study", options.per_study),
        ("seg-threshold", options.seg_threshold),
        ("key-table", options.key_table),
        ("roi", options.pattern),
        ("suv-override", options.suv.suv_override),
        ("missing-slices", options.missing_slices is not Options.missing_slices and options.missing_slices.value),
    ):
        if given:
            raise CIPAError(f"--{name} {given}: is for DICOM, and {source} holds NIfTI files; leave it out")
