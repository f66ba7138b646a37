import re

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.evaluation import check_same_geometry, read_mask, read_volume

SHAPE = (4, 5, 6)
TURNED = (0.0, 1.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0, 1.0)


@pytest.fixture
def ones():
    return np.ones(SHAPE, dtype=np.uint8)


def test_axes_spacing_origin_and_direction_of_a_file(tmp_path, write):
    values = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
    read = read_volume(
        write(tmp_path / "a.nii.gz", values, spacing=(0.5, 0.75, 2.0), origin=(1, 2, 3), direction=TURNED)
    )
    np.testing.assert_array_equal(read.array, values)
    assert read.spacing == pytest.approx((2.0, 0.75, 0.5))
    assert read.origin == pytest.approx((1, 2, 3))
    assert read.direction == pytest.approx(TURNED)
    assert read.voxel_ml == pytest.approx(0.00075)


@pytest.mark.parametrize(
    ("geometry", "what", "found", "expected"),
    [
        ({"spacing": (0.8, 1.25, 3.01)}, "spacing", (3.01, 1.25, 0.8), (3, 1.25, 0.8)),
        ({"origin": (5.0, -7.0, 11.01)}, "origin", (5, -7, 11.01), (5, -7, 11)),
        ({"direction": TURNED}, "direction", TURNED, (1, 0, 0, 0, 1, 0, 0, 0, 1)),
    ],
)
def test_other_geometry_is_refused_with_both_files_and_values(tmp_path, write, ones, geometry, what, found, expected):
    first = read_volume(write(tmp_path / "first.nii.gz", ones))
    other = read_volume(write(tmp_path / "other.nii.gz", ones, **geometry))
    with pytest.raises(CIPAError) as error:
        check_same_geometry(first, first, other)
    parts = re.fullmatch(r"(.*): has (\w+) \((.*)\) and (.*) has \((.*)\); .*", str(error.value)).groups()
    assert parts[:2] == (str(tmp_path / "other.nii.gz"), what)
    assert parts[3] == str(tmp_path / "first.nii.gz")
    assert [[float(number) for number in part.split(",")] for part in parts[2::2]] == [list(found), list(expected)]


@pytest.mark.parametrize("shape", [(4, 5, 7), (4, 6, 5), (1, 5, 6)])
def test_other_size_is_refused(tmp_path, write, ones, shape):
    first = read_volume(write(tmp_path / "first.nii.gz", ones))
    other = read_volume(write(tmp_path / "other.nii.gz", np.ones(shape, dtype=np.uint8)))
    sizes = f"{', '.join(map(str, shape))}) and {tmp_path / 'first.nii.gz'} has (4, 5, 6)"
    with pytest.raises(CIPAError, match=re.escape(f"{tmp_path / 'other.nii.gz'}: has size ({sizes}")):
        check_same_geometry(first, other)


def test_rounding_of_another_file_format_is_no_other_geometry(tmp_path, write, ones):
    turned = sitk.Euler3DTransform((0, 0, 0), 0.1, -0.2, 0.3).GetMatrix()
    geometry = {"spacing": (0.9765625, 1 / 3, 3.27), "origin": (-249.51171875, 1 / 7, -1000 / 9), "direction": turned}
    first, other = (read_volume(write(tmp_path / name, ones, **geometry)) for name in ("a.nii.gz", "a.mha"))
    assert first.origin != other.origin
    check_same_geometry(first, other)


def test_missing_file(tmp_path):
    with pytest.raises(CIPAError, match=re.escape(f"{tmp_path / 'no.nii.gz'}: no such file")):
        read_volume(tmp_path / "no.nii.gz")


