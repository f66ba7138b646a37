"""CT comes in HU and PET in SUV, slice by slice with its own slope, and damaged pixels are errors."""

import json

import numpy as np
import pytest
import SimpleITK as sitk
from pydicom.uid import JPEG2000Lossless, RLELossless

from nnunet_cipa.dicom.files import scan_folder
from nnunet_cipa.dicom.series.ct import read_ct
from nnunet_cipa.dicom.series.grouping import build_series, group_series
from nnunet_cipa.dicom.suv.pet import read_pet
from nnunet_cipa.errors import CIPAError


def series_of(written):
    (candidate,) = group_series(scan_folder(written.folder).images)
    return build_series(candidate)


def values(image):
    assert image.GetPixelID() == sitk.sitkFloat32
    return sitk.GetArrayFromImage(image)


def test_hu_by_slope_and_intercept_of_each_slice(write):
    written = write(slope=[1.0, 2.0, 0.5, 1.0, 3.0], intercept=-1000.0)
    expected = written.stored * np.array([1.0, 2.0, 0.5, 1.0, 3.0])[:, None, None] - 1000
    np.testing.assert_allclose(values(read_ct(series_of(written))), expected, rtol=1e-6)


def test_padding_is_left(write):
    written = write(PixelPaddingValue=-2000)
    written.stored[:, 0] = -2000
    for index in range(5):
        written.rewrite(index, lambda dataset, index=index: fill(dataset, written.stored[index]))
    assert (values(read_ct(series_of(written)))[:, 0] == -3024).all()


def fill(dataset, stored):
    dataset.PixelData = stored.tobytes()


def test_suv_by_slope_of_each_slice(write):
    slope = np.array([0.5, 1.0, 2.0, 4.0, 8.0])
    written = write("PT", slope=slope)
    image, used, _ = read_pet(series_of(written))
    # An hour after 350 MBq of fluorine-18 in 70 kg; slope times the stored value is Bq/ml.
    expected = written.stored * slope[:, None, None] * 70_000 / (350e6 * 0.5 ** (3600 / 6586.2))
    np.testing.assert_allclose(values(image), expected, rtol=1e-6)
    assert used["elapsed_s"] == 3600
    assert used["rule"] == 5
    assert used["Units"] == "BQML"
    assert used["PatientWeight"] == 70
    assert used["RadionuclideTotalDose"] == 350e6
    assert used["highest_suv"] == pytest.approx(expected.max(), rel=1e-6)


def test_suv_by_philips_factor_of_each_slice(write):
    written = write("PT", Units="CNTS")
    factors = [0.001, 0.002, 0.003, 0.004, 0.005]
    for index, factor in enumerate(factors):
        written.rewrite(index, lambda dataset, factor=factor: add_philips_factor(dataset, factor))
    image, used, _ = read_pet(series_of(written))
    np.testing.assert_allclose(values(image), written.stored * np.array(factors)[:, None, None], rtol=1e-6)
    assert used["(7053,1000)"] == [0.001, 0.005]


def add_philips_factor(dataset, factor):
    dataset.private_block(0x7053, "Philips PET Private Group", create=True).add_new(0x00, "DS", str(factor))


def test_provenance_holds_no_identifier_and_no_date(write):
    used = read_pet(series_of(write("PT", RadiopharmaceuticalStartDateTime="20200102093000"))).used
    text = json.dumps(used)
    for secret in ("PAT7", "Muster", "1950", "2020", "1.2.3"):
        assert secret not in text


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_compressed_pixels(write, syntax):
    written = write(shape=(32, 40))
    for index in range(5):
        compress(written, index, syntax)
    np.testing.assert_array_equal(values(read_ct(series_of(written))), written.stored - 1024.0)


