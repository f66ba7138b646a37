"""Trainings in processes of their own whose loss is not finite."""

import itertools
import math
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch.nn.parallel import DistributedDataParallel

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.plugin import plugin_path
from nnunet_cipa.trainers import nnUNetTrainerCIPA_demo
from tests.trainers.small_training import SIDE, forkserver, write_data
from tests.trainers.steps import BAD, assert_same, make_batch, prepare, train_on, weights


def train_two(rank, port, folder, trainer):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    dist.init_process_group("gloo", rank=rank, world_size=2)
    torch.set_num_threads(1)
    trainer.is_ddp, trainer.local_rank = True, rank
    prepare(trainer)
    trainer.network = DistributedDataParallel(trainer.network)
    trainer.network.train()
    losses, before, message = [], [], ""
    for step, bad_rank in enumerate([None, 0, 1, None]):
        before.append(weights(trainer))
        bad = BAD if rank == bad_rank else None
        losses.append(float(trainer.train_step(make_batch(100 * rank + step, bad))["loss"]))
    before.append(weights(trainer))
    try:
        trainer.non_finite_limit = 2
        train_on(trainer, [make_batch(100 * rank, BAD if rank else None)] * 5)
    except CIPAError as error:
        message = str(error)
    torch.save({"losses": losses, "states": before, "message": message, "end": weights(trainer)}, folder / f"{rank}")
    dist.destroy_process_group()


@pytest.mark.slow
def test_all_ranks_decide_alike(make_trainer, plans, tmp_path):
    plans["configurations"]["2d"]["patch_size"] = [32, 32]
    trainer = make_trainer(nnUNetTrainerCIPA_demo)
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    method = forkserver.get_start_method()
    mp.start_processes(train_two, args=(port, tmp_path, trainer), nprocs=2, start_method=method)
    results = [torch.load(tmp_path / str(rank)) for rank in (0, 1)]
    for result in results:
        assert [math.isnan(loss) for loss in result["losses"]] == [False, True, True, False]
        states = result["states"]
        name = "module.encoder.patch_embed.proj.0.weight"
        assert [torch.equal(a[name], b[name]) for a, b in itertools.pairwise(states)] == [
            False, True, True, False
        ]  # fmt: skip
        assert_same(result["end"], states[-1])
        assert "cases patient_0, patient_1" in result["message"]
        assert "cases patient_100, patient_101" in result["message"]
    assert_same(results[0]["end"], results[1]["end"])


@pytest.mark.slow
def test_the_command_ends_with_an_exit_status_and_the_reason(plans, dataset_json, tmp_path):
    plans["configurations"]["2d"]["patch_size"] = [SIDE, SIDE]
    write_data(tmp_path, plans, dataset_json, scale=np.float32(BAD))
    folders = {f"nnUNet_{name}": str(tmp_path / name) for name in ("raw", "preprocessed", "results")}
    command = ["nnUNetv2_train", "701", "2d", "0", "-tr", "nnUNetTrainerCIPA_demo", "-device", "cpu"]
    done = subprocess.run(
        [str(Path(sys.executable).parent / command[0]), *command[1:]],
        env={**os.environ, **folders, "nnUNet_extTrainer": str(plugin_path()), "nnUNet_n_proc_DA": "0"},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 1, done.stderr[-3000:]
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("nnunet_cipa.errors.CIPAError: ")
    assert "10 training steps in a row had a loss or gradient that is not finite" in last
    assert "input NOT finite, cases case_" in last
    assert not list((tmp_path / "results").rglob("checkpoint*"))
