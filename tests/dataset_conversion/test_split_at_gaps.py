"""``--split-at-gaps``: a patient in whom slices are missing becomes several cases of one patient."""

import json

import numpy as np
import pytest
import SimpleITK as sitk

from nnunet_cipa.cli import main
from nnunet_cipa.dataset_conversion.pclt20k.convert import Options, convert_pclt20k
from nnunet_cipa.dataset_conversion.pclt20k.options import Intensity

SECTIONS = {"0006_1": ["0006_001", "0006_002", "0006_003"], "0006_2": ["0006_004", "0006_005"]}
TEST_SECTIONS = {"0002_1": ["0002_001"], "0002_2": ["0002_002"], "0002_3": ["0002_003"]}


@pytest.fixture
def gapped(study):
    """Tumours that do not overlap: one gap in a training patient, and one after every slice of a test patient."""
    for number in (4, 5):
        move_tumour(study, f"0006_{number:03d}", slice(18, 22))
    move_tumour(study, "0002_002", slice(18, 22))
    return study


def move_tumour(study, name, rows):
    mask = np.zeros_like(study.grey[f"{name}_mask.png"])
    mask[rows, 8:12] = 255
    study.write(name, "mask", mask)


def convert(study, **options):
    return convert_pclt20k(study.root, Options(processes=1, intensity=Intensity.RAW, **options))


def volume(path):
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))


def test_sections_are_cases_with_their_slices_and_truth(gapped, raw, left_in):
    folder = convert(gapped, split_at_gaps=True).folder
    assert left_in(folder / "labelsTr") == sorted(
        f"{case}.nii.gz" for case in ("0001", *SECTIONS, "0594", "0600", "0601", "200908508")
    )
    assert left_in(folder / "labelsTs") == sorted(f"{case}.nii.gz" for case in TEST_SECTIONS)
    for part, sections in (("Tr", SECTIONS), ("Ts", TEST_SECTIONS)):
        for case, names in sections.items():
            for channel, kind in (("0000", "CT"), ("0001", "PET")):
                found = volume(folder / f"images{part}" / f"{case}_{channel}.nii.gz")
                np.testing.assert_array_equal(found, gapped.volume(names, kind))
            truth = volume(folder / f"labels{part}" / f"{case}.nii.gz")
            np.testing.assert_array_equal(truth, gapped.volume(names, "mask") >= 128)
    assert json.loads((folder / "dataset.json").read_text())["numTraining"] == 7


def test_folds_are_those_of_the_patients(gapped, raw):
    whole = json.loads((convert(gapped, name="A").folder / "splits_final.json").read_text())
    split = json.loads((convert(gapped, dataset_id=702, split_at_gaps=True).folder / "splits_final.json").read_text())
    assert sum("0006_1" in fold["val"] for fold in split) == 1
    for before, after in zip(whole, split, strict=True):
        for part in ("train", "val"):
            expected = {c for patient in before[part] for c in (SECTIONS if patient == "0006" else [patient])}
            assert after[part] == sorted(expected)


def test_provenance_says_where_a_section_is_from(gapped, raw):
    folder = convert(gapped, split_at_gaps=True).folder
    second = json.loads((folder / "provenance" / "0006_2.json").read_text())
    assert (second["case"], second["patient"], second["section"]) == ("0006_2", "0006", 2)
    assert [entry["name"] for entry in second["slices"]] == SECTIONS["0006_2"]
    assert len(second["steps"]) == 1
    assert second["suspected_gaps"] == []
    whole = json.loads((folder / "provenance" / "0001.json").read_text())
    assert (whole["case"], whole["patient"], whole["section"]) == ("0001", "0001", None)
    dataset = json.loads((folder / "provenance" / "_dataset.json").read_text())
    assert dataset["split_at_gaps"] is True
    assert dataset["patients"] == {"train": 6, "test": 1}
    assert dataset["cases"] == {"train": 7, "test": 3}
    assert dataset["suspected_gaps"] == 3


def test_without_the_option_patients_stay_whole_and_gaps_are_recorded(gapped, raw, left_in):
    folder = convert(gapped).folder
    assert "0006.nii.gz" in left_in(folder / "labelsTr")
    gaps = json.loads((folder / "provenance" / "0006.json").read_text())["suspected_gaps"]
    assert [(gap["after"], gap["before"]) for gap in gaps] == [("0006_003", "0006_004")]


def test_command(gapped, raw, capsys):
    assert main(["convert", "pclt20k", str(gapped.root), "--split-at-gaps", "--processes", "1"]) == 0
    printed = capsys.readouterr().out
    assert "train: 7 cases, 32 slices in imagesTr; 1 suspected gaps in 1 of 6 patients" in printed
    assert "test: 3 cases, 3 slices in imagesTs; 2 suspected gaps in 1 of 1 patients" in printed
