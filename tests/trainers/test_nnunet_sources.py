"""A change of nnU-Net's code that the trainers override or build on does not go unnoticed."""

import copy
import json
import re
import warnings

import pytest

from tests.trainers.nnunet_sources import COMMAND, RECORD, RELIED_ON, compare, describe, find, installed, overridden

METHOD = "nnunetv2.training.nnUNetTrainer.nnUNetTrainer:nnUNetTrainer.train_step"


@pytest.fixture
def known():
    return json.loads(RECORD.read_text())


def test_nnunet_is_the_one_that_the_trainers_were_written_for(known):
    wrong, changed = compare(known, {*overridden(), *RELIED_ON}, installed())
    advice = f"Read the change, adapt nnunet_cipa/trainers to it, then renew {RECORD.name} with: {COMMAND}"
    assert not wrong, "\n".join([*wrong, advice])
    if changed:
        warnings.warn("\n".join(["nnU-Net has changed, its signatures have not.", *changed, advice]), stacklevel=1)


def test_what_the_trainers_override_is_found_by_itself():
    names = {name.rpartition(".")[2] for name in overridden()}
    assert names >= {
        "__init__",
        "train_step",
        "save_checkpoint",
        "load_checkpoint",
        "get_dataloaders",
        "on_train_start",
    }
    assert "edit_plans" not in names
    assert all(find(name) for name in RELIED_ON)


def step(self, batch: dict) -> dict:
    # a comment
    return batch


def same_step(self, batch: dict) -> dict:

    # another comment
    return batch


def test_comments_and_blank_lines_are_no_change():
    first, second = describe(step), describe(same_step)
    assert first["signature"] == second["signature"] == "(self, batch)"
    assert describe(same_step) == second
    hashes = {describe(function)["sha256"] for function in (step, find(METHOD))}
    assert len(hashes) == 2


@pytest.mark.parametrize(
    ("edit", "version", "wrong", "changed"),
    [
        ({}, None, None, None),
        ({"sha256": "0"}, None, "source of nnunetv2 .* differs in nnunetv2", None),
        ({"sha256": "0"}, "2.7.0", None, "source of nnunetv2 2.7.0 .* differs in nnunetv2 "),
        ({"signature": "(self)"}, "2.7.0", r"signature \(self\) of nnunetv2 2.7.0 .* is \(self, batch\)", None),
        ({"signature": "(self)"}, None, r"signature \(self\) of", None),
    ],
    ids=["same", "other source", "other source of another version", "other signature", "other signature, same version"],
)
def test_messages_name_the_method_and_the_versions(known, edit, version, wrong, changed):
    names = set(known["functions"])
    found = copy.deepcopy(known)
    found["versions"] = installed() if version is None else {**installed(), "nnunetv2": version}
    found["functions"] = {name: describe(find(name)) for name in names}
    found["functions"][METHOD].update(edit)
    for messages, pattern in zip(compare(found, names, installed()), (wrong, changed), strict=True):
        assert len(messages) == (pattern is not None)
        assert all(re.search(f"^{re.escape(METHOD)}: {pattern}", message) for message in messages)


def test_methods_that_come_and_go(known):
    names = set(known["functions"])
    wrong, _ = compare(known, names, installed(), lambda name: None if name == METHOD else find(name))
    assert any(message.startswith(f"{METHOD} of nnunetv2") and "is gone in" in message for message in wrong)
    wrong, _ = compare(known, {*names, "nnunetv2.run.run_training:run_training"}, installed())
    assert "nnunetv2.run.run_training:run_training is overridden and not written down" in wrong
    wrong, _ = compare(known, names - {METHOD}, installed())
    assert f"{METHOD} is written down and no longer overridden or relied on" in wrong
