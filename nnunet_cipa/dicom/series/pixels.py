"""Reads the slices of a checked series into a volume."""

from collections.abc import Callable, Sequence

import numpy as np
import pydicom
import SimpleITK as sitk
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from nnunet_cipa.dicom.headers import DAMAGE, first_line, number, tolerant, words
from nnunet_cipa.dicom.series.grouping import Series, Slice
from nnunet_cipa.errors import CIPAError

Check = Callable[[Dataset], str | None]


def read_volume(series: Series, check: Check, factors: Sequence[float] | None = None) -> sitk.Image:
    """Read the pixels, rescale each slice by its own slope and intercept, and multiply it by its factor.

    Parameters
    ----------
    series
        What ``build_series`` gives.
    check
        Says what is wrong with the attributes of a slice, or None.
    factors
        One a slice; by default 1.

    Returns
    -------
    sitk.Image
        float32, with the geometry of the series.

    Raises
    ------
    CIPAError
        If a file has changed since it was scanned, cannot be decoded, is cut short, or holds no plain grey values.
    """
    columns, rows, count = series.size
    volume = np.empty((count, rows, columns), dtype=np.float32)
    for index, slice_ in enumerate(series.slices):
        values = _read_slice(slice_, (rows, columns), check)
        volume[index] = values if factors is None else values * factors[index]
    return series.place(sitk.GetImageFromArray(volume))


def read_header(slice_: Slice) -> Dataset:
    """Read all attributes of a slice but its pixels.

    Raises
    ------
    CIPAError
        If the file cannot be read, or is another than was scanned.
    """
    return _read_file(slice_, stop_before_pixels=True)


def _read_slice(slice_: Slice, shape: tuple[int, int], check: Check) -> NDArray[np.float64]:
    with tolerant():
        image = _read_file(slice_, stop_before_pixels=False)
        try:
            fault = _fault(image) or check(image)
            slope, intercept = number(image, "RescaleSlope"), number(image, "RescaleIntercept")
        except DAMAGE as error:
            raise CIPAError(f"{slice_.path}: cannot be read ({first_line(error)}); export it again") from error
        if fault is not None:
            raise CIPAError(f"{slice_.path}: {fault}")
        if slope is None or intercept is None or not (0 < slope < np.inf and np.isfinite(intercept)):
            raise CIPAError(
                f"{slice_.path}: RescaleSlope {slope} and RescaleIntercept {intercept}; a slope above 0 and an "
                "intercept are needed, export it again"
            )
        try:
            stored = image.pixel_array
        except (*DAMAGE, RuntimeError) as error:  # RuntimeError: what pydicom raises if no decoder gets through
            reason = first_line(error)
            raise CIPAError(f"{slice_.path}: its pixels cannot be read ({reason}); export it again") from error
    if stored.shape != shape:
        raise CIPAError(f"{slice_.path}: {stored.shape} pixels, not {shape} as when it was scanned; start again")
    return stored * slope + intercept


def _read_file(slice_: Slice, *, stop_before_pixels: bool) -> Dataset:
    path = slice_.path
    try:
        with tolerant():
            image = pydicom.dcmread(path, stop_before_pixels=stop_before_pixels)
            same = image.SOPInstanceUID == slice_.sop_instance_uid
    except DAMAGE as error:
        raise CIPAError(f"{path}: cannot be read ({first_line(error)}); export it again") from error
    if not same:
        raise CIPAError(f"{path}: is another image than when it was scanned; start again")
    return image


def _fault(image: Dataset) -> str | None:
    grey = "/".join(words(image, "PhotometricInterpretation"))
    if grey != "MONOCHROME2" or number(image, "SamplesPerPixel") != 1:
        return f"PhotometricInterpretation is {grey or 'missing'}; export grey values as MONOCHROME2"
    if "ModalityLUTSequence" in image:
        return "its values go through a look-up table (ModalityLUTSequence); export it with RescaleSlope"
    return None
