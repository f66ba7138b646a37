"""Checkpoints that survive a kill, and trainings that go on from them as if nothing had been."""

import math
from pathlib import Path
from typing import Any

import torch.distributed as dist
from torch import nn
from torch._dynamo import OptimizedModule
from torch.nn.parallel import DistributedDataParallel

from nnunet_cipa import __version__
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.trainers.robust.checkpoint_files import find_damage, previous_of, remove, remove_unfinished, save_file
from nnunet_cipa.trainers.robust.random_state import capture_random_state, restore_random_state, seed_workers
from nnunet_cipa.trainers.robust.seeding import SeededTraining
from nnunet_cipa.weights.torch_files import load_plain

LATEST, BEST = "checkpoint_latest.pth", "checkpoint_best.pth"
OURS = "nnunet_cipa"


class ResumableTraining(SeededTraining):
    """nnU-Net's checkpoints, written so that a kill or a full disk costs no more than what was trained since the last.

    They hold what nnU-Net's hold, and the states of the random number generators of every rank, the seed and the
    schedule. With loaders in the training's own process (``nnUNet_n_proc_DA=0``) and deterministic kernels a continued
    training ends with the same weights, bit for bit. Worker processes are started again, and what they had drawn ahead
    is lost; their seeds are drawn from the restored generator, so they repeat no batch of an earlier start.
    """

    _best_ema: float | None
    _random_states: list[dict[str, Any]] | None = None

    def save_checkpoint(self, filename: str) -> None:
        """Save, on rank 0, what the training needs to go on.

        Raises
        ------
        CIPAError
            If the disk is full or a weight is not finite; the checkpoint before is then as it was.
        """
        path = Path(filename)
        if path.name == LATEST:
            self._save_new_best()
        if self.disable_checkpointing:
            super().save_checkpoint(filename)
            return
        states = self._gather(capture_random_state(self.device))
        if self.local_rank == 0:
            save_file(self._content(states), path, keep_previous=path.name == LATEST)

    def load_checkpoint(self, filename_or_checkpoint: dict[str, Any] | str) -> None:
        """Load a checkpoint; if the latest is damaged, the last good one before it, and say so in the log.

        Raises
        ------
        CIPAError
            If it is damaged and there is no other.
        """
        if not isinstance(filename_or_checkpoint, str):
            super().load_checkpoint(filename_or_checkpoint)
            return
        path = self._choose(Path(filename_or_checkpoint))
        super().load_checkpoint(str(path))
        if self._best_ema is None or math.isnan(self._best_ema):
            self._best_ema = -math.inf
        ours = load_plain(path, mmap=True).get(OURS, {})
        self._random_states = ours.get("random_states")
        self.keep_seed(ours.get("seed"))
        if ours and ours["schedule"] != self.lr_scheduler.settings:
            self.print_to_log_file(
                f"the schedule was {ours['schedule']} and goes on as {self.lr_scheduler.settings} from this checkpoint"
            )

    def on_train_start(self) -> None:
        """Start as nnU-Net does, then set the random number generators to where the checkpoint left them."""
        super().on_train_start()
        if self.local_rank == 0:
            remove_unfinished(Path(self.output_folder))
        ranks = dist.get_world_size() if self.is_ddp else 1
        if self._random_states is not None and len(self._random_states) == ranks:
            restore_random_state(self._random_states[self.local_rank], self.device)
            self._random_states = None
        elif self.current_epoch:
            self.print_to_log_file(f"the checkpoint has no random states of {ranks} process(es); they start again")
        for loader in (self.dataloader_train, self.dataloader_val):
            seed_workers(loader)

    def on_train_end(self) -> None:
        """End as nnU-Net does; what belonged to the latest checkpoint goes with it."""
        super().on_train_end()
        if self.local_rank == 0 and not self.disable_checkpointing:
            remove(Path(self.output_folder, LATEST))

    def _save_new_best(self) -> None:
        """Save a new best checkpoint before the latest: nnU-Net does it after, and a kill in between would lose it."""
        ema = self.logger.get_value("ema_fg_dice", step=-1)
        if self._best_ema is None or ema > self._best_ema:
            self._best_ema = ema
            self.print_to_log_file(f"new best moving average of Dice: {ema:.4f}")
            self.save_checkpoint(str(Path(self.output_folder, BEST)))

    def _content(self, random_states: list[dict[str, Any]]) -> dict[str, Any]:
        weights = unwrap(self.network).state_dict()
        for name, tensor in weights.items():
            if not tensor.isfinite().all():
                raise CIPAError(f"{self.output_folder}: {name} is not finite and is not saved; continue with --c")
        return {
            "network_weights": weights,
            "optimizer_state": self.optimizer.state_dict(),
            "grad_scaler_state": None if self.grad_scaler is None else self.grad_scaler.state_dict(),
            "logging": self.logger.get_checkpoint(),
            "_best_ema": self._best_ema,
            "current_epoch": self.current_epoch + 1,
            "init_args": self.my_init_kwargs,
            "trainer_name": type(self).__name__,
            "inference_allowed_mirroring_axes": self.inference_allowed_mirroring_axes,
            OURS: {
                "version": __version__,
                "seed": self.seed,
                "random_states": random_states,
                "schedule": self.lr_scheduler.settings,
            },
        }

    def _gather(self, value: Any) -> list[Any]:
        """Return the values of all ranks."""
        values = [value]
        if self.is_ddp:
            values *= dist.get_world_size()
            dist.all_gather_object(values, value)
        return values

    def _choose(self, path: Path) -> Path:
        """Return the file to load: ``path``, or for the latest checkpoint that is damaged the newest good one."""
        others = [previous_of(path), path.with_name(BEST)] if path.name == LATEST else []
        others = sorted(
            (file for file in others if file.is_file()), key=lambda file: file.stat().st_mtime, reverse=True
        )
        problems: list[str] = []
        for file in (path, *others):
            problem = find_damage(file)
            if problem is None:
                if problems:
                    self.print_to_log_file(f"WARNING: {'; '.join(problems)}. Loading {file.name}, the last good one")
                return file
            problems.append(f"{file.name} is damaged: {problem}")
        raise CIPAError(
            f"{path.parent}: {'; '.join(problems)}; copy the file back from where it is whole, or remove it and train "
            "this fold again"
        )


def unwrap(network: nn.Module) -> nn.Module:
    """Return the network without the shells of distributed training and torch.compile."""
    if isinstance(network, DistributedDataParallel):
        network = network.module
    return network._orig_mod if isinstance(network, OptimizedModule) else network  # noqa: SLF001 - as nnU-Net does