def compress(written, index, syntax):
    dataset = written.datasets[index]
    if syntax == JPEG2000Lossless:
        from io import BytesIO

        from PIL import Image
        from pydicom.encaps import encapsulate

        stream = BytesIO()
        stored = written.stored[index].astype(np.uint16)
        Image.fromarray(stored).save(stream, "JPEG2000", irreversible=False, no_jp2=True)
        dataset.PixelRepresentation = 0
        dataset.file_meta.TransferSyntaxUID = syntax
        dataset.PixelData = encapsulate([stream.getvalue()])
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
    else:
        dataset.compress(syntax)
    dataset.save_as(written.paths[index])


def test_bits_above_those_stored_are_ignored(write):
    written = write(BitsStored=12, HighBit=11, PixelRepresentation=0)
    for index in range(5):
        noisy = (written.stored[index].astype(np.uint16) & 0x0FFF) | 0xA000
        written.rewrite(index, lambda dataset, noisy=noisy: fill(dataset, noisy))
    expected = (written.stored & 0x0FFF) - 1024.0
    np.testing.assert_array_equal(values(read_ct(series_of(written))), expected)


def put(keyword, value):
    return lambda dataset: setattr(dataset, keyword, value)


@pytest.mark.parametrize(
    ("modality", "change", "reason"),
    [
        ("CT", put("RescaleType", "US"), "RescaleType is US"),
        ("CT", put("PhotometricInterpretation", "MONOCHROME1"), "PhotometricInterpretation is MONOCHROME1"),
        ("CT", lambda dataset: dataset.pop("RescaleSlope"), "RescaleSlope None"),
        ("CT", lambda dataset: dataset.pop("RescaleIntercept"), "RescaleIntercept None"),
        ("CT", put("RescaleSlope", 0), "RescaleSlope 0"),
        ("PT", put("RescaleSlope", "inf"), "RescaleSlope inf"),
        ("PT", put("RescaleSlope", -1), "RescaleSlope -1"),
        ("CT", put("ModalityLUTSequence", []), "ModalityLUTSequence"),
        ("PT", put("SeriesType", ["WHOLE BODY", "REPROJECTION"]), "projection"),
        ("PT", put("ImageType", ["DERIVED", "SECONDARY", "OTHER", "CSA MIP"]), "projection"),
    ],
)
def test_refused_values_name_the_file(write, modality, change, reason):
    written = write(modality)
    written.rewrite(2, change)
    series = series_of(written)
    with pytest.raises(CIPAError, match=rf"{modality}_002\.dcm.*{reason}"):
        (read_ct if modality == "CT" else read_pet)(series)


@pytest.mark.parametrize("cut", [50, 2])
def test_file_cut_after_the_scan(write, cut):
    written = write()
    series = series_of(written)
    written.paths[2].write_bytes(written.paths[2].read_bytes()[:-cut])
    with pytest.raises(CIPAError, match=r"CT_002\.dcm.*pixels cannot be read"):
        read_ct(series)


def test_file_exchanged_after_the_scan(write):
    written = write()
    series = series_of(written)
    written.paths[2].write_bytes(written.paths[1].read_bytes())
    with pytest.raises(CIPAError, match=r"CT_002\.dcm.*another image"):
        read_ct(series)


def test_file_gone_after_the_scan(write):
    written = write()
    series = series_of(written)
    written.paths[2].unlink()
    with pytest.raises(CIPAError, match=r"CT_002\.dcm.*cannot be read"):
        read_ct(series)


def test_pet_without_activity(write):
    written = write("PT")
    for index in range(5):
        written.rewrite(index, lambda dataset: fill(dataset, np.zeros((6, 8), np.int16)))
    with pytest.raises(CIPAError, match="highest SUV is 0"):
        read_pet(series_of(written))


def test_modalities_are_not_mixed_up(write):
    with pytest.raises(CIPAError, match="is CT; a PET is needed"):
        read_pet(series_of(write()))
    with pytest.raises(CIPAError, match="is PT; a CT is needed"):
        read_ct(series_of(write("PT", folder="pet")))


def test_pet_without_weight_names_the_series(write):
    series = series_of(write("PT", PatientWeight=None))
    with pytest.raises(CIPAError, match=rf"PET series {series.series_uid}: PatientWeight is missing"):
        read_pet(series)
