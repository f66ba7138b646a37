import csv

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from nnunet_cipa.dataset_conversion.pclt20k.convert import Options, convert_pclt20k
from nnunet_cipa.dataset_conversion.pclt20k.tumour_statistics import write_statistics


@pytest.fixture
def rows(study, raw, tmp_path):
    mask = np.zeros((24, 32), dtype=np.uint8)
    mask[2:5, 4:10] = 255
    mask[10:11, 20:30] = 130
    study.write("0601_004", "mask", mask)
    (tmp_path / "statistics").mkdir()
    write_statistics(tmp_path / "statistics", convert_pclt20k(study.root, Options(processes=1)).patients)
    with (tmp_path / "statistics" / "slices.csv").open(newline="") as file:
        return {row["name"]: row for row in csv.DictReader(file)}


def test_table_has_a_row_for_each_slice(study, rows):
    assert sorted(rows) == sorted(study.train + study.test)
    assert {name for name, row in rows.items() if row["list"] == "test"} == set(study.test)
    assert rows["200908508_10"]["slice"] == "9"


def test_table_measures_the_mask(study, rows):
    row = {key: value for key, value in rows["0601_004"].items() if key not in {"name", "case", "list"}}
    assert {key: float(value) for key, value in row.items()} == {
        "slice": 3,
        "columns": 32,
        "rows": 24,
        "area": 28,
        "components": 2,
        "centre_column": round((18 * 6.5 + 10 * 24.5) / 28, 3),
        "centre_row": round((18 * 3 + 10 * 10) / 28, 3),
        "box_column": 4,
        "box_row": 2,
        "width": 26,
        "height": 9,
    }


def test_figures_show_something(rows, tmp_path):
    folder = tmp_path / "statistics"
    assert sorted(path.name for path in folder.iterdir()) == [
        "centres_and_boxes.png",
        "slices.csv",
        "slices_and_areas.png",
    ]
    for path in folder.glob("*.png"):
        pixels = np.asarray(Image.open(path).convert("L"))
        assert pixels.shape[1] == 1500
        assert ndimage.label(pixels < 128)[1] > 50, "no axes, no text"
