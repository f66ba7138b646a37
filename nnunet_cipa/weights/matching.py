"""Fitting the tensors of a file to a network, tensor by tensor."""

import math
from collections.abc import Callable

from torch import Tensor

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.network import PETCTNetwork
from nnunet_cipa.weights.files import StateDict
from nnunet_cipa.weights.resample import resample_crm, resample_positions
from nnunet_cipa.weights.slices import fit_slices, image_layers
from nnunet_cipa.weights.table import CONVERTED, INITIAL, LOADED, RESAMPLED, UNUSED, LoadTable

_CRM_POSITIONS = ("crm.norm.weight", "crm.norm.bias", "crm.embed.weight")


def fit_tensors(
    network: PETCTNetwork,
    source: StateDict,
    translate: Callable[[str], str | None],
    patch_size: tuple[int, int] | None = None,
) -> tuple[StateDict, LoadTable]:
    """Find each tensor of the network in the file, resampled or converted where only patch size or slices differ.

    Parameters
    ----------
    network : PETCTNetwork
        Says which tensors there have to be; it is not changed.
    source : dict of Tensor
        The file's state dict.
    translate : callable
        Name in the network to name in the file; None where the file's kind of network has no such tensor.
    patch_size : (int, int) or None
        Of the file's network; None if the file does not say, and then it is taken to be square.

    Returns
    -------
    (dict of Tensor, LoadTable)
        The tensors that fit, by the network's names, and the row of every tensor of both sides.

    Raises
    ------
    CIPAError
        If a tensor that the file should have is missing, or has a shape or type that does not fit.
    """
    fitted: StateDict = {}
    table = LoadTable()
    used = set()
    for name, target in network.state_dict().items():
        theirs = translate(name)
        if theirs is None:
            table.add(name, INITIAL, target.shape, "the file's kind of network has no such tensor")
            continue
        if theirs not in source:
            raise CIPAError(f"the file lacks {theirs} of shape {tuple(target.shape)}; is it of this network and whole?")
        used.add(theirs)
        tensor = source[theirs]
        if tensor.is_floating_point() != target.is_floating_point():
            raise CIPAError(f"{theirs} is {tensor.dtype} in the file and {target.dtype} in the network; is it damaged?")
        found = _fit(network, name, tensor, target, patch_size)
        if found is None:
            raise CIPAError(
                f"{theirs} has shape {tuple(tensor.shape)} in the file and {tuple(target.shape)} in the network; "
                "choose the variant, region size and classes that the file was trained with"
            )
        fitted[name], status, reason = found
        table.add(name, status, target.shape, reason)
    for theirs, tensor in source.items():
        if theirs not in used:
            table.add(theirs, UNUSED, tensor.shape, "the network has no such tensor")
    return fitted, table


def _fit(
    network: PETCTNetwork, name: str, tensor: Tensor, target: Tensor, patch_size: tuple[int, int] | None
) -> tuple[Tensor, str, str] | None:
    """Return a tensor of the target's shape, and its row's status and reason; None if it cannot be made."""
    if tensor.shape == target.shape:
        return tensor, LOADED, ""
    if name.endswith(_CRM_POSITIONS):
        resampled, reason = _resample(network, name, tensor, target, patch_size)
        return resampled, RESAMPLED, reason
    grid = network.position_grid(name, network.patch_size)
    if grid is not None:
        old = None if patch_size is None else network.position_grid(name, patch_size)
        resampled, reason = _resample_grid(name, tensor, target, old, grid, keep_corners=network.keeps_corners)
        return resampled, RESAMPLED, reason
    converted = fit_slices(name, tensor, target, image_layers(network))
    return None if converted is None else (converted[0], CONVERTED, converted[1])


def _resample(
    network: PETCTNetwork, name: str, tensor: Tensor, target: Tensor, patch_size: tuple[int, int] | None
) -> tuple[Tensor, str]:
    stride = 4 * 2 ** int(name.split(".")[1])
    height, width = (side // stride for side in network.patch_size)
    side = math.isqrt(tensor.shape[-1])
    rows, columns = (side, side) if patch_size is None else (patch_size[0] // stride, patch_size[1] // stride)
    if rows * columns != tensor.shape[-1] or tensor.shape[:-1] != target.shape[:-1]:
        of = "not of a square patch" if patch_size is None else f"not of its patch of {patch_size[0]} x {patch_size[1]}"
        raise CIPAError(
            f"{name} has shape {tuple(tensor.shape)} in the file and {tuple(target.shape)} in the network, and the "
            f"file's is {of}; only CRM of a known patch size, or of a square patch, can be resampled"
        )
    resampled = resample_crm(name, tensor, (rows, columns), (height, width))
    return resampled, f"from {rows} x {columns} to {height} x {width} positions"


def _resample_grid(
    name: str,
    tensor: Tensor,
    target: Tensor,
    old: tuple[int, int] | None,
    new: tuple[int, int],
    *,
    keep_corners: bool,
) -> tuple[Tensor, str]:
    """Resample the second last axis, which runs over a grid that is square if it is not known."""
    rows, columns = old or [math.isqrt(tensor.shape[-2] if tensor.ndim > 1 else 0)] * 2
    expected = (*target.shape[:-2], rows * columns, target.shape[-1])
    if tensor.shape != expected:
        raise CIPAError(
            f"{name} has shape {tuple(tensor.shape)} in the file and {tuple(target.shape)} in the network, which is "
            "not that of another patch size; choose the variant that the file was trained with"
        )
    resampled = resample_positions(tensor.transpose(-1, -2), (rows, columns), new, keep_corners=keep_corners)
    return resampled.transpose(-1, -2).contiguous(), f"from {rows} x {columns} to {new[0]} x {new[1]} positions"