@pytest.mark.parametrize("name", ["a.nii.gz", "a.nii", "a.mha", "a.nrrd"])
@pytest.mark.parametrize("kept", [0.0, 0.001, 0.5, 0.999])
def test_file_that_was_cut_off(tmp_path, write, name, kept):
    """SimpleITK alone reads such NIfTI files, as zeros from where they end."""
    path = write(tmp_path / name, np.random.default_rng(0).integers(0, 99, (8, 64, 64), dtype=np.uint8))
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(CIPAError, match=re.escape(f"{path}: cannot be read ")):
        read_volume(path)


def test_wrong_checksum(tmp_path, write):
    path = write(tmp_path / "a.nii.gz", np.random.default_rng(0).integers(0, 99, (8, 64, 64), dtype=np.uint8))
    content = bytearray(path.read_bytes())
    content[-8] ^= 1
    path.write_bytes(content)
    with pytest.raises(CIPAError, match=re.escape(f"{path}: cannot be read to its end")):
        read_volume(path)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_nifti_of_another_writer(tmp_path, name):
    values = np.arange(120, dtype=np.int16).reshape(6, 5, 4)
    nib.save(nib.Nifti1Image(values, np.diag([-0.5, -0.75, 2, 1])), tmp_path / name)
    read = read_volume(tmp_path / name)
    np.testing.assert_array_equal(read.array, values.T)
    assert read.spacing == pytest.approx((2, 0.75, 0.5))


@pytest.mark.parametrize("name", ["a.nii.gz", "a.nii", "a.mha"])
def test_text_under_the_name_of_an_image(tmp_path, name):
    path = tmp_path / name
    path.write_text("this is not an image")
    with pytest.raises(CIPAError, match=re.escape(f"{path}: cannot be read ")):
        read_volume(path)


@pytest.mark.parametrize("name", ["a.nii.gz", "a.nii", "a.mha"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite(tmp_path, write, name, value):
    values = np.zeros(SHAPE, dtype=np.float32)
    values[1, 2, 3] = value
    path = write(tmp_path / name, values)
    with pytest.raises(CIPAError, match=re.escape(f"{path}: holds NaN or infinity")):
        read_volume(path)


def test_four_dimensions(tmp_path):
    path = tmp_path / "a.nii.gz"
    sitk.WriteImage(sitk.JoinSeries([sitk.Image(6, 5, 4, sitk.sitkUInt8)] * 2), path)
    with pytest.raises(CIPAError, match=re.escape(f"{path}: has 4 dimensions and 1 components")):
        read_volume(path)


def test_two_channels(tmp_path):
    path = tmp_path / "a.mha"
    sitk.WriteImage(sitk.Compose([sitk.Image(6, 5, 4, sitk.sitkUInt8)] * 2), path)
    with pytest.raises(CIPAError, match=re.escape(f"{path}: has 3 dimensions and 2 components")):
        read_volume(path)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32, np.float64])
def test_mask_of_any_type_is_boolean(tmp_path, write, dtype):
    values = np.random.default_rng(1).integers(0, 2, SHAPE).astype(dtype)
    read = read_mask(write(tmp_path / "a.nii.gz", values))
    assert read.array.dtype == bool
    np.testing.assert_array_equal(read.array, values == 1)


@pytest.mark.parametrize(
    ("value", "dtype", "shown"), [(2, np.uint8, "2"), (-1, np.int16, "-1"), (0.5, np.float32, "0.5")]
)
def test_another_label_in_a_mask(tmp_path, write, value, dtype, shown):
    values = np.ones(SHAPE, dtype=dtype)
    values[0, 0, 0], values[3, 4, 5] = 0, value
    path = write(tmp_path / "a.nii.gz", values)
    with pytest.raises(CIPAError, match=re.escape(f"{path}: holds {shown} where only 0 and 1 are expected")):
        read_mask(path)


def test_a_label_of_choice(tmp_path, write):
    values = np.zeros(SHAPE, dtype=np.uint8)
    values[2] = 2
    path = write(tmp_path / "a.nii.gz", values)
    np.testing.assert_array_equal(read_mask(path, label=2).array, values == 2)
