"""Steps whose loss or gradient is not finite: skipped and logged, and the end of the training if they go on."""

import contextlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from torch import Tensor, nn

from nnunet_cipa.errors import CIPAError

MAX_GRADIENT_NORM = 12.0
EMA_MOMENTUM = 0.9


class NonFiniteGuard(nnUNetTrainer):
    """nnU-Net's training step, taken only if loss and gradient are finite on every rank.

    A step that is not taken leaves weights, batch norm statistics and optimizer as they were; the log names the cases
    of its batch and the parts of the loss. After ``non_finite_limit`` of them in a row the training ends. An epoch with
    such a loss is never the best one, and the moving average of Dice goes on without it.

    Overflow that comes from the loss scaling of float16 is not counted: the scaler skips the step and halves its
    scale, as it is made to. A gradient that is not finite at a scale of 1 or less is counted.
    """

    non_finite_limit = 10
    non_finite_in_a_row = 0

    def train_step(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Train on one batch.

        Returns
        -------
        dict
            ``loss``, NaN if the step was not taken.

        Raises
        ------
        CIPAError
            On every rank, if this was the last of ``non_finite_limit`` steps in a row.
        """
        data, target = (_to(batch[key], self.device) for key in ("data", "target"))
        buffers = [buffer.clone() for buffer in self.network.buffers()]
        self.optimizer.zero_grad(set_to_none=True)
        on_gpu = self.device.type == "cuda"
        with torch.autocast(self.device.type) if on_gpu else contextlib.nullcontext():
            output = self.network(data)
            loss = self.loss(output, target)
        norm = self._backward(loss)
        loss_is_finite, gradient_is_finite = self._on_every_rank(loss.detach().isfinite(), norm.isfinite())
        if loss_is_finite and gradient_is_finite:
            self._step()
            self.non_finite_in_a_row = 0
        elif not self._scale_was_too_high(loss_is_finite=loss_is_finite):
            with torch.no_grad():
                for buffer, before in zip(self.network.buffers(), buffers, strict=True):
                    buffer.copy_(before)
            self._skip(
                batch, f"loss {loss.item():.4g}{_describe_parts(self.loss, output, target)}, gradient {norm:.4g}"
            )
            return {"loss": np.array(np.nan, np.float32)}
        return {"loss": loss.detach().cpu().numpy()}

    def on_train_epoch_end(self, train_outputs: list[dict[str, Any]]) -> None:
        """Log the mean loss of the steps that were taken, and how many were not."""
        taken = [output for output in train_outputs if np.isfinite(output["loss"])]
        if len(taken) < len(train_outputs):
            self.print_to_log_file(f"{len(train_outputs) - len(taken)} of {len(train_outputs)} steps were skipped")
        super().on_train_epoch_end(taken or train_outputs[:1])

    def on_validation_epoch_end(self, val_outputs: list[dict[str, Any]]) -> None:
        """Log as nnU-Net does, and keep an epoch with a loss that is not finite out of the moving average of Dice."""
        super().on_validation_epoch_end(val_outputs)
        keys = ("train_losses", "val_losses", "mean_fg_dice")
        values = {key: float(self.logger.get_value(key, step=-1)) for key in keys}
        wrong = [f"{key} is {value}" for key, value in values.items() if not math.isfinite(value)]
        if wrong:
            self.print_to_log_file(f"epoch {self.current_epoch} cannot be the best: {', '.join(wrong)}")
        *before, ema = self.logger.get_value("ema_fg_dice", step=None)
        if wrong or not math.isfinite(ema):
            known = [value for value in before if math.isfinite(value)]
            self.logger.log("ema_fg_dice", _go_on(known, None if wrong else values["mean_fg_dice"]), self.current_epoch)

    def _backward(self, loss: Tensor) -> Tensor:
        """Leave clipped gradients, return their norm before that."""
        if self.grad_scaler is None:
            loss.backward()
        else:
            self.grad_scaler.scale(loss).backward()
            self.grad_scaler.unscale_(self.optimizer)
        return torch.nn.utils.clip_grad_norm_(self.network.parameters(), MAX_GRADIENT_NORM)

    def _step(self) -> None:
        if self.grad_scaler is None:
            self.optimizer.step()
        else:
            self.grad_scaler.step(self.optimizer)
            self.grad_scaler.update()

    def _on_every_rank(self, *flags: Tensor) -> list[bool]:
        together = torch.stack(flags).int()
        if self.is_ddp:
            dist.all_reduce(together, op=dist.ReduceOp.MIN)
        return [bool(flag) for flag in together.tolist()]

    def _scale_was_too_high(self, *, loss_is_finite: bool) -> bool:
        """Let the scaler react to the gradients of a finite loss; say whether a lower scale is all that they need."""
        if self.grad_scaler is None:
            return False
        before = self.grad_scaler.get_scale()
        self.grad_scaler.update(None if loss_is_finite else before)
        return 1 < before > self.grad_scaler.get_scale()

    def _skip(self, batch: dict[str, Any], what: str) -> None:
        self.non_finite_in_a_row += 1
        is_finite = bool(batch["data"].isfinite().all())
        here = f"{what}, input {'finite' if is_finite else 'NOT finite'}, cases {', '.join(map(str, batch['keys']))}"
        texts = [here]
        if self.is_ddp:
            texts = [""] * dist.get_world_size()
            dist.all_gather_object(texts, here)
        found = "; ".join(texts)
        self.print_to_log_file(
            f"step skipped, {self.non_finite_in_a_row} in a row, training ends at {self.non_finite_limit}: {found}"
        )
        if self.non_finite_in_a_row >= self.non_finite_limit:
            raise CIPAError(
                f"{self.output_folder}: {self.non_finite_in_a_row} training steps in a row had a loss or gradient that "
                f"is not finite, the last with {found}. None of them changed the weights. Look at the images of these "
                "cases, or lower initial_lr, then continue from the last checkpoint with --c"
            )


def _to(value: Any, device: torch.device) -> Any:
    if isinstance(value, list):
        return [_to(part, device) for part in value]
    return value.to(device, non_blocking=True)


def _describe_parts(loss: Callable[..., Tensor], output: Any, target: Any) -> str:
    """Compute the loss again for what its direct parts, cross-entropy and Dice, are, if it is made of modules."""
    if not isinstance(loss, nn.Module):
        return ""
    parts: dict[str, float] = {}

    def keep(name: str) -> Any:
        return lambda *call: parts.update({name: call[-1].float().mean().item()})

    hooks = [part.register_forward_hook(keep(name)) for name, part in loss.named_children()]
    try:
        with torch.no_grad():
            loss(output.detach() if isinstance(output, Tensor) else output, target)
    finally:
        for hook in hooks:
            hook.remove()
    return f" ({', '.join(f'{name} {value:.4g}' for name, value in parts.items())})" if parts else ""


def _go_on(known: list[float], dice: float | None) -> float:
    """Return nnU-Net's moving average after an epoch, from what is known of those before; None leaves the epoch out."""
    if dice is None:
        return known[-1] if known else math.nan
    return EMA_MOMENTUM * known[-1] + (1 - EMA_MOMENTUM) * dice if known else dice
