"""Writes one case of PCLT20K, a patient or a section of one, as an nnU-Net case with its provenance."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nnunet_cipa.dataset_conversion.pclt20k.check import CheckedSlices
from nnunet_cipa.dataset_conversion.pclt20k.options import Intensity
from nnunet_cipa.dataset_conversion.pclt20k.slice import read_slice
from nnunet_cipa.dataset_conversion.pipeline.dataset_files import (
    CONVERTED_BY,
    case_paths,
    ready_values,
    writing_case,
)
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.nifti_stream import NiftiStream


@dataclass(frozen=True)
class Pclt20kCaseJob:
    """A checked case, where it comes from, and the dataset folder it goes to."""

    root: Path
    folder: Path
    checked: CheckedSlices
    spacing: tuple[float, float, float]
    intensity: Intensity

    @property
    def case(self) -> str:
        """Name of the case."""
        return self.checked.case

    def provenance(self) -> dict[str, object]:
        """Describe where a case comes from and what was assumed."""
        checked = self.checked
        names = [fact.name for fact in checked.facts]
        return {
            "case": checked.case,
            "patient": checked.patient.patient,
            "section": checked.section,
            "source": "PCLT20K",
            "list": f"{checked.patient.part}.txt",
            "converted_by": CONVERTED_BY,
            "intensity": self.intensity.value,
            "size": checked.size,
            "spacing_mm": self.spacing,
            "spacing_assumed": True,
            "orientation_assumed": "LPS",
            "suspected_gaps": [
                {"after": names[i], "before": names[i + 1], **asdict(checked.steps[i])} for i in checked.gaps
            ],
            "slices": [asdict(fact) for fact in checked.facts],
            "steps": [asdict(step) for step in checked.steps],
        }

    def write_volumes(self) -> list[Path]:
        """Write CT, PET and mask, slice by slice.

        Raises
        ------
        CIPAError
            If a file has changed since it was checked, or the disk does not take the output.
        """
        with writing_case(self.folder, self.case):
            return self._write_slices()

    def _write_slices(self) -> list[Path]:
        checked = self.checked
        shape = (len(checked.facts), checked.size[1], checked.size[0])
        store = _to_stored(self.intensity)
        dtype = np.float32 if self.intensity is Intensity.PAPER else np.uint8
        paths = case_paths(self.folder, checked.patient.part, checked.case)
        with (
            NiftiStream(paths[0], shape, self.spacing, dtype) as ct,
            NiftiStream(paths[1], shape, self.spacing, dtype) as pet,
            NiftiStream(paths[2], shape, self.spacing, np.uint8) as mask,
        ):
            for name, fact in zip(checked.patient.slices, checked.facts, strict=True):
                slice_images = read_slice(self.root, name)
                for kind, image in slice_images.files.items():
                    if image.sha256 != fact.sha256[kind]:
                        raise CIPAError(f"{name.path(self.root, kind)}: changed during the conversion; run it again")
                ct.write(store(slice_images.ct))
                pet.write(store(slice_images.pet))
                mask.write(slice_images.tumour.astype(np.uint8))
        return paths


def _to_stored(intensity: Intensity) -> Callable[[NDArray[np.uint8]], NDArray[np.generic]]:
    """Return the map from grey values to stored ones."""
    if intensity is Intensity.RAW:
        return lambda grey: grey
    table = ready_values(np.arange(256) / 255).astype(np.float32)
    return lambda grey: table[grey]
