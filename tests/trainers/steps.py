"""Steps of a trainer on batches of noise."""

import math
from pathlib import Path

import numpy as np
import torch

BAD = math.nan


def prepare(trainer):
    torch.manual_seed(0)
    trainer.network = trainer.build_network_architecture(
        trainer.plans_manager, trainer.configuration_manager, 2, 2, False
    ).train()
    trainer.optimizer, trainer.lr_scheduler = trainer.configure_optimizers()
    trainer.loss = trainer._build_loss()
    trainer.lr_scheduler.step(0)
    return trainer


def make_batch(seed, bad=None):
    generator = torch.Generator().manual_seed(seed)
    data = torch.randn(2, 2, 32, 32, generator=generator)
    if bad is not None:
        data[1, 0, 3, 3] = bad
    target = torch.randint(0, 2, (2, 1, 32, 32), generator=generator)
    return {"data": data, "target": target, "keys": np.array([f"patient_{seed}", f"patient_{seed + 1}"])}


def weights(trainer):
    return {name: parameter.detach().clone() for name, parameter in trainer.network.named_parameters()}


def assert_same(first, second):
    assert first.keys() == second.keys()
    for name in first:
        assert torch.equal(first[name], second[name]), name


def log_of(trainer):
    return Path(trainer.log_file).read_text()


def train_on(trainer, batches):
    for batch in batches:
        trainer.train_step(batch)
