"""``weights adapt`` between data sets that store other intensities."""

import pytest
import torch

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.network import CIPA
from nnunet_cipa.nnunet.intensities import describe_mismatch
from nnunet_cipa.weights import adapt_weights, export_weights
from tests.trainers.conftest import DATASET, PLANS

PAPER = {"intensity": "paper"}
LUNG = {"intensity": "window", "hu_window": [-1200.0, -200.0], "suv_range": [0.0, 20.0]}
SOFT = {"intensity": "window", "hu_window": [-160.0, 240.0], "suv_range": [0.0, 20.0]}
HOT = {"intensity": "window", "hu_window": [-1200.0, -200.0], "suv_range": [0.0, 12.0]}
RAW = {"intensity": "raw", "hu_window": None, "suv_range": None}


@pytest.mark.parametrize(
    ("source", "target", "told"),
    [
        (LUNG, LUNG, None),
        (PAPER, LUNG, None),
        (LUNG, {**PAPER, "hu_window": [-1200.0, -200.0], "suv_range": None}, None),
        (RAW, RAW, None),
        ({}, SOFT, None),
        (SOFT, {"intensity": "something else"}, None),
        (LUNG, SOFT, "--hu-window -1200 -200 and --hu-window -160 240"),
        (PAPER, SOFT, "--hu-window -1200 -200 and --hu-window -160 240"),
        (LUNG, HOT, "--suv-range 0 20 and --suv-range 0 12"),
        (RAW, LUNG, "--intensity raw and --intensity window"),
        (PAPER, RAW, "--intensity paper and --intensity raw"),
        ({**LUNG, "hu_window": "wide"}, SOFT, None),
    ],
)
def test_what_both_data_sets_say_is_compared(source, target, told):
    assert describe_mismatch(source, target) == told


@pytest.fixture
def checkpoint(tmp_path):
    """A checkpoint of a training on lung windows."""
    network = CIPA(2, 2, patch_size=(32, 32), variant="nano")
    path = tmp_path / "source.pth"
    dataset_json = {**DATASET, **LUNG}
    content = {
        "network_weights": network.state_dict(),
        "trainer_name": "nnUNetTrainerCIPA",
        "init_args": {"plans": PLANS, "configuration": "2d", "dataset_json": dataset_json},
    }
    torch.save(content, path)
    return path


@pytest.mark.parametrize("exported", [False, True])
def test_other_windows_are_refused_unless_one_goes_on(checkpoint, tmp_path, exported):
    source = checkpoint
    if exported:
        source = tmp_path / "source.safetensors"
        export_weights(checkpoint, source)
    network = CIPA(2, 2, patch_size=(32, 32), variant="nano")
    out = tmp_path / "out.pth"
    told = (
        rf"{source.name}: was trained on other intensities than those of Soft: --hu-window -1200 -200 and --hu-window "
        "-160 240; convert one of the two data sets with the options of the other, or give --other-intensities"
    )
    with pytest.raises(CIPAError, match=told):
        adapt_weights(source, out, network, {**DATASET, **SOFT, "name": "Soft"})
    assert not out.exists()
    adapt_weights(source, out, network, {**DATASET, **SOFT}, other_intensities=True)
    assert out.is_file()
    adapt_weights(source, out, network, {**DATASET, **LUNG})
