"""Fitting the tensors of a file to a network, tensor by tensor."""

import math
from collections.abc import Callable

from torch import Tensor

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.network import PETCTNetwork
from nnunet_cipa.weights.files import StateDict
from nnunet_cipa.weights.resample import resample_crm
from nnunet_cipa.weights.slices import fit_slices
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
        if tensor.shape == target.shape:
            fitted[name] = tensor
            table.add(name, LOADED, target.shape)
        elif name.endswith(_CRM_POSITIONS):
            fitted[name], reason = _resample(network, name, tensor, target, patch_size)
            table.add(name, RESAMPLED, target.shape, reason)
        elif (converted := fit_slices(name, tensor, target)) is not None:
            fitted[name], reason = converted
            table.add(name, CONVERTED, target.shape, reason)
        else:
            raise CIPAError(
                f"{theirs} has shape {tuple(tensor.shape)} in the file and {tuple(target.shape)} in the network; "
                "choose the variant, region size and classes that the file was trained with"
            )
    for theirs, tensor in source.items():
        if theirs not in used:
            table.add(theirs, UNUSED, tensor.shape, "the network has no such tensor")
    return fitted, table


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
