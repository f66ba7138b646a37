"""Writes one case of PCLT20K, a patient or a section of one, as an nnU-Net case with its provenance."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nnunet_cipa.dataset_conversion.pclt20k.check import CheckedPatient
from nnunet_cipa.dataset_conversion.pclt20k.options import Intensity
from nnunet_cipa.dataset_conversion.pclt20k.slice import read_slice
from nnunet_cipa.dataset_conversion.pipeline.dataset_files import (
    CONVERTED_BY,
    FOLDERS,
    ready_values,
    writing_case,
)
from nnunet_cipa.dataset_conversion.pipeline.finished import note_finished
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.json_files import write_json
from nnunet_cipa.files.nifti_stream import NiftiStream


@dataclass(frozen=True)
class CaseJob:
    """A checked case, where it comes from, and the dataset folder it goes to."""

    root: Path
    folder: Path
    checked: CheckedPatient
    spacing: tuple[float, float, float]
    intensity: Intensity


def write_case(job: CaseJob) -> None:
    """Write CT, PET, mask and provenance of one case, slice by slice.

    Raises
    ------
    CIPAError
        If a file has changed since it was checked, or the disk does not take the output.
    """
    with writing_case(job.folder, job.checked.case):
        made_from = provenance(job)
        paths = [*_write_volumes(job), job.folder / "provenance" / f"{job.checked.case}.json"]
        write_json(paths[-1], made_from)
        note_finished(job.folder, job.checked.case, made_from, paths)


def provenance(job: CaseJob) -> dict[str, object]:
    """Describe where a case comes from and what was assumed."""
    checked = job.checked
    names = [fact.name for fact in checked.facts]
    return {
        "case": checked.case,
        "patient": checked.patient.patient,
        "section": checked.section,
        "source": "PCLT20K",
        "list": f"{checked.patient.part}.txt",
        "converted_by": CONVERTED_BY,
        "intensity": job.intensity.value,
        "size": checked.size,
        "spacing_mm": job.spacing,
        "spacing_assumed": True,
        "orientation_assumed": "LPS",
        "suspected_gaps": [
            {"after": names[i], "before": names[i + 1], **asdict(checked.steps[i])} for i in checked.gaps
        ],
        "slices": [asdict(fact) for fact in checked.facts],
        "steps": [asdict(step) for step in checked.steps],
    }


def _to_stored(intensity: Intensity) -> Callable[[NDArray[np.uint8]], NDArray[np.generic]]:
    """Return the map from grey values to stored ones."""
    if intensity is Intensity.RAW:
        return lambda grey: grey
    table = ready_values(np.arange(256) / 255).astype(np.float32)
    return lambda grey: table[grey]


def _write_volumes(job: CaseJob) -> list[Path]:
    checked = job.checked
    images, labels = (job.folder / name for name in FOLDERS[checked.patient.part])
    case = checked.case
    shape = (len(checked.facts), checked.size[1], checked.size[0])
    store = _to_stored(job.intensity)
    dtype = np.float32 if job.intensity is Intensity.PAPER else np.uint8
    paths = [images / f"{case}_0000.nii.gz", images / f"{case}_0001.nii.gz", labels / f"{case}.nii.gz"]
    with (
        NiftiStream(paths[0], shape, job.spacing, dtype) as ct,
        NiftiStream(paths[1], shape, job.spacing, dtype) as pet,
        NiftiStream(paths[2], shape, job.spacing, np.uint8) as mask,
    ):
        for name, fact in zip(checked.patient.slices, checked.facts, strict=True):
            slice_images = read_slice(job.root, name)
            for kind, image in slice_images.files.items():
                if image.sha256 != fact.sha256[kind]:
                    raise CIPAError(f"{name.path(job.root, kind)}: changed during the conversion; run it again")
            ct.write(store(slice_images.ct))
            pet.write(store(slice_images.pet))
            mask.write(slice_images.tumour.astype(np.uint8))
    return paths
