"""On which of a patient's series a region was drawn, by what its file says of images and series."""

from collections.abc import Sequence
from dataclasses import dataclass

from nnunet_cipa.dicom.series.grouping import Candidate


@dataclass(frozen=True)
class References:
    """What a structure set or segmentation says of what a region was drawn on.

    Attributes
    ----------
    images
        SOPInstanceUIDs that the region's contours or frames name.
    series, more_images
        Series that the whole file names, and their images.
    frame_of_reference_uid
        Of the region; empty if missing.
    study_uids
        Of the file's study and of those that it names.
    """

    images: frozenset[str]
    series: frozenset[str]
    more_images: frozenset[str]
    frame_of_reference_uid: str
    study_uids: frozenset[str]

    @property
    def named(self) -> bool:
        """Whether it says anything of series or images."""
        return bool(self.images or self.series or self.more_images)


def series_named(references: References, candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return the series on which a region was drawn, of those that are there.

    Images that its contours or frames name are proof; without them the series and images that the file names count,
    and of those a CT before others.
    """
    by_images = _holding(references.images, candidates)
    if by_images:
        return by_images
    of_file = [one for one in candidates if one.series_uid in references.series]
    found = of_file or _holding(references.more_images, candidates)
    return [one for one in found if one.modality == "CT"] or found


def _holding(images: frozenset[str], candidates: Sequence[Candidate]) -> list[Candidate]:
    return [one for one in candidates if any(header.sop_instance_uid in images for header in one.headers)]
