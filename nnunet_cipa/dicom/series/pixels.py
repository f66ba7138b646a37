"""Reads the slices of a checked series into a volume."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pydicom
import SimpleITK as sitk
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from nnunet_cipa.dicom.attributes import DAMAGE, first_line, number, tolerant, words
from nnunet_cipa.dicom.part10 import open_part10
from nnunet_cipa.dicom.series.grouping import Series, Slice
from nnunet_cipa.errors import CIPAError

Check = Callable[[Dataset], str | None]


@dataclass(frozen=True)
class StoredSlice:
    """Values of a slice as they are stored (rows, columns), and the slope and intercept that rescale them."""

    stored: NDArray[Any]
    slope: float
    intercept: float

    def rescaled(self) -> NDArray[np.float64]:
        """Return stored value * slope + intercept."""
        values: NDArray[np.float64] = self.stored * self.slope + self.intercept
        return values


def read_series(series: Series, check: Check) -> sitk.Image:
    """Read the pixels, and rescale each slice by its own slope and intercept.

    Parameters
    ----------
    series
        What ``build_series`` gives.
    check
        Says what is wrong with the attributes of a slice, or None.

    Returns
    -------
    sitk.Image
        float32, with the geometry of the series.

    Raises
    ------
    CIPAError
        If a file has changed since it was scanned, cannot be decoded, is cut short, or holds no plain grey values.
    """
    return as_volume(series, (stored.rescaled() for stored in read_slices(series, check)))


def read_slices(series: Series, check: Check) -> Iterator[StoredSlice]:
    """Read one slice after the other: ``check`` gets its attributes, and then its pixels are decoded."""
    columns, rows, _ = series.size
    for slice_ in series.slices:
        yield _read_slice(slice_, (rows, columns), check)


def as_volume(series: Series, slices: Iterable[NDArray[np.float64]]) -> sitk.Image:
    """Put the values of the slices (rows, columns) together as float32, with the geometry of the series."""
    columns, rows, count = series.size
    volume = np.empty((count, rows, columns), dtype=np.float32)
    for index, values in enumerate(slices):
        volume[index] = values
    return series.place(sitk.GetImageFromArray(volume))


def stored_values(image: Dataset) -> NDArray[Any]:
    """Decode the values of a slice as they are stored: the lowest BitsStored bits, with the sign that they have.

    What decoders give also holds what lies above those bits, such as overlays, and lacks signs that were not carried
    on above them.

    Raises
    ------
    Exception
        What pydicom raises if the pixels cannot be decoded; ValueError if the bits are not the lowest ones.
    """
    values = image.pixel_array
    bits, highest = int(image.BitsStored), number(image, "HighBit")
    if highest not in {None, bits - 1}:
        raise ValueError(f"BitsStored {bits} and HighBit {highest:g} do not fit each other")
    if bits == image.BitsAllocated or values.dtype.kind not in "iu":
        return values
    values = values.astype(np.int64) & ((1 << bits) - 1)
    return np.where(values >> (bits - 1), values - (1 << bits), values) if image.PixelRepresentation == 1 else values


def _read_slice(slice_: Slice, shape: tuple[int, int], check: Check) -> StoredSlice:
    with tolerant():
        image = _read_file(slice_)
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
            stored = stored_values(image)
        except (*DAMAGE, RuntimeError) as error:  # RuntimeError: what pydicom raises if no decoder gets through
            reason = first_line(error)
            raise CIPAError(f"{slice_.path}: its pixels cannot be read ({reason}); export it again") from error
    if stored.shape != shape:
        raise CIPAError(f"{slice_.path}: {stored.shape} pixels, not {shape} as when it was scanned; start again")
    return StoredSlice(stored, slope, intercept)


def _read_file(slice_: Slice) -> Dataset:
    path = slice_.path
    try:
        with tolerant():
            with open_part10(path) as file:
                image = pydicom.dcmread(file)
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
