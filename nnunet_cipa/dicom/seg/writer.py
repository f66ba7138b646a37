"""Makes a DICOM SEG from masks on the grid of a CT series, by highdicom."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.filewriter import correct_ambiguous_vr
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from nnunet_cipa.dicom.attributes import number, tolerant
from nnunet_cipa.dicom.derived import (
    MANUFACTURER,
    MODEL,
    PLACEHOLDERS,
    SERIES_NUMBERS,
    VERSION,
    Origin,
    read_header,
    take_over,
)
from nnunet_cipa.dicom.optional import import_highdicom
from nnunet_cipa.dicom.region import Region
from nnunet_cipa.dicom.roi_kinds import RoiKind
from nnunet_cipa.dicom.series.grouping import Series, Slice
from nnunet_cipa.errors import CIPAError

if TYPE_CHECKING:
    from highdicom.seg import SegmentDescription

CONTENT_LABEL = "NNUNET_CIPA"
# What highdicom asks of a source image, as far as it says where and what the image is.
_GEOMETRY = (
    "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "Modality",
    "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows", "Columns",
)  # fmt: skip


@dataclass(frozen=True)
class Content:
    """What a segmentation holds.

    Attributes
    ----------
    pixels
        (slices, rows, columns, segments) of 0 and 1, or (slices, rows, columns) with the numbers of segments.
    segments
        What each is, from number 1 on.
    slices
        Those of the CT that the pixels are on.
    series_number
        Of the series that it becomes.
    sparse
        Leave out the frames of a segment that it is not on.
    option
        What asked for it.
    """

    pixels: NDArray[np.generic]
    segments: Sequence["SegmentDescription"]
    slices: Sequence[Slice]
    series_number: int
    sparse: bool = False
    option: str = "--seg"


def make_segmentation(regions: Sequence[Region], series: Series, origin: Origin) -> Dataset:
    """Make a binary segmentation with a segment for each region, on every slice of the CT.

    Slices without a segment are written too, as readers that go by frames and not by positions take those that are
    there for the whole.

    Parameters
    ----------
    regions
        Their masks are on the grid of the series.
    series
        The CT.
    origin
        What it says of itself.

    Raises
    ------
    CIPAError
        If highdicom is not installed, or it makes no segmentation of the CT.
    """
    import_highdicom("--seg")
    segments = [describe(number, one.name, one.kind, one.colour, origin) for number, one in enumerate(regions, 1)]
    pixels = np.stack([region.mask for region in regions], axis=-1).astype(np.uint8)
    return encode(Content(pixels, segments, series.slices, SERIES_NUMBERS["SEG"]), series, origin)


def encode(content: Content, series: Series, origin: Origin) -> Dataset:
    """Make a binary segmentation on a CT.

    Raises
    ------
    CIPAError
        If highdicom makes none of the CT.
    """
    import highdicom as hd  # noqa: PLC0415 - an optional dependency

    sources = [_source(piece, series) for piece in content.slices]
    software: Any = (VERSION, *origin.versions)  # highdicom has it as a tuple of one
    try:
        with tolerant(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = hd.seg.Segmentation(
                source_images=sources,
                pixel_array=content.pixels,
                segmentation_type="BINARY",
                segment_descriptions=content.segments,
                series_instance_uid=generate_uid(prefix=None),
                series_number=content.series_number,
                sop_instance_uid=generate_uid(prefix=None),
                instance_number=1,
                manufacturer=MANUFACTURER,
                manufacturer_model_name=MODEL,
                software_versions=software,
                device_serial_number="0",
                content_label=CONTENT_LABEL,
                content_description=origin.series_description,
                series_description=origin.series_description,
                omit_empty_frames=content.sparse,
            )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        where = f"CT series {series.series_uid}"
        raise CIPAError(
            f"{where}: no SEG can be made from it ({error}); export it again, or leave out {content.option}"
        ) from error
    made.SeriesDate, made.SeriesTime = made.ContentDate, made.ContentTime
    correct_ambiguous_vr(made, is_little_endian=True)
    take_over(made, series, ExplicitVRLittleEndian)
    return made


def _source(piece: Slice, series: Series) -> Dataset:
    """Return what highdicom needs of a slice, whatever else its header lacks."""
    header = read_header(piece, (*_GEOMETRY, "SliceThickness"))
    source = Dataset()
    source.file_meta = header.file_meta
    # Not the character set, which pydicom reads in any case
    source.update({header[keyword].tag: header[keyword] for keyword in _GEOMETRY})
    for keyword in PLACEHOLDERS:
        setattr(source, keyword, None)
    # It may be empty in the CT, but not in what is made of it
    thickness = number(header, "SliceThickness") or 0
    source.SliceThickness = f"{thickness if thickness > 0 else series.spacing[2]:.10g}"
    return source


def describe(
    number: int,
    name: str,
    kind: RoiKind,
    colour: tuple[int, int, int],
    origin: Origin,
    tracking_uid: str | None = None,
) -> "SegmentDescription":
    """Describe a segment; its name is its tracking identifier too, if it has a tracking UID."""
    import highdicom as hd  # noqa: PLC0415 - an optional dependency
    from pydicom.sr.codedict import codes  # noqa: PLC0415 - slow, and needed here alone

    algorithm = hd.AlgorithmIdentificationSequence(
        name=origin.model_name or MANUFACTURER,
        version=origin.model_version or VERSION,
        family=codes.DCM.ArtificialIntelligence,
        source=MANUFACTURER,
    )
    segment = hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=name,
        segmented_property_category=hd.sr.CodedConcept(*kind.category),
        segmented_property_type=hd.sr.CodedConcept(*kind.code),
        algorithm_type="AUTOMATIC",
        algorithm_identification=algorithm,
        tracking_uid=tracking_uid,
        tracking_id=None if tracking_uid is None else name,
    )
    segment.RecommendedDisplayCIELabValue = _cielab(colour)
    return segment


def _cielab(colour: tuple[int, int, int]) -> list[int]:
    """Return red, green and blue as RecommendedDisplayCIELabValue has it (PS3.3 C.10.7.1.1)."""
    from skimage.color import rgb2lab  # noqa: PLC0415 - slow, and needed here alone

    lightness, a, b = rgb2lab(np.array(colour) / 255).tolist()
    return [round(lightness * 655.35), round((a + 128) * 257), round((b + 128) * 257)]
