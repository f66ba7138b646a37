"""Words that choose among structure sets and segmentations, and what each takes."""

from collections.abc import Callable, Sequence

from nnunet_cipa.dataset_conversion.study_set.region_sets import Found
from nnunet_cipa.dicom.described import APPROVED
from nnunet_cipa.dicom.drawn_on import series_named
from nnunet_cipa.dicom.files import RTSTRUCT, SEG
from nnunet_cipa.dicom.series.grouping import Candidate

# How names of regions end that were drawn on a modality, as in GTV_Mass_CT.
ENDINGS = {"ct": ("_ct", "-ct", " ct"), "pet": ("_pet", "-pet", " pet", "_pt", "-pt", " pt")}


def _drawn_on(modality: str) -> Callable[[Found, Sequence[Candidate]], bool]:
    def test(one: Found, candidates: Sequence[Candidate]) -> bool:
        return any(named.modality == modality for named in series_named(one.references, candidates))

    return test


WORDS: dict[str, Callable[[Found, Sequence[Candidate]], bool]] = {
    "approved": lambda one, _: one.set.described.approval == APPROVED,
    "rtstruct": lambda one, _: one.set.described.kind == RTSTRUCT,
    "seg": lambda one, _: one.set.described.kind == SEG,
    "ct": _drawn_on("CT"),
    "pet": _drawn_on("PT"),
}


def is_for(one: Found, word: str, candidates: Sequence[Candidate]) -> bool:
    """Return whether one was drawn on a modality; by how the region's name ends if what it was drawn on is missing."""
    if series_named(one.references, candidates):
        return WORDS[word](one, candidates)
    name = one.set.names[one.index].strip().casefold()
    return name.endswith(ENDINGS[word])
