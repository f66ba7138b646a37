"""Structure sets and segmentations of a patient, read once, with the regions that could be the truth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset

from nnunet_cipa.dataset_conversion.study_set.regions import ContourRegion, Place, Region, SegmentRegion
from nnunet_cipa.dicom.described import Description
from nnunet_cipa.dicom.drawn_on import References
from nnunet_cipa.dicom.files import RTSTRUCT, StructureFile
from nnunet_cipa.dicom.rtstruct.roi_contours import roi_contours
from nnunet_cipa.dicom.rtstruct.roi_names import choose_roi, same_name
from nnunet_cipa.dicom.rtstruct.structures import StructureSet, contour_images, read_structure_set
from nnunet_cipa.dicom.seg.segmentation import Segmentation, read_segmentation
from nnunet_cipa.errors import CIPAError

ALGORITHMS = {"AUTOMATIC", "SEMIAUTOMATIC", "MANUAL"}


@dataclass(frozen=True)
class RegionSet:
    """An RTSTRUCT or a SEG."""

    content: StructureSet | Segmentation

    @property
    def path(self) -> Path:
        """The file."""
        return self.content.path

    @property
    def sha256(self) -> str:
        """Of the file."""
        return self.content.sha256

    @property
    def file(self) -> Dataset:
        """Its attributes."""
        return self.content.file

    @property
    def described(self) -> Description:
        """What it says of itself."""
        return self.content.described

    @property
    def names(self) -> list[str]:
        """Of its regions, in the file's order."""
        parts = self.content.rois if isinstance(self.content, StructureSet) else self.content.segments
        return [part.name for part in parts]

    def algorithm(self, index: int) -> str:
        """Return how a region was drawn: one of ``ALGORITHMS``, or an empty text."""
        parts = self.content.rois if isinstance(self.content, StructureSet) else self.content.segments
        return parts[index].algorithm if parts[index].algorithm in ALGORITHMS else ""

    def references(self, index: int) -> References:
        """Return what it says of what a region was drawn on."""
        held = self.content
        if isinstance(held, StructureSet):
            roi = held.rois[index]
            named = held.references_of(roi)
            series = frozenset({one.series_uid for one in named} - {""})
            more = frozenset(uid for one in named for uid in one.image_uids)
            return References(contour_images(held, roi), series, more, roi.frame_of_reference_uid, held.study_uids)
        return References(
            held.image_uids, held.referenced_series_uids, frozenset(), held.frame_of_reference_uid, held.study_uids
        )

    def region(self, index: int, place: Place, threshold: float | None) -> Region:
        """Return a region, of which nothing has been checked (see ``SegmentRegion`` for the threshold)."""
        held = self.content
        if isinstance(held, StructureSet):
            return ContourRegion(roi_contours(held, held.rois[index]), place)
        return SegmentRegion(held, held.segments[index], place, threshold)


@dataclass(frozen=True)
class Found:
    """A structure set or segmentation that has the region of the tumour, and which of its regions that is."""

    set: RegionSet
    index: int

    @property
    def references(self) -> References:
        """What it says of what the region was drawn on."""
        return self.set.references(self.index)

    @property
    def name(self) -> str:
        """The file and the region, for messages."""
        kind = "ROI" if self.set.described.kind == RTSTRUCT else "segment"
        return f"{self.set.path}: {kind} {self.set.names[self.index]!r}"

    def __str__(self) -> str:
        """Return it in words, for a list to choose from."""
        drawn = self.set.algorithm(self.index)
        how = f", {drawn}" if drawn else ""
        return f"{self.set.path} ({self.set.names[self.index]!r}{how}; {self.set.described})"


def read_region_set(file: StructureFile) -> RegionSet:
    """Read an RTSTRUCT or SEG.

    Raises
    ------
    CIPAError
        If it is damaged.
    """
    return RegionSet(read_structure_set(file.path) if file.kind == RTSTRUCT else read_segmentation(file.path))


def with_region(sets: Sequence[RegionSet], pattern: str | None) -> list[Found]:
    """Return the sets that have the region that a pattern means (see ``choose_roi``), and which it is.

    Raises
    ------
    CIPAError
        If none has it, or in none it is one alone.
    """
    found, faults = [], []
    for one in sets:
        try:
            found.append(Found(one, choose_roi(one.names, pattern, str(one.path))))
        except CIPAError as error:
            faults.append(str(error))
    if not found:
        raise CIPAError("; ".join(faults) or "no RTSTRUCT; export the one with the contours, or a SEG")
    return found


def organ_index(held: RegionSet, organ: str) -> int:
    """Return the region with the name of an organ, whatever its case.

    Raises
    ------
    CIPAError
        If there is none, or several.
    """
    found = [index for index, name in enumerate(held.names) if same_name(name, organ)]
    if len(found) == 1:
        return found[0]
    names = ", ".join(map(repr, held.names))
    raise CIPAError(
        f"{held.path}: {len(found) or 'no'} ROI is named {organ}; it holds {names}; give one that name, whatever "
        "the case, or leave out --organs"
    )


def indices(found: Found, names: Sequence[str]) -> Mapping[str, int]:
    """Return the region of each mask: the tumour's, whose name is the first, and those of organs."""
    tumour, *organs = names
    return {tumour: found.index, **{organ: organ_index(found.set, organ) for organ in organs}}
