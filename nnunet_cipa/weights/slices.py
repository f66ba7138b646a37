"""Tensors whose sizes depend on how many slices the network reads, for another number of slices."""

from collections.abc import Collection

import torch
from torch import Tensor

from nnunet_cipa.network import CIPA, PETCTNetwork
from nnunet_cipa.network.cipa.encoder import PATCH_EMBED
from nnunet_cipa.network.cipa.encoding import Encoder
from nnunet_cipa.weights.files import StateDict
from nnunet_cipa.weights.table import CONVERTED, LoadTable

_SIM = ("sim.", "encoder_sims.", "feature_sims.")
_OTHERS = ("stack_scans.", "neighbour_attention.")


def image_layers(network: PETCTNetwork) -> list[str]:
    """Return the names of the tensors whose second axis are the channels of an image, where the network tells them."""
    told = network.encoder.image_layers if isinstance(network.encoder, Encoder) else ()
    return [f"encoder.{name}" for name in told]


def is_sim(name: str) -> bool:
    """Return whether a tensor of the network belongs to a slice interaction module."""
    return name.startswith(_SIM)


def is_between_slices(name: str) -> bool:
    """Return whether a tensor belongs to what joins slices, so that a file may lack it: SIM, and others."""
    return name.startswith(_SIM + _OTHERS)


def is_new_sim(network: PETCTNetwork, state: StateDict) -> bool:
    """Return whether a file has nothing of the network's SIM, be it of a network without one or with another."""
    return not any(is_sim(name) and name in state for name in network.state_dict())


def fit_slices(
    name: str, tensor: Tensor, initial: Tensor, image_layers: Collection[str] = (PATCH_EMBED,)
) -> tuple[Tensor, str] | None:
    """Bring a tensor to another number of slices, such that a stack of equal slices gets the same response.

    With more slices, those in the middle keep their weights, and what reads the new ones at the border gets zeros; what
    makes a value for them starts as in a new network, since zeros on both sides of it could never learn.
    With fewer slices, SIM loses what it had for those at the border, and the patch embedding adds it to the outermost
    ones that stay.

    Parameters
    ----------
    name : str
        Name in the network.
    tensor : Tensor
        What the file has.
    initial : Tensor
        The network's tensor, at its initial value.
    image_layers : collection of str
        Those of the network.

    Returns
    -------
    (Tensor, str) or None
        The fitted tensor and what was done; None if other sizes differ than that of the slices.
    """
    pairs = list(zip(tensor.shape, initial.shape, strict=False))
    changed = {pair for pair in pairs if pair[0] != pair[1]}
    slices_only = len(changed) == 1 and all(size in CIPA.admitted_slices for size in next(iter(changed)))
    if tensor.ndim != initial.ndim or not slices_only or not (is_sim(name) or name in image_layers):
        return None
    ((theirs, ours),) = changed
    inner = tuple(slice(abs(a - b) // 2, abs(a - b) // 2 + min(a, b)) for a, b in pairs)
    reason = f"from {theirs} to {ours} slices"
    if theirs < ours:
        grown = initial.clone() if len(tensor) < len(initial) else torch.zeros_like(initial)
        grown[inner] = tensor.to(initial.dtype)
        return grown, reason
    shrunk = tensor[inner].clone()
    if name in image_layers:
        cut = (theirs - ours) // 2
        shrunk[:, 0] += tensor[:, :cut].sum(1)
        shrunk[:, -1] += tensor[:, -cut:].sum(1)
    return shrunk, reason


def read_centre_alone(weight: Tensor, slices: int) -> Tensor:
    """Bring the patch embedding of one slice, repeated for all channels, to windows of which it reads the centre.

    The response to a window is that to its centre slice before, and the neighbours are learned.
    """
    widened = weight.new_zeros(len(weight), slices, *weight.shape[2:])
    widened[:, slices // 2] = weight.sum(1)
    return widened


def divide_by_gains(network: PETCTNetwork, fitted: StateDict, table: LoadTable) -> None:
    """Take what a new SIM multiplies by out of the tensors before it, so that the output stays the same."""
    for name, gain in network.initial_gains().items():
        if name in fitted and gain != 1:
            fitted[name] = fitted[name] / gain
            table.replace(name, CONVERTED, f"divided by {gain:g}, by which a new SIM multiplies")
