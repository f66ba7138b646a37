"""Two processes train steps under DistributedDataParallel, as nnU-Net wraps the network: every parameter takes part."""

import os
import socket

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from nnunetv2.training.loss.compound_losses import DC_and_CE_loss
from nnunetv2.training.loss.dice import MemoryEfficientSoftDiceLoss
from torch.nn.parallel import DistributedDataParallel

from nnunet_cipa.network import CIPA, comparators
from nnunet_cipa.network.comparators.ensemble import EnsembleLoss
from nnunet_cipa.network.dynamic.network import CIPADynamic
from nnunet_cipa.network.stack.network import CIPAStack
from nnunet_cipa.trainers.recipe.optimizer import parameter_groups
from tests.trainers.small_training import forkserver

WORLD_SIZE = 2
STEPS = 2
SWITCHES = {
    "whole": {},
    "ablated": {"crm": False, "dcim": False},
    "sim": {"slices": 3, "sim": "encoder"},
    "sim on the input": {"slices": 3, "sim": "input"},
    "features": {"slices": 3, "sim": "features", "sim_learnable": True},
    "stack": {"spacing_z": 3.0},
    "dynamic": {"spacing_z": 3.0, "slices": 7, "sim": "encoder"},
}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def join(rank, port):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    dist.init_process_group("gloo", rank=rank, world_size=WORLD_SIZE)
    torch.set_num_threads(1)
    torch.manual_seed(rank)  # different weights and batches: DDP has to make the weights equal


def make_loss():
    dice = {"batch_dice": True, "smooth": 1e-5, "do_bg": False, "ddp": False}
    return EnsembleLoss(DC_and_CE_loss(dice, {}, dice_class=MemoryEfficientSoftDiceLoss))


def random_loss(network, loss_function, size=(32, 32)):
    target = torch.randint(0, 2, (2, 1, *size)).float()
    return loss_function(network(torch.randn(2, 2 * network.module.slices, *size)), target)


def train(rank, port, folder, switches, recompute):
    join(rank, port)
    kind = CIPA if "spacing_z" not in switches else CIPADynamic if "slices" in switches else CIPAStack
    network = kind(2, 2, patch_size=(32, 32), variant="nano", **switches)
    network.set_activation_checkpointing(recompute)
    network = DistributedDataParallel(network)
    optimizer = torch.optim.AdamW(parameter_groups(network.named_parameters(), 1e-2, 1e-3))
    loss_function = make_loss()
    network.train()
    for _ in range(STEPS):  # a parameter left out of a pass is an error in the next one
        optimizer.zero_grad(set_to_none=True)
        random_loss(network, loss_function, (2, 32, 32) if kind is CIPAStack else (32, 32)).backward()
        optimizer.step()
    state = {name: p.detach() for name, p in network.module.named_parameters()}
    unused = [name for name, p in network.module.named_parameters() if p.grad is None]
    torch.save({"state": state, "unused": unused}, folder / f"{rank}.pth")
    dist.destroy_process_group()


def step_comparators(rank, port, folder):
    join(rank, port)
    for name in comparators.names():
        network = comparators.build(name, 2, 2, patch_size=(32, 32), variant="nano").train()
        network = DistributedDataParallel(network, find_unused_parameters=False)
        random_loss(network, make_loss()).backward()
        found = {name: p.grad for name, p in network.module.named_parameters() if p.requires_grad}
        torch.save(found, folder / f"{name}_{rank}.pth")
    dist.destroy_process_group()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("switches", "recompute"),
    [*((switches, False) for switches in SWITCHES.values()), ({}, True)],
    ids=[*SWITCHES, "activation checkpointing"],
)
def test_two_processes_stay_equal_and_use_every_parameter(tmp_path, switches, recompute):
    arguments = (free_port(), tmp_path, switches, recompute)
    mp.start_processes(train, args=arguments, nprocs=WORLD_SIZE, start_method=forkserver.get_start_method())
    first, second = (torch.load(tmp_path / f"{rank}.pth") for rank in range(WORLD_SIZE))
    assert first["unused"] == second["unused"] == []
    for name, parameter in first["state"].items():
        torch.testing.assert_close(parameter, second["state"][name], rtol=0, atol=0, msg=name)


@pytest.mark.slow
def test_two_processes_have_one_gradient_of_every_parameter_of_a_comparator(tmp_path):
    arguments = (free_port(), tmp_path)
    mp.start_processes(step_comparators, args=arguments, nprocs=WORLD_SIZE, start_method=forkserver.get_start_method())
    for network in comparators.names():
        first, second = (torch.load(tmp_path / f"{network}_{rank}.pth") for rank in range(WORLD_SIZE))
        assert first.keys() == second.keys() != set()
        for name, gradient in first.items():
            assert gradient is not None, f"{network} does not use {name}"
            torch.testing.assert_close(gradient, second[name], rtol=0, atol=0, msg=f"{network} {name}")
