"""Makes a DICOM SEG from masks on the grid of a CT series, by highdicom."""

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.filewriter import correct_ambiguous_vr
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from nnunet_cipa.dicom.attributes import number, tolerant
from nnunet_cipa.dicom.derived import MANUFACTURER, MODEL, SERIES_NUMBERS, VERSION, Origin, read_header, take_over
from nnunet_cipa.dicom.region import Region
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
# It asks for these too; they come from the CT at the end, byte by byte.
_PLACEHOLDERS = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID",
    "AccessionNumber", "ReferringPhysicianName",
)  # fmt: skip


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
    try:
        import highdicom as hd  # noqa: PLC0415 - an optional dependency
    except ImportError as error:
        raise CIPAError(f"--seg needs highdicom ({error}); install it with pip install 'nnunet-cipa[seg]'") from error
    sources = [_source(piece, series) for piece in series.slices]
    software: Any = (VERSION, *origin.versions)  # highdicom has it as a tuple of one
    try:
        with tolerant(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = hd.seg.Segmentation(
                source_images=sources,
                pixel_array=np.stack([region.mask for region in regions], axis=-1).astype(np.uint8),
                segmentation_type="BINARY",
                segment_descriptions=[_segment(number, one, origin) for number, one in enumerate(regions, 1)],
                series_instance_uid=generate_uid(prefix=None),
                series_number=SERIES_NUMBERS["SEG"],
                sop_instance_uid=generate_uid(prefix=None),
                instance_number=1,
                manufacturer=MANUFACTURER,
                manufacturer_model_name=MODEL,
                software_versions=software,
                device_serial_number="0",
                content_label=CONTENT_LABEL,
                content_description=origin.series_description,
                series_description=origin.series_description,
                omit_empty_frames=False,
            )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        where = f"CT series {series.series_uid}"
        raise CIPAError(
            f"{where}: no SEG can be made from it ({error}); export it again, or leave out --seg"
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
    for keyword in _PLACEHOLDERS:
        setattr(source, keyword, None)
    # It may be empty in the CT, but not in what is made of it
    thickness = number(header, "SliceThickness") or 0
    source.SliceThickness = f"{thickness if thickness > 0 else series.spacing[2]:.10g}"
    return source


def _segment(number: int, region: Region, origin: Origin) -> "SegmentDescription":
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
        segment_label=region.name,
        segmented_property_category=hd.sr.CodedConcept(*region.kind.category),
        segmented_property_type=hd.sr.CodedConcept(*region.kind.code),
        algorithm_type="AUTOMATIC",
        algorithm_identification=algorithm,
    )
    segment.RecommendedDisplayCIELabValue = _cielab(region.colour)
    return segment


def _cielab(colour: tuple[int, int, int]) -> list[int]:
    """Return red, green and blue as RecommendedDisplayCIELabValue has it (PS3.3 C.10.7.1.1)."""
    from skimage.color import rgb2lab  # noqa: PLC0415 - slow, and needed here alone

    lightness, a, b = rgb2lab(np.array(colour) / 255).tolist()
    return [round(lightness * 655.35), round((a + 128) * 257), round((b + 128) * 257)]
