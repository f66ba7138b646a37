"""The lines of lesions.csv and of the page, against closed forms for boxes of constant uptake."""

import csv

import numpy as np
import pytest

from nnunet_cipa.predict.lesions.measured import measure_lesions
from nnunet_cipa.predict.lesions.table import lesion_table, write_lesions
from tests.dicom.geometry import make_grid
from tests.predict.lesions.patient import BOXES, SUV, boxes, diameter, on, predicted, volume

HEADER = (
    "patient,label,lesion,volume_ml,suv_max,suv_mean,suv_peak,tlg_g,diameter_mm,centroid_x_mm,centroid_y_mm,"
    "centroid_z_mm,first_slice,last_slice,in_pet,interpolated"
)


def written(patient, folder):
    write_lesions(measure_lesions(patient), folder / "lesions.csv")
    with (folder / "lesions.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def numbers(row):
    return {name: float(value) for name, value in row.items() if name not in {"patient", "label", "lesion"}}


def test_a_line_for_each_lesion_and_one_for_all(tmp_path):
    first, second, whole = map(numbers, rows := written(predicted(boxes(1, 2)), tmp_path))
    assert [(row["patient"], row["label"], row["lesion"]) for row in rows] == [
        ("P1", "IGTV", "1"),
        ("P1", "IGTV", "2"),
        ("P1", "IGTV", "all"),
    ]
    for number, row in ((1, first), (2, second)):
        z, y, x = ((part.start + part.stop - 1) / 2 for part in BOXES[number])
        origin = make_grid().GetOrigin()
        expected = {
            "volume_ml": volume(number), "suv_max": SUV[number], "suv_mean": SUV[number], "suv_peak": SUV[number],
            "tlg_g": SUV[number] * volume(number), "diameter_mm": diameter(number),
            "centroid_x_mm": origin[0] + 2 * x, "centroid_y_mm": origin[1] + 2 * y, "centroid_z_mm": origin[2] + 3 * z,
            "first_slice": BOXES[number][0].start + 1, "last_slice": BOXES[number][0].stop, "in_pet": 1,
            "interpolated": 0,
        }  # fmt: skip
        assert row == pytest.approx(expected, rel=1e-5)
    total = volume(1) + volume(2)
    tlg = SUV[1] * volume(1) + SUV[2] * volume(2)
    assert whole["volume_ml"] == pytest.approx(total, rel=1e-5)
    assert whole["tlg_g"] == pytest.approx(tlg, rel=1e-5)
    assert whole["suv_mean"] == pytest.approx(tlg / total, rel=1e-5)
    assert (whole["suv_max"], whole["suv_peak"]) == (SUV[1], SUV[1])
    assert whole["diameter_mm"] == pytest.approx(diameter(1), rel=1e-5)
    assert (whole["first_slice"], whole["last_slice"]) == (4, 19)


def test_no_lesion_is_the_header_alone(tmp_path):
    lesions = measure_lesions(predicted(boxes()))
    write_lesions(lesions, tmp_path / "lesions.csv")
    assert (tmp_path / "lesions.csv").read_text() == HEADER + "\n"
    assert lesion_table(lesions).rows == []
    assert lesions.warnings == ()


def test_labels_are_measured_apart_and_may_overlap(tmp_path):
    values = boxes(1)
    values[BOXES[2]] = 2
    values[BOXES[1][0], BOXES[1][1], slice(15, 18)] = 2  # touches the first
    rows = written(predicted(values, {"whole, of both": (1, 2), "core": (1,), "none": (3,)}), tmp_path)
    assert [(row["label"], row["lesion"]) for row in rows] == [
        ("whole, of both", "1"),
        ("whole, of both", "2"),
        ("whole, of both", "all"),
        ("core", "1"),
        ("core", "all"),
    ]
    assert float(rows[0]["volume_ml"]) == pytest.approx(volume(1) * 13 / 10, rel=1e-5)
    assert float(rows[3]["volume_ml"]) == pytest.approx(volume(1), rel=1e-5)


def test_a_lesion_that_leaves_the_pet_costs_no_other(tmp_path):
    grid = make_grid((40, 32, 24), (2.0, 2.0, 3.0))[:, :, :17]  # the second box has half of its slices in it
    patient = predicted(boxes(1, 2), pet=on(grid, np.full((17, 32, 40), 2, dtype=np.float32)))
    rows = written(patient, tmp_path)
    assert [row["in_pet"] for row in rows[:2]] == ["1", "0.5"]
    assert float(rows[1]["tlg_g"]) == pytest.approx(2 * volume(2) / 2, rel=1e-5)
    assert float(rows[2]["tlg_g"]) == pytest.approx(2 * (volume(1) + volume(2) / 2), rel=1e-5)
    assert measure_lesions(patient).warnings == (
        "IGTV: the PET covers 50% of lesion 2; its uptake is that of this part",
    )
    patient.pet = on(grid[:, :, :10], np.full((10, 32, 40), 2, dtype=np.float32))
    rows = written(patient, tmp_path)
    assert (rows[1]["suv_max"], rows[1]["suv_mean"], rows[1]["suv_peak"], rows[1]["tlg_g"]) == ("", "", "", "")
    assert float(rows[1]["volume_ml"]) == pytest.approx(volume(2), rel=1e-5)
    assert rows[2]["suv_mean"] == "2"
    (warning,) = measure_lesions(patient).warnings
    assert warning == "IGTV: lesion 2 lies outside the PET, so that its uptake is not known"
    assert lesion_table(measure_lesions(patient)).rows[1][3:7] == ("n/a",) * 4


def test_the_page_has_the_same_lines_without_a_name(tmp_path):
    patient = predicted(boxes(1, 2))
    table = lesion_table(measure_lesions(patient))
    assert [row[:2] for row in table.rows] == [(row["label"], row["lesion"]) for row in written(patient, tmp_path)]
    assert table.rows[1][2:] == ("0.77", "3.25", "3.25", "3.25", "2.5", "14.7", "16", "19", "1.00")
    assert "P1" not in table.as_text()
    assert all(len(row) == len(table.header) for row in table.rows)


def test_specks_and_a_mask_that_fills_the_corner(tmp_path):
    values = boxes()
    values[0, 0, 0] = values[-1, -1, -2:] = 1
    rows = written(predicted(values), tmp_path)
    assert [float(row["volume_ml"]) for row in rows] == pytest.approx([0.024, 0.012, 0.036])
