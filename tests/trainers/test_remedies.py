"""What the trainers' refusals tell one to do, done as the message has it."""

import json
import re
import shutil

import pytest
import torch

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.trainers.robust import checkpoint_files
from nnunet_cipa.trainers.robust.checkpoint_files import find_damage, save_file
from nnunet_cipa.trainers.robust.resuming import LATEST
from tests.trainers.checkpoints import load
from tests.trainers.planning import plan_cipa


@pytest.mark.parametrize("variable", ["NNUNET_CIPA_SEED", "NNUNET_CIPA_ACTIVATION_CHECKPOINTING"])
def test_a_variable_set_as_told_or_unset(variable, start, monkeypatch):
    trainer = start()
    monkeypatch.setenv(variable, "yes")
    with pytest.raises(CIPAError, match=f"{variable} is 'yes'; set it to .*, or unset it") as error:
        trainer.initialize()
    monkeypatch.setenv(variable, re.search(r"set it to.*?(\d+)", str(error.value)).group(1))
    start(seed=None).initialize()
    monkeypatch.delenv(variable)
    start(seed=None).initialize()


@pytest.mark.parametrize("labels", [None, {}, {"GTV": 1}, {"background": 0, "GTV": "1"}])
def test_labels_named_as_told(labels, plans, dataset_json):
    dataset_json["labels"] = labels
    with pytest.raises(CIPAError, match=r"labels are .*name the labels as in") as error:
        plan_cipa(plans, "2d", dataset_json, {})
    dataset_json["labels"] = json.loads(re.search(r"as in (\{.*?\})", str(error.value)).group(1))
    plan_cipa(plans, "2d", dataset_json, {})
    assert plans["configurations"]["2d"]["architecture"]["network_class_name"] == "nnunet_cipa.network.CIPA"


@pytest.mark.parametrize("configuration", ["2d_cascade", "3d_fullres"])
def test_the_configuration_that_is_named(configuration, plans, dataset_json):
    with pytest.raises(NotImplementedError, match=r"train configuration 2d$") as error:
        plan_cipa(plans, configuration, dataset_json, {})
    plan_cipa(plans, str(error.value).split()[-1], dataset_json, {})


def test_a_checkpoint_is_saved_where_space_was_freed(tmp_path, monkeypatch):
    path, content = tmp_path / LATEST, {"new": torch.ones(1 << 20)}
    with monkeypatch.context() as full:
        usage = shutil.disk_usage(tmp_path)._replace(free=1 << 20)
        full.setattr(checkpoint_files.shutil, "disk_usage", lambda _: usage)
        with pytest.raises(CIPAError, match="Free space on that disk, then continue with --c"):
            save_file(content, path)
    save_file(content, path)
    assert find_damage(path) is None
    assert torch.equal(load(path)["new"], content["new"])
