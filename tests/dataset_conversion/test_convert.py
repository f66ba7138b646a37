import gzip
import hashlib
import json

import numpy as np
import pytest
import SimpleITK as sitk
from nnunetv2.experiment_planning.verify_dataset_integrity import verify_dataset_integrity
from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO

from nnunet_cipa.dataset_conversion.pclt20k.convert import Options, convert_pclt20k
from nnunet_cipa.dataset_conversion.pclt20k.options import Intensity
from nnunet_cipa.errors import CIPAError

LONG = [f"200908508_{number}" for number in range(1, 13)]
ONE = {"processes": 1}


def read(path):
    image = sitk.ReadImage(str(path))
    return sitk.GetArrayFromImage(image), image


def tree(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_paper_intensities_are_the_closed_form_of_the_png_in_the_order_of_the_slice_numbers(study, raw):
    folder = convert_pclt20k(study.root, Options(**ONE)).folder
    assert folder == raw / "Dataset701_PCLT20K"
    offset = json.loads((folder / "dataset.json").read_text())["intensity_offset"]
    for channel, kind in (("0000", "CT"), ("0001", "PET")):
        values, image = read(folder / "imagesTr" / f"200908508_{channel}.nii.gz")
        expected = study.volume(LONG, kind) / 255 * 3.2
        assert values.dtype == np.float32
        np.testing.assert_allclose(values, expected, rtol=0, atol=2e-7)
        read_by_cipa = values + np.float32(offset[str(int(channel))])  # as its own loader has it
        np.testing.assert_allclose(read_by_cipa, expected - 1.6, rtol=0, atol=4e-7)
    mask, image = read(folder / "labelsTr" / "200908508.nii.gz")
    assert mask.dtype == np.uint8
    np.testing.assert_array_equal(mask, study.volume(LONG, "mask") >= 128)
    assert image.GetDirection() == (1, 0, 0, 0, 1, 0, 0, 0, 1)
    assert image.GetOrigin() == (0, 0, 0)
    np.testing.assert_allclose(image.GetSpacing(), (0.98, 0.98, 2.8), rtol=1e-6)


def test_raw_intensities_are_the_bytes_of_the_png(study, raw):
    folder = convert_pclt20k(study.root, Options(intensity=Intensity.RAW, **ONE)).folder
    values, _ = read(folder / "imagesTs" / "0002_0001.nii.gz")
    assert values.dtype == np.uint8
    np.testing.assert_array_equal(values, study.volume(["0002_001", "0002_002", "0002_003"], "PET"))
    assert json.loads((folder / "dataset.json").read_text())["channel_names"] == {"0": "CT", "1": "PET"}


def test_lists_decide_the_folders(study, raw, left_in):
    folder = convert_pclt20k(study.root, Options(**ONE)).folder
    train = ["0001", "0006", "0594", "0600", "0601", "200908508"]
    assert left_in(folder / "imagesTr") == sorted(f"{case}_{c}.nii.gz" for case in train for c in ("0000", "0001"))
    assert left_in(folder / "labelsTr") == sorted(f"{case}.nii.gz" for case in train)
    assert left_in(folder / "imagesTs") == ["0002_0000.nii.gz", "0002_0001.nii.gz"]
    assert left_in(folder / "labelsTs") == ["0002.nii.gz"]


def test_nnunet_accepts_and_reads_the_dataset(study, raw, capsys):
    folder = convert_pclt20k(study.root, Options(spacing=(1.5, 1.25, 4.0), **ONE)).folder
    verify_dataset_integrity(str(folder), num_processes=1)
    assert "Done" in capsys.readouterr().out
    images, properties = SimpleITKIO().read_images(
        [str(folder / "imagesTr" / f"0006_{channel}.nii.gz") for channel in ("0000", "0001")]
    )
    assert images.shape == (2, 5, 24, 32)
    np.testing.assert_allclose(properties["spacing"], (4.0, 1.25, 1.5))


def test_dataset_json_has_what_nnunet_and_the_trainers_need(study, raw):
    folder = convert_pclt20k(study.root, Options(**ONE)).folder
    content = json.loads((folder / "dataset.json").read_text())
    assert content["channel_names"] == {"0": "noNorm", "1": "noNorm"}
    assert content["modalities"] == {"0": "CT", "1": "PET"}
    assert content["intensity_offset"] == {"0": -1.6, "1": -1.6}
    assert content["intensity_range"] == {"0": [0, 3.2], "1": [0, 3.2]}
    assert content["labels"] == {"background": 0, "GTV": 1}
    assert (content["numTraining"], content["file_ending"]) == (6, ".nii.gz")
    assert (content["intensity"], content["spacing_mm"], content["spacing_assumed"]) == (
        "paper",
        [0.98, 0.98, 2.8],
        True,
    )
    assert "non-commercial" in content["licence"]


def test_provenance_names_files_hashes_and_assumptions(study, raw):
    mask = study.grey["0006_002_mask.png"].copy()
    mask[6, 8:11] = (1, 127, 128)
    study.write("0006_002", "mask", mask)
    folder = convert_pclt20k(study.root, Options(**ONE)).folder
    content = json.loads((folder / "provenance" / "0006.json").read_text())
    names = [f"0006_{number:03d}" for number in range(1, 6)]
    assert [entry["name"] for entry in content["slices"]] == names
    for entry in content["slices"]:
        for kind, digest in entry["sha256"].items():
            assert digest == hashlib.sha256(study.path(entry["name"], kind).read_bytes()).hexdigest()
    assert [entry["between"] for entry in content["slices"]] == [0, 3, 0, 0, 0]
    assert content["slices"][1]["area"] == np.count_nonzero(mask >= 128)
    assert (content["spacing_mm"], content["spacing_assumed"], content["list"]) == (
        [0.98, 0.98, 2.8],
        True,
        "train.txt",
    )
    assert json.loads((folder / "provenance" / "_dataset.json").read_text())["mask_pixels_between"] == 3


def test_several_processes_write_the_same_bytes_as_one(study, raw):
    one = tree(convert_pclt20k(study.root, Options(name="A", **ONE)).folder)
    two = tree(convert_pclt20k(study.root, Options(dataset_id=702, name="A", processes=2)).folder)
    assert one == two


def test_source_may_be_the_folder_above(study, raw):
    below = convert_pclt20k(study.root.parent, Options(**ONE))
    assert len(below.patients) == 7


def test_lists_with_bom_crlf_blank_lines_and_spaces_are_read(study, raw):
    text = "\r\n\r\n".join(f" {name} " for name in study.train) + "\r\n"
    (study.root / "train.txt").write_bytes(b"\xef\xbb\xbf" + text.encode())
    conversion = convert_pclt20k(study.root, Options(**ONE))
    assert sum(len(case.facts) for case in conversion.cases("train")) == len(study.train)


def test_rgb_with_equal_channels_is_grey_and_recorded(study, raw):
    grey = study.grey["0001_002_CT.png"]
    study.write("0001_002", "CT", np.repeat(grey[..., None], 3, axis=2))
    folder = convert_pclt20k(study.root, Options(intensity=Intensity.RAW, **ONE)).folder
    values, _ = read(folder / "imagesTr" / "0001_0000.nii.gz")
    np.testing.assert_array_equal(values[1], grey)
    content = json.loads((folder / "provenance" / "0001.json").read_text())
    assert [entry["rgb"] for entry in content["slices"]] == [[], ["CT"], []]


def test_unlisted_files_are_left_out_and_told(study, raw):
    study.train.remove("0006_003")
    study.write_lists()
    conversion = convert_pclt20k(study.root, Options(**ONE))
    unlisted = [f"0006/0006_003_{kind}.png" for kind in ("CT", "PET", "mask")]
    assert list(conversion.unlisted) == unlisted
    assert "3 PNG files" in conversion.warnings[0]
    content = json.loads((conversion.folder / "provenance" / "_dataset.json").read_text())
    assert content["unlisted_files"] == unlisted
    assert read(conversion.folder / "labelsTr" / "0006.nii.gz")[0].shape[0] == 4


def test_overwrite_replaces_all_of_the_old_dataset(study, raw, left_in):
    convert_pclt20k(study.root, Options(**ONE))
    (raw / "Dataset701_PCLT20K" / "imagesTr" / "9999_0000.nii.gz").write_bytes(gzip.compress(b"old"))
    convert_pclt20k(study.root, Options(overwrite=True, **ONE))
    assert "9999_0000.nii.gz" not in left_in(raw / "Dataset701_PCLT20K" / "imagesTr")
    assert left_in(raw) == ["Dataset701_PCLT20K"]


def test_other_folds_of_an_earlier_planning_are_told(study, raw, tmp_path, monkeypatch):
    monkeypatch.setenv("nnUNet_preprocessed", str(tmp_path / "preprocessed"))
    planned = tmp_path / "preprocessed" / "Dataset701_PCLT20K" / "splits_final.json"
    planned.parent.mkdir(parents=True)
    conversion = convert_pclt20k(study.root, Options(**ONE))
    planned.write_bytes((conversion.folder / "splits_final.json").read_bytes())
    assert convert_pclt20k(study.root, Options(overwrite=True, **ONE)).warnings == ()
    (warning,) = convert_pclt20k(study.root, Options(overwrite=True, seed=1, **ONE)).warnings
    assert str(planned) in warning


@pytest.mark.parametrize(
    ("options", "value"),
    [
        ({"dataset_id": 0}, "--dataset-id 0"),
        ({"dataset_id": 1000}, "--dataset-id 1000"),
        ({"name": "a/b"}, "'a/b'"),
        ({"name": ""}, "''"),
        ({"spacing": (1.0, 0.0, 1.0)}, "--spacing"),
        ({"spacing": (1.0, float("nan"), 1.0)}, "--spacing"),
        ({"processes": 0}, "--processes 0"),
        ({"seed": -1}, "--seed -1"),
    ],
)
def test_options_out_of_range_are_refused(study, raw, left_in, options, value):
    with pytest.raises(CIPAError, match=value):
        convert_pclt20k(study.root, Options(**{**ONE, **options}))
    assert left_in(raw) == []
