"""Trainings with a seed: two starts with the same one end with the same weights."""

import random
import shutil
from pathlib import Path

import pytest
import torch
from nnunetv2.run.run_training import maybe_load_checkpoint

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.trainers.robust.resuming import LATEST
from nnunet_cipa.trainers.robust.seeding import SEED_VARIABLE, read_seed
from nnunet_cipa.weights.files import write_checkpoint
from tests.trainers.checkpoints import load
from tests.trainers.seeded_training import (
    TRAINERS,
    interrupt,
    nnUNetTrainer_seeded,
    results_of,
    same,
    trained,
    weights_of,
)  # fmt: skip
from tests.trainers.steps import log_of


@pytest.mark.parametrize("trainer_class", TRAINERS)
def test_same_seed_same_weights_and_another_seed_others(start, trainer_class):
    first, second, other = (trained(start(trainer_class, seed)) for seed in ("3", "3", "4"))
    assert same(first, second)
    assert not same(first, other)


def test_without_a_seed_two_starts_differ(start):
    assert not same(trained(start(seed="")), trained(start(seed="")))


def continued(trainer):
    maybe_load_checkpoint(trainer, continue_training=True, validation_only=False)
    return trained(trainer)


def test_continued_training_keeps_the_seed_of_its_checkpoint(start, tmp_path):
    """It ends as one that was not interrupted, and the log says which seed is kept if another is asked for."""
    expected = trained(start())
    broken = start()
    interrupt(broken)
    assert load(Path(broken.output_folder, LATEST))["nnunet_cipa"]["seed"] == 3
    for then, told in (("4", "4"), ("", "not set"), ("3", None)):
        shutil.copytree(results_of(broken), tmp_path / f"then{then}")
        again = start(seed=then, results=tmp_path / f"then{then}")
        assert same(continued(again), expected)
        assert again.seed == load(Path(again.output_folder, "checkpoint_final.pth"))["nnunet_cipa"]["seed"] == 3
        kept = [line.split(": ", 1)[1].strip() for line in log_of(again).splitlines() if "is kept" in line]
        assert kept == ([f"seed 3 of the checkpoint is kept; {SEED_VARIABLE} is {told}"] if told else [])
        assert "seed 3: initial weights" in log_of(again)


@pytest.mark.parametrize("of_before", [True, False], ids=["without the key", "trained without a seed"])
def test_a_checkpoint_without_a_seed_goes_on_without(start, monkeypatch, of_before):
    trainer = start(seed="")
    trainer.initialize()
    trainer.disable_checkpointing = False
    trainer.current_epoch = 1
    trainer.logger.log("ema_fg_dice", 0.5, 0)
    path = Path(trainer.output_folder, LATEST)
    trainer.save_checkpoint(str(path))
    content = load(path)
    assert content["nnunet_cipa"]["seed"] is None
    if of_before:
        del content["nnunet_cipa"]["seed"]
        path.with_name(f"{LATEST}.sha256").unlink()
        torch.save(content, path)
    again = start(seed="5", results=results_of(trainer))
    maybe_load_checkpoint(again, continue_training=True, validation_only=False)
    assert again.seed is None
    assert "trained without a seed and goes on without; NNUNET_CIPA_SEED is 5" in log_of(again)


def test_pretrained_weights_leave_the_rest_to_the_seed(start, tmp_path):
    """The steps after them are the seed's, too, whatever the file took from the generators."""
    source = start(seed="")
    source.initialize()
    write_checkpoint(weights_of(source), tmp_path / "start.pth")

    def begin():
        trainer = start()
        maybe_load_checkpoint(trainer, False, False, str(tmp_path / "start.pth"))
        torch.rand(random.SystemRandom().randrange(1, 9))
        return trained(trainer)

    assert same(begin(), begin())


def test_encoder_from_a_file_and_the_rest_from_the_seed(start, tmp_path, monkeypatch):
    source = start(seed="")
    source.initialize()
    write_checkpoint(weights_of(source), tmp_path / "encoder.pth")
    monkeypatch.setenv("NNUNET_CIPA_ENCODER", str(tmp_path / "encoder.pth"))
    trainers = [start(), start()]
    for trainer in trainers:
        trainer.on_train_start()
    first, second = map(weights_of, trainers)
    assert same(first, second)
    assert torch.equal(
        first["encoder.patch_embed.proj.0.weight"], weights_of(source)["encoder.patch_embed.proj.0.weight"]
    )
    assert not torch.equal(first["decoder.head.weight"], weights_of(source)["decoder.head.weight"])


def test_ranks_start_from_the_same_weights_and_draw_other_batches(start):
    """So does a start at another epoch: it repeats no batch where no random states could be restored."""

    def begin(rank=0, epoch=0):
        trainer = start()
        trainer.local_rank, trainer.current_epoch = rank, epoch
        trainer.on_train_start()
        return weights_of(trainer), next(trainer.dataloader_train)["data"], random.random()

    starts = [begin(), begin(), begin(rank=1), begin(epoch=1)]
    weights, batches, numbers = zip(*starts, strict=True)
    assert all(same(weights[0], other) for other in weights[1:])
    assert [torch.equal(batches[0], batch) for batch in batches] == [True, True, False, False]
    assert [numbers[0] == number for number in numbers] == [True, True, False, False]


def test_fold_all_does_not_depend_on_the_order_of_a_folder(start, monkeypatch):
    def split(seed, listed):
        trainer = start(seed=seed)
        trainer.fold = "all"
        trainer.initialize()
        monkeypatch.setattr(trainer.dataset_class, "get_identifiers", lambda folder: listed)
        return trainer.do_split()

    assert split("3", ["b", "a"]) == split("3", ["a", "b"]) == (["a", "b"], ["a", "b"])
    assert split("", ["b", "a"]) == (["b", "a"], ["b", "a"])


def test_a_class_with_a_seed_does_not_read_the_variable(start):
    class nnUNetTrainer_seed3(nnUNetTrainer_seeded):
        seed = 3

    assert same(trained(start(nnUNetTrainer_seed3, seed="no seed")), trained(start(TRAINERS[2], seed="3")))


@pytest.mark.parametrize("value", ["-1", "4294967296", "1.0", "1e3", " 1", "one", "0x1", "1_0", "9" * 5000, "\u0663"])
def test_what_is_no_seed_is_refused_in_a_line_before_the_network_is_built(value, start, monkeypatch):
    trainer = start(seed=value)
    with pytest.raises(CIPAError) as caught:
        trainer.initialize()
    message = str(caught.value)
    assert message == f"{SEED_VARIABLE} is {value!r}; set it to an integer from 0 to 4294967295, or unset it"
    assert trainer.network is None


@pytest.mark.parametrize(("value", "seed"), [("0", 0), ("4294967295", 2**32 - 1), ("", None), ("007", 7)])
def test_seeds(value, seed, monkeypatch):
    monkeypatch.setenv(SEED_VARIABLE, value)
    assert read_seed() == seed
