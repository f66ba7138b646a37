"""Models side by side, judged by what the cross-validation is known to hold."""

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from nnunet_cipa.evaluation.metrics.measures import Measures
from nnunet_cipa.evaluation.report.side_by_side import choose_rows, draw_row
from tests.benchmark.report.conftest import hand_dice


def models(report):
    return [report.of(title) for title in report.titles]


def pixels(uri):
    data = uri.removeprefix("data:image/png;base64,")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")).astype(int)


def test_cases_are_ranked_by_the_mean_dice_of_all_models(report):
    means = {score.files.name: np.mean([*hand_dice(int(score.files.name[4:])).values()]) for score in models(report)[0]}
    ordered = sorted(means.values())
    chosen = choose_rows(models(report))
    assert [rank for rank, _ in chosen] == ["worst", "median", "best"]
    for (_, scores), expected in zip(chosen, (ordered[0], ordered[4], ordered[-1]), strict=True):
        assert [score.model for score in scores] == report.titles
        assert len({score.files.name for score in scores}) == 1
        assert means[scores[0].files.name] == pytest.approx(expected)


def test_a_case_that_a_model_lacks_is_left_out_and_one_model_has_no_rows(report):
    first, second, _ = models(report)
    assert choose_rows([first]) == []
    assert choose_rows([]) == []
    undefined = replace(second[0], measures=Measures(**{**second[0].measures, "dice": float("nan")}))
    chosen = choose_rows([first[:3], [undefined, second[2]]])
    assert [(rank, scores[0].files.name) for rank, scores in chosen] == [("worst", first[2].files.name)]


def test_each_model_has_its_colours_on_the_same_part_of_the_slice(report):
    scores = [next(score for score in of if score.files.name == "case00") for of in models(report)]
    row = draw_row("worst", scores)
    assert (row.slice, row.slices) == (3, 8)
    assert row.dice == pytest.approx(np.mean([*hand_dice(0).values()]))
    pictures = [pixels(picture) for _, picture in row.models]
    assert len({picture.shape for picture in (*pictures, pixels(row.ct), pixels(row.pet))}) == 1
    height, width = pictures[0].shape[:2]
    assert (height, round(width / height, 2)) == (220, round(28 / 36, 2))
    # the box is columns 5 to 11; the second model's is 7 to 13, and the third has missed it
    row_shown = round(6.5 * height / 24)
    columns_shown = ((6, 9, 11), (6, 9, 13), (6, 9, 11))
    found = [
        [int(picture[row_shown, round((column + 0.5) * width / 28 - 0.5)].argmax()) for column in columns]
        for picture, columns in zip(pictures, columns_shown, strict=True)
    ]
    assert found == [[1, 1, 1], [2, 1, 0], [2, 2, 2]]
    for plain in (row.ct, row.pet):
        assert (np.ptp(pixels(plain), axis=2) == 0).all()
