"""The pictures, judged by their pixels."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from nnunet_cipa.evaluation.report.pictures import choose_cases, draw_case


def test_worst_median_and_best(report):
    scores = report.of("shifted")
    ordered = sorted(score.measures.dice for score in scores)
    chosen = choose_cases(scores)
    assert [rank for rank, _ in chosen] == ["worst", "median", "best"]
    assert [score.measures.dice for _, score in chosen] == [ordered[0], ordered[4], ordered[9]]
    assert [rank for rank, _ in choose_cases(scores[:1])] == ["worst"]
    assert [rank for rank, _ in choose_cases(scores[:2])] == ["worst", "best"]
    assert choose_cases([]) == []


@pytest.mark.parametrize("modality", ["ct", "pet"])
def test_picture_of_a_shifted_case(report, modality):
    """Red, green and blue columns from right to left: the prediction is the truth moved to the right."""
    (score,) = [score for score in report.of("shifted") if score.files.name == "case00"]
    picture = draw_case("worst", score)
    assert (picture.slice, picture.slices) == (3, 8)
    data = getattr(picture, modality).removeprefix("data:image/png;base64,")
    image = np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))).astype(int)
    # 24 rows of 1.5 mm and 28 columns of 1 mm, all of them within the margin
    assert image.shape[1] / image.shape[0] == pytest.approx(28 / 36, abs=0.01)
    size = image.shape[1] / 28
    row = image[round(6.5 * image.shape[0] / 24)]
    # the box is columns 5 to 11; moved by two it is 7 to 13
    for column, channel in ((6, 2), (9, 1), (13, 0)):
        pixel = row[round((column + 0.5) * size - 0.5)]
        assert pixel.argmax() == channel
    outside = row[round(20.5 * size)]
    assert outside.max() == outside.min()
