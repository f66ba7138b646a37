"""Segmentation of which each lesion is a segment, for a report to refer to."""

from dataclasses import replace

import numpy as np
from pydicom.dataset import Dataset

from nnunet_cipa.dicom.derived import SERIES_NUMBERS, Origin
from nnunet_cipa.dicom.seg.writer import Content, describe, encode
from nnunet_cipa.dicom.series.grouping import Series
from nnunet_cipa.dicom.sr.measured import MeasuredRegion

LONGEST_DESCRIPTION = 64
BY_LESION = ", by lesion"


def make_lesion_segmentation(region: MeasuredRegion, series: Series, origin: Origin) -> Dataset:
    """Make a binary segmentation with a segment for each lesion, in frames of the slices that it is on.

    All slices for every lesion, as in the segmentation of whole labels, would be 20 MB per lesion of a long CT.

    Parameters
    ----------
    region
        With one lesion at least.
    series
        The CT.
    origin
        What it says of itself.

    Raises
    ------
    CIPAError
        If highdicom makes no segmentation of the CT.
    """
    first = min(lesion.place[0].start for lesion in region.lesions)
    last = max(lesion.place[0].stop for lesion in region.lesions)
    columns, rows, _ = series.size
    pixels = np.zeros((last - first, rows, columns), dtype=np.min_scalar_type(len(region.lesions)))
    for number, lesion in enumerate(region.lesions, 1):
        z, y, x = lesion.place
        pixels[z.start - first : z.stop - first, y, x][lesion.inside] = number
    segments = [
        describe(number, lesion.name, region.kind, region.colour, origin, lesion.tracking_uid)
        for number, lesion in enumerate(region.lesions, 1)
    ]
    content = Content(
        pixels, segments, series.slices[first:last], SERIES_NUMBERS["SEG of the SR"], sparse=True, option="--sr"
    )
    described = f"{origin.series_description[: LONGEST_DESCRIPTION - len(BY_LESION)]}{BY_LESION}"
    return encode(content, series, replace(origin, series_description=described))
