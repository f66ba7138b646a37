"""A short training of CIPA on phantom slices: seconds of an iteration, and whether the loss falls."""

import time
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.network import CIPA
from nnunet_cipa.speed.gpu.job import Items, Job, Rows
from nnunet_cipa.speed.gpu.slices import read_slices

_NAME = "cipa, phantom slices"
_BATCH, _TINY_BATCH = 8, 2
_ITERATIONS, _TINY_ITERATIONS = 2000, 12
_REPORTED = 10  # iterations a row
_TINY_REPORTED = 4
_RESERVE = 4.0  # seconds before the end of the part, to end by itself
_RATE, _DECAY = 3e-4, 1e-2


def items(job: Job) -> Items:
    """Name the one training."""
    if not job.slices:
        return {
            _NAME: "no slices could be drawn (log.txt says why); give --slices a file of 'nnunet-cipa bench slices'"
        }
    return {_NAME: partial(_train, job)}


def _train(job: Job) -> Rows:
    """Train on random batches, flipped at random, until the time is up.

    Yields
    ------
    dict
        Of every few iterations: the last one's number, and the means of loss and of seconds.
    """
    device, path = torch.device(job.device), Path(job.slices)
    _wait_for(path, job.until)
    images, masks = _tensors(path, device)
    torch.manual_seed(0)
    torch.backends.cudnn.benchmark = device.type == "cuda"
    size = (images.shape[2], images.shape[3])
    network = CIPA(2, 2, patch_size=size, variant="nano" if job.tiny else "tiny").to(device)
    optimizer = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=_DECAY)
    rng = np.random.default_rng(0)
    batch, every = (_TINY_BATCH, _TINY_REPORTED) if job.tiny else (_BATCH, _REPORTED)
    losses: list[float] = []
    start = time.monotonic()
    for iteration in range(1, (_TINY_ITERATIONS if job.tiny else _ITERATIONS) + 1):
        chosen = torch.as_tensor(rng.integers(len(images), size=batch), device=device)
        flips = [axis for axis in (-1, -2) if rng.random() < 0.5]
        image, mask = images[chosen].flip(flips), masks[chosen].flip(flips)
        losses.append(float(_step(network, optimizer, image, mask)))  # waits for the device
        up = time.time() > job.until - _RESERVE
        if up or iteration % every == 0:
            seconds = (time.monotonic() - start) / len(losses)
            yield {"name": "cipa", "iteration": iteration, "batch": batch, "height": size[0], "width": size[1],
                   "loss": sum(losses) / len(losses), "seconds_per_iteration": seconds}  # fmt: skip
            losses, start = [], time.monotonic()
        if up:
            return


def _wait_for(path: Path, until: float) -> None:
    while not path.is_file():
        if time.time() > until - _RESERVE:
            raise CIPAError(f"{path}: no slices to train on; give --slices with a file of 'nnunet-cipa bench slices'")
        time.sleep(0.2)


def _tensors(path: Path, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return images (n, 2, h, w), each of mean 0 and deviation 1, and masks (n, h, w)."""
    slices = read_slices(path)
    images = torch.stack([torch.from_numpy(x).to(device).float() for x in (slices.ct, slices.pet)], 1)
    deviation, mean = torch.std_mean(images, (2, 3), keepdim=True)
    return (images - mean) / deviation.clamp_min(1), torch.from_numpy(slices.mask > 0).to(device).long()


def _step(network: CIPA, optimizer: torch.optim.Optimizer, image: Tensor, mask: Tensor) -> Tensor:
    optimizer.zero_grad(set_to_none=True)
    half = torch.bfloat16 if image.is_cuda and torch.cuda.is_bf16_supported() else torch.float16
    with torch.autocast("cuda", half, enabled=image.is_cuda):
        logits = network(image).float()
    loss = F.cross_entropy(logits, mask) + _soft_dice_loss(logits, mask)
    torch.autograd.backward(loss)
    torch.nn.utils.clip_grad_norm_(network.parameters(), 12.0)
    optimizer.step()
    return loss.detach()


def _soft_dice_loss(logits: Tensor, mask: Tensor) -> Tensor:
    """Return one minus the Dice of the probabilities over the batch, as nnU-Net's ``batch_dice`` takes it."""
    tumour = logits.softmax(1)[:, 1]
    return 1 - (2 * (tumour * mask).sum() + 1) / (tumour.sum() + mask.sum() + 1)
