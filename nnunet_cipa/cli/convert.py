"""``nnunet-cipa convert``."""

import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from nnunet_cipa.cli.command import Command, Group
from nnunet_cipa.dataset_conversion import lucid, pclt20k
from nnunet_cipa.dataset_conversion.lucid.options import Options as LucidOptions
from nnunet_cipa.dataset_conversion.pclt20k.options import Options as Pclt20kOptions
from nnunet_cipa.dataset_conversion.study_set.options import Roi
from nnunet_cipa.errors import CIPAError, listed
from nnunet_cipa.options import Option

FOLDERS = {"train": "imagesTr", "test": "imagesTs"}


def convert_pclt20k(
    source: Path, options: Pclt20kOptions, *, statistics: Annotated[Path | None, Option("DIR")] = None
) -> None:
    """Write PCLT20K (PNG triples, train.txt, test.txt) to $nnUNet_raw/DatasetNNN_NAME, one case per patient.

    Everything is checked before anything is written. PCLT20K is for non-commercial research.

    Parameters
    ----------
    source
        Folder with train.txt, test.txt and the patients.
    statistics
        Write figures and a table of the slices to DIR.
    """
    if statistics is not None:
        statistics.mkdir(parents=True, exist_ok=True)
    conversion = pclt20k.convert_pclt20k(source, options)
    for part, folder in FOLDERS.items():
        cases = conversion.cases(part)
        slices = sum(len(case.facts) for case in cases)
        gaps = [len(patient.gaps) for patient in conversion.patients if patient.patient.part == part]
        print(
            f"{part}: {len(cases)} cases, {slices} slices in {folder}; {sum(gaps)} suspected gaps in "
            f"{sum(count > 0 for count in gaps)} of {len(gaps)} patients"
        )
    print(f"written to {conversion.folder}")
    if statistics is not None:
        pclt20k.write_statistics(statistics, conversion.patients)
        print(f"statistics in {statistics}")
    _warn(conversion.warnings)


def convert_lucid(
    source: Path,
    options: LucidOptions,
    *,
    roi: Annotated[str | None, Option("ROI", default="IGTV; in DICOM also ITV and common spellings")] = None,
    label: Annotated[Roi | None, Option(default=LucidOptions.roi.value)] = None,
) -> None:
    """Write a radiotherapy study set to $nnUNet_raw/DatasetNNN_NAME, one case per patient.

    DICOM: any folder tree with CT, PET and RTSTRUCT; SUV by body weight is computed, and cases get names of their own.
    NIfTI: a folder for each patient with CT.nii.gz in HU, PET.nii.gz in SUV by body weight, in the frame of the CT, and
    IGTV.nii.gz or GTV.nii.gz, 0 and 1 on the CT's grid. Everything is checked before anything is written.

    Parameters
    ----------
    source
        Folder that holds the patients, and perhaps test.txt.
    roi
        The region that becomes the label: IGTV, GTV, or in DICOM another name or a regular expression for the whole
        name, whatever the case.
    label
        Name of the label if --roi is a regular expression.
    """
    region, pattern = lucid.choose_roi(roi, label)
    organs = tuple(dict.fromkeys(options.organs))
    conversion = lucid.convert_lucid(source, replace(options, roi=region, pattern=pattern, organs=organs))
    for part, folder in FOLDERS.items():
        facts = [case.facts for case in conversion.part(part)]
        slices, with_tumour = sum(fact.size[2] for fact in facts), sum(fact.tumour_slices for fact in facts)
        print(f"{part}: {len(facts)} cases, {slices} slices in {folder}, {with_tumour} of them with {region.value}")
    print(f"written to {conversion.folder}")
    for failure in conversion.failures:
        print(f"patient {failure.patient} was not converted: {listed(failure.problems)}", file=sys.stderr)
    _warn(conversion.warnings)
    if conversion.failures:
        raise CIPAError(
            f"{len(conversion.cases)} patients were converted, {len(conversion.failures)} failed, as told above; "
            "correct them and convert again with --overwrite"
        )


def _warn(warnings: Iterable[str]) -> None:
    for warning in warnings:
        print(f"nnunet-cipa: warning: {warning}", file=sys.stderr)


COMMAND = Group(
    "convert",
    "write a data set to nnUNet_raw",
    "DATASET",
    (
        Command("pclt20k", "PCLT20K: PNG slices to one NIfTI case per patient", convert_pclt20k),
        Command("lucid", "a radiotherapy PET/CT study set in DICOM or NIfTI, with IGTV", convert_lucid),
    ),
)
