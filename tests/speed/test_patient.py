import json

import pytest
import torch

from nnunet_cipa.cli import main
from nnunet_cipa.speed import patient_models
from nnunet_cipa.speed.catalogue import PATIENT_NETWORKS
from nnunet_cipa.speed.options import PREDICTORS
from nnunet_cipa.speed.patient_models import PatientModel
from nnunet_cipa.speed.timing import time_once
from nnunet_cipa.speed.volume import crop_to_body, draw_volume
from tests.speed.test_bench import table

SMALL = ["--variant", "nano", "--size", "64", "96", "--slices", "3"]


def test_a_volume_is_predicted_whole_and_cropped_with_and_without_mirroring(capsys, tmp_path):
    path = tmp_path / "patient.json"
    assert main(["bench", "patient", *SMALL, "--crop", "--networks", "cipa", "--json", str(path)]) == 0
    rows = table(capsys.readouterr().out)
    cropped = "3 x 30 x 70"  # pixels whose centres are within 0.24 * 63 rows and 0.365 * 95 columns of the middle
    assert [(row["network"], row["volume"], row["patch"], row["predicted by"], row["mirrored"]) for row in rows] == [
        ("cipa", volume, patch, by, mirrored)
        for volume, patch in (("3 x 64 x 96", "64 x 96"), (cropped, "32 x 96"))
        for mirrored in ("yes", "no")
        for by in PREDICTORS
    ]
    content = json.loads(path.read_text())
    assert content["subject"] == "patient"
    for row, values in zip(rows, content["rows"], strict=True):
        assert float(row["s per slice"]) == pytest.approx(values["seconds"] / 3, rel=0.01)
        assert values["ratio"] == pytest.approx(values["seconds"] / content["rows"][0]["seconds"])
    assert content["command"].startswith("nnunet-cipa bench patient --size 64 96 --slices 3 --crop --variant nano")


@pytest.mark.parametrize("name", PATIENT_NETWORKS)
def test_both_predictors_predict_the_same(name, monkeypatch):
    monkeypatch.setattr(patient_models, "_VOLUME_PATCH", (8, 64, 64))
    image = draw_volume(2, 64, 64)
    predictors = PatientModel(name, "nano", (64, 64)).make_predictors(False, torch.device("cpu"), PREDICTORS)
    stock, ours = (one.predict_logits_from_preprocessed_data(image) for one in predictors.values())
    assert stock.shape == (2, 2, 64, 64)
    assert stock.std() > 0
    assert torch.equal(stock, ours)


def test_the_volume_is_a_body_in_air():
    volume = draw_volume(2, 512, 512)
    body = volume[1] > 0
    assert body.float().mean() == pytest.approx(3.14159 * 0.365 * 0.24, rel=0.01)  # the area of an ellipse
    assert volume[0][~body].unique().tolist() == [pytest.approx(0.64)]
    cropped = crop_to_body(volume)
    assert cropped.shape[2:] == (246, 374)
    assert cropped[1].count_nonzero() == volume[1].count_nonzero()


def test_what_takes_long_is_run_once():
    runs = []
    timing = time_once(lambda: runs.append(torch.ones(2**24)), torch.device("cpu"))
    assert len(runs) == 1
    assert 60 * 2**20 < timing.peak_bytes < 80 * 2**20
    assert 0 < timing.seconds == timing.fastest == timing.slowest < 10


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--variant", "huge"], "--variant huge: there is none; choose among tiny, small, base, nano"),
        (["--networks", "sigma"], "invalid choice: 'sigma'"),
        (["--slices", "0"], "0 is below 1"),
        (["--size", "16", "64"], "16 is below 32"),
    ],
)
def test_wrong_arguments_end_with_2(arguments, told, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["bench", "patient", *arguments])
    assert stop.value.code == 2
    assert told in capsys.readouterr().err
