"""Stored values in every coding: the lowest BitsStored bits with their sign, bit for bit what was encoded."""

import imagecodecs
import numpy as np
import pytest
import SimpleITK as sitk
from pydicom.encaps import encapsulate
from pydicom.uid import (
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from nnunet_cipa.dicom.series.ct import read_ct
from nnunet_cipa.errors import CIPAError
from tests.dicom.test_dicom_pixels import series_of

HU = np.random.default_rng(3).integers(-1024, 2048, (5, 12, 16)).astype(np.int16)
OVERLAY = np.zeros(HU.shape, np.uint16)
OVERLAY[:, 2:6, 3:9] = 0x1000
# What is in the 16 bits of a pixel: stored bits, whether they are signed, the intercept that makes them HU.
LAYOUTS = {
    "signed 16": (HU.view(np.uint16), 16, True, 0),
    "signed 12, sign not carried on": (HU.view(np.uint16) & 0x0FFF, 12, True, 0),
    "signed 12, sign carried on": (HU.view(np.uint16), 12, True, 0),
    "signed 12, overlay above": (HU.view(np.uint16) & 0x0FFF | OVERLAY, 12, True, 0),
    "unsigned 12": ((HU + 1024).astype(np.uint16), 12, False, -1024),
    "unsigned 12, overlay above": ((HU + 1024).astype(np.uint16) | OVERLAY, 12, False, -1024),
    "unsigned 13, overlay above": ((HU + 1024).astype(np.uint16) | OVERLAY << 1, 13, False, -1024),
}
ENCODERS = {
    JPEG2000Lossless: lambda pixels: imagecodecs.jpeg2k_encode(pixels, level=0, codecformat="j2k"),
    JPEGLossless: lambda pixels: imagecodecs.ljpeg_encode(pixels, bitspersample=16),
    JPEGLosslessSV1: lambda pixels: imagecodecs.ljpeg_encode(pixels, bitspersample=16),
    JPEGLSLossless: imagecodecs.jpegls_encode,
}


def encode(dataset, pixels, syntax):
    """Put 16 bits per pixel into a dataset, as a toolkit does that compresses all of them."""
    dataset.file_meta.TransferSyntaxUID = syntax
    if syntax in ENCODERS:
        dataset.PixelData = encapsulate([bytes(ENCODERS[syntax](np.ascontiguousarray(pixels)))])
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
    elif syntax == RLELossless:
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.PixelData = pixels.astype("<u2").tobytes()
        dataset.compress(RLELossless, generate_instance_uid=False)
    else:
        dataset.PixelData = pixels.astype("<u2").tobytes()


def written_as(write, layout, syntax):
    pixels, bits, signed, intercept = LAYOUTS[layout]
    values = {"BitsStored": bits, "HighBit": bits - 1, "PixelRepresentation": int(signed)}
    written = write(shape=HU.shape[1:], intercept=intercept, **values)
    for index, piece in enumerate(pixels):
        written.rewrite(index, lambda dataset, piece=piece: encode(dataset, piece, syntax))
    return written


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless, *ENCODERS], ids=lambda syntax: syntax.keyword)
def test_stored_bits(write, layout, syntax):
    image = read_ct(series_of(written_as(write, layout, syntax)))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), HU)


@pytest.mark.parametrize("syntax", [JPEGLosslessSV1, JPEGLSLossless], ids=lambda syntax: syntax.keyword)
def test_what_simpleitk_reads(write, syntax):
    """Another way through the file: ITK's reader, of all attributes."""
    written = written_as(write, "signed 16", syntax)
    expected = [sitk.GetArrayFromImage(sitk.ReadImage(str(path)))[0] for path in written.paths]
    np.testing.assert_array_equal(sitk.GetArrayFromImage(read_ct(series_of(written))), expected)


@pytest.mark.parametrize(("stored", "high"), [(12, 15), (12, 12)])
def test_bits_that_are_not_the_lowest_are_refused(write, stored, high):
    written = write(BitsStored=stored, HighBit=high)
    with pytest.raises(
        CIPAError,
        match=rf"CT_000\.dcm: its pixels cannot be read \(.*BitsStored {stored} and HighBit {high} do not fit",
    ):
        read_ct(series_of(written))
