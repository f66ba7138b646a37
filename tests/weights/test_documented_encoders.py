"""The table in docs/weights.md of files that encoders start from, against the networks."""

import re
from pathlib import Path
from pydoc import locate

import pytest

from nnunet_cipa import trainers

PAGE = Path(__file__).parents[2] / "docs" / "weights.md"
ROW = re.compile(r"^\| `(nnUNetTrainer\w+)` \|.*?\| (.*[\d,]+ tensors.*) \|$", re.MULTILINE)
ROWS = dict(ROW.findall(PAGE.read_text(encoding="utf-8")))
NAMES = [name for name in trainers.__all__ if not name.startswith("nnUNetTrainerCIPA")]
NAMES += [f"nnUNetTrainerCIPA_{backbone}" for backbone in ("ResNet50", "SwinT", "SwinTShared")]
OWN_FILE = "nnUNetTrainerSigma"  # starts from CIPA's own encoder


@pytest.mark.parametrize("name", NAMES)
def test_as_many_tensors_start_from_a_file_as_the_table_says(name):
    trainer = getattr(trainers, name)
    network = locate(trainer.network_class_name)(2, 2, patch_size=(224, 224), **trainer.architecture)
    count = sum(network.pretrained_name(tensor) is not None for tensor in network.state_dict())
    told = re.search(r"([\d,]+) tensors", ROWS.get(name, "0 tensors"))[1]
    assert count == int(told.replace(",", ""))
    assert (count == 0) == (name == OWN_FILE)
