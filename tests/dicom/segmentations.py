"""DICOM SEG made by highdicom, and the CT and PET that they are of."""

import highdicom as hd
import numpy as np
import pydicom
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid

from nnunet_cipa.dicom.files import scan_folder
from nnunet_cipa.dicom.series.grouping import build_series, group_series
from tests.dicom.ct_series import write_ct


def description(number, name, algorithm="MANUAL"):
    automatic = {} if algorithm == "MANUAL" else {
        "algorithm_identification": hd.AlgorithmIdentificationSequence(
            name="test", version="1", family=codes.DCM.ArtificialIntelligence
        )
    }  # fmt: skip
    return hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=name,
        segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
        segmented_property_type=codes.SCT.Neoplasm,
        algorithm_type=algorithm,
        **automatic,
    )


def make_seg(sources, pixels, names=("IGTV",), kind="BINARY", algorithm="MANUAL", **more):
    """A SEG of ``pixels``: an array on the sources, a segment along its last axis if there are several, or a Volume."""
    return hd.seg.Segmentation(
        source_images=list(sources),
        pixel_array=pixels,
        segmentation_type=kind,
        segment_descriptions=[description(number, name, algorithm) for number, name in enumerate(names, 1)],
        series_instance_uid=generate_uid(),
        series_number=7,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="somebody",
        manufacturer_model_name="a tool",
        software_versions="1",
        device_serial_number="1",
        content_label="LESIONS",
        **more,
    )


def save(seg, folder, edit=None):
    path = folder / "seg.dcm"
    if edit is not None:
        edit(seg)
    seg.save_as(path)
    return path


def written_ct(folder, grid):
    """Write a CT on a grid; return its series, and its files in the order of the slices."""
    write_ct(folder, grid)
    (candidate,) = group_series(scan_folder(folder).images)
    series = build_series(candidate)
    return series, [pydicom.dcmread(piece.path) for piece in series.slices]


def shuffle(seg, seed=3):
    """Put the frames of a SEG with byte-wide frames in another order."""
    order = np.random.default_rng(seed).permutation(len(seg.PerFrameFunctionalGroupsSequence))
    frames = seg.pixel_array.reshape((len(order), seg.Rows, seg.Columns))
    seg.PerFrameFunctionalGroupsSequence = [seg.PerFrameFunctionalGroupsSequence[int(k)] for k in order]
    packed = np.packbits(frames[order].ravel(), bitorder="little").tobytes()
    seg.PixelData = packed + bytes(len(packed) % 2)
