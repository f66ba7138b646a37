"""Makes a DICOM SEG from a mask on the grid of a CT series, by highdicom."""

import warnings

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from nnunet_cipa.dicom.derived import MANUFACTURER, MODEL, SERIES_DESCRIPTION, VERSION, read_header
from nnunet_cipa.dicom.series.grouping import Series
from nnunet_cipa.errors import CIPAError


def make_segmentation(mask: NDArray[np.bool_], series: Series, name: str) -> Dataset:
    """Make a binary segmentation with one segment; slices without it are left out.

    Parameters
    ----------
    mask
        (slices, rows, columns) on the grid of the series, not empty.
    series
        The CT.
    name
        Label of the segment.

    Raises
    ------
    CIPAError
        If highdicom is not installed, or the CT lacks what a segmentation has to take over.
    """
    try:
        from highdicom import AlgorithmIdentificationSequence  # noqa: PLC0415 - an optional dependency
        from highdicom.seg import Segmentation, SegmentDescription  # noqa: PLC0415 - as above
        from pydicom.sr.codedict import codes  # noqa: PLC0415 - slow, and needed here alone
    except ImportError as error:
        raise CIPAError(f"--seg needs highdicom ({error}); install it with pip install 'nnunet-cipa[seg]'") from error
    algorithm = AlgorithmIdentificationSequence(
        name=MANUFACTURER, version=VERSION, family=codes.DCM.ArtificialIntelligence
    )
    segment = SegmentDescription(
        segment_number=1,
        segment_label=name,
        segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
        segmented_property_type=codes.SCT.Neoplasm,
        algorithm_type="AUTOMATIC",
        algorithm_identification=algorithm,
    )
    try:
        with warnings.catch_warnings():
            # of patients' names that have no comma or caret, as those of anonymised CTs
            warnings.simplefilter("ignore")
            return Segmentation(
                source_images=[read_header(piece) for piece in series.slices],
                pixel_array=mask.astype(np.uint8),
                segmentation_type="BINARY",
                segment_descriptions=[segment],
                series_instance_uid=generate_uid(prefix=None),
                series_number=1,
                sop_instance_uid=generate_uid(prefix=None),
                instance_number=1,
                manufacturer=MANUFACTURER,
                manufacturer_model_name=MODEL,
                software_versions=VERSION,
                device_serial_number="0",
                content_label="NNUNET_CIPA",
                series_description=SERIES_DESCRIPTION,
            )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        where = f"CT series {series.series_uid}"
        raise CIPAError(
            f"{where}: no SEG can be made from it ({error}); export it again, or leave out --seg"
        ) from error
