"""``evaluate``: folders of masks with known errors, from anybody."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from nnunet_cipa.cli import main
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.evaluation import EvaluateOptions, Settings, evaluate_folders
from tests.evaluation.cross_validation import TRAINERS, tumour, write_json, write_mask

FEW = Settings(resamples=199)


@pytest.fixture
def masks(tmp_path):
    """Six cases, and three folders of predictions."""
    for number in range(6):
        write_mask(tmp_path / "labelsTs" / f"case{number}.nii.gz", tumour(number))
        for name, change in TRAINERS.items():
            write_mask(tmp_path / name / f"case{number}.nii.gz", change(tumour(number), number))
    for name in TRAINERS:
        write_json(tmp_path / name / "plans.json", {})  # nnU-Net leaves such files beside its predictions
    return tmp_path


def evaluate(masks, *names, **options):
    page = evaluate_folders(
        masks / "labelsTs", [masks / name for name in names], masks / "out",
        EvaluateOptions(processes=1, **{"settings": FEW} | options),
    )  # fmt: skip
    return page, json.loads((page.parent / "report.json").read_text(encoding="utf-8"))


def test_folders_are_scored_and_compared(masks):
    page, content = evaluate(masks, *TRAINERS)
    dice = {mean["model"]: mean["value"] for mean in content["means"] if mean["measure"] == "dice"}
    shifts = [1 - (2 if n % 3 == 0 else 1) / (7 + n % 7) for n in range(6)]
    assert dice["exact"] == 1
    assert dice["shifted"] == pytest.approx(np.mean(shifts))
    pairs = {(test["first"], test["second"]) for test in content["tests"] if test["metric"] == "dice"}
    assert pairs == {("exact", "shifted"), ("exact", "missed"), ("shifted", "missed")}
    text = page.read_text(encoding="utf-8")
    assert "each scored once" in text
    assert not [word for word in ("Dice by fold", "held out", "<h2>Training", "Cost beside") if word in text]
    with (page.parent / "cases.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["dice"]) for row in rows if row["model"] == "shifted"] == pytest.approx(shifts)


def test_one_folder_has_nothing_to_be_tested_against(masks):
    page = evaluate_folders(
        masks / "labelsTs", masks / "shifted", masks / "out", EvaluateOptions(processes=1, settings=FEW)
    )
    assert "Tests between models" not in page.read_text(encoding="utf-8")
    assert "Every case is taken for a patient of its own" in page.read_text(encoding="utf-8")


def test_cases_of_one_patient_are_resampled_together(masks):
    table = masks / "key.csv"
    lines = [f"case{n};P{n // 3}" for n in range(6)]
    table.write_text("\n".join(["case;patient_id", *lines]), encoding="utf-8")
    _, content = evaluate(masks, "exact", "shifted", patients=table)
    assert {row["patient"] for row in content["cases"]} == {"P0", "P1"}
    assert content["tests"][0]["comparison"]["difference"]["patients"] == 2


def test_the_converters_note_of_the_patient_counts(masks):
    for number in range(6):
        write_json(masks / "provenance" / f"case{number}.json", {"patient": f"P{number % 2}"})
    _, content = evaluate(masks, "shifted")
    assert {row["patient"] for row in content["cases"]} == {"P0", "P1"}


def test_an_assumed_voxel_size_is_told(masks):
    write_json(masks / "dataset.json", {"spacing_assumed": True, "spacing_mm": [1, 1.5, 3]})
    page, content = evaluate(masks, "shifted")
    assert any("[1, 1.5, 3] mm is assumed" in notice for notice in content["notices"])
    assert "mm is assumed" in page.read_text(encoding="utf-8")


def test_a_label_among_several(masks):
    for folder in ("labelsTs", "exact"):
        for number in range(6):
            mask = 2 * tumour(number).astype(np.uint8)
            mask[:, :2] = 1
            write_mask(masks / folder / f"case{number}.nii.gz", mask)
    with pytest.raises(CIPAError, match=r"holds 2 where only 0 and 1 are expected.*--label"):
        evaluate(masks, "exact")
    _, content = evaluate(masks, "exact", label=2)
    assert content["cases"][0]["truth_ml"] == pytest.approx(tumour(0).sum() * 4.5 / 1000)


def test_pictures_of_a_label_among_several(masks):
    for folder in ("labelsTs", "shifted"):
        for path in (masks / folder).glob("*.nii.gz"):
            image = sitk.ReadImage(str(path))
            sitk.WriteImage(image * 2, str(path))
    page, _ = evaluate(masks, "shifted", images=write_images(masks), label=2)
    assert page.read_text(encoding="utf-8").count("<figure") == 3


def test_cases_that_are_not_in_every_folder(masks):
    (masks / "exact" / "case3.nii.gz").unlink()
    write_mask(masks / "exact" / "case9.nii.gz", tumour(9))
    with pytest.raises(CIPAError, match=r"exact: has no mask of case3.*--common"):
        evaluate(masks, "exact")
    assert not (masks / "out").exists()
    page, content = evaluate(masks, "exact", "shifted", common=True)
    assert {row["case"] for row in content["cases"]} == {f"case{n}" for n in (0, 1, 2, 4, 5)}
    assert "exact: 1 cases of the truth are not predicted, 1 others are." in page.read_text(encoding="utf-8")


def write_images(masks):
    """Write CT and PET of every case, and return their folder."""
    for number in range(6):
        for channel, value in enumerate((-700.0, 2.0)):
            image = sitk.GetImageFromArray(np.full(tumour(number).shape, value, dtype=np.float32))
            image.SetSpacing((1.0, 1.5, 3.0))
            (masks / "imagesTs").mkdir(exist_ok=True)
            sitk.WriteImage(image, masks / "imagesTs" / f"case{number}_{channel:04d}.nii.gz")
    return masks / "imagesTs"


def test_pictures_are_drawn_where_images_are_given(masks):
    write_images(masks)
    page, _ = evaluate(masks, "shifted", images=masks / "imagesTs")
    assert page.read_text(encoding="utf-8").count("<figure") == 3
    (masks / "imagesTs" / "case2_0001.nii.gz").unlink()
    with pytest.raises(CIPAError, match=r"case2_0001\.nii\.gz: no such file.*--images"):
        evaluate_folders(
            masks / "labelsTs", masks / "shifted", masks / "other", EvaluateOptions(images=masks / "imagesTs")
        )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "names 2 folders of predictions; tell them apart by --names"),
        (("--names", "a"), "--names a: 1 names for 2 folders"),
        (("--names", "a", "b", "--patients", "{masks}/p.csv"), "name two of them case and patient"),
        (("--names", "a", "b", "--tolerance", "0"), "tolerance 0 mm"),
    ],
)  # fmt: skip
def test_the_command_refuses_in_one_line(masks, capsys, words, said):
    (masks / "p.csv").write_text("case,centre\ncase0,A\n", encoding="utf-8")
    folders = [str(masks / "labelsTs"), str(masks / "exact"), str(masks / "exact" / ".." / "exact")]
    words = [word.format(masks=masks) for word in words]
    assert main(["evaluate", *folders, *words, "--out", str(masks / "out")]) == 1
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1
    assert not (masks / "out").exists()


def test_the_command_prints_the_page(masks, capsys):
    folders = [str(masks / "labelsTs"), str(masks / "exact")]
    assert main(["evaluate", *folders, "--processes", "1", "--resamples", "99", "--out", str(masks / "out")]) == 0
    assert Path(capsys.readouterr().out.strip().splitlines()[-1]) == masks / "out" / "index.html"
