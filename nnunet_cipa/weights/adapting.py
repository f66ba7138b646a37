"""``weights adapt``: any checkpoint of this package to one that fits another training."""

import os
from typing import Any

from torch import nn

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.network import PETCTNetwork
from nnunet_cipa.nnunet.intensities import describe_mismatch
from nnunet_cipa.weights.files import Checkpoint, StateDict, naming, read_checkpoint, refuse_same_file, write_checkpoint
from nnunet_cipa.weights.matching import fit_tensors
from nnunet_cipa.weights.slices import (
    divide_by_gains,
    image_layers,
    is_between_slices,
    is_new_sim,
    read_centre_alone,
)
from nnunet_cipa.weights.table import CONVERTED, INITIAL, LOADED, LoadTable


def adapt_weights(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    network: nn.Module,
    dataset_json: dict[str, Any],
    *,
    other_intensities: bool = False,
) -> LoadTable:
    """Turn a checkpoint into one that fits another data set, patch size, number of slices or SIM setting.

    A network that is new in nothing but its SIM, or reads a window where the old one read a slice, begins with the
    same logits: a new SIM starts as a multiplication, which is divided out of the weights, and of a window only the
    centre is read. One that reads more slices than before reads those in the middle; one that reads fewer gives the
    same logits for equal slices.

    Parameters
    ----------
    source : path
        A checkpoint of nnU-Net, or a file of ``weights import``, ``weights adapt`` or ``weights export``.
    out : path
        The file to write, for ``-pretrained_weights``; its tensors are on the CPU.
    network : PETCTNetwork
        Of the training that will load it, at its initial values; it is not changed.
    dataset_json : dict
        Content of dataset.json of that training.
    other_intensities : bool
        Go on where the source was trained on intensities of other windows.

    Returns
    -------
    LoadTable
        What became of each tensor.

    Raises
    ------
    CIPAError
        If the network or the source is not of this package, they do not fit, the source was trained on other
        intensities, or ``out`` cannot be written.
    """
    if not isinstance(network, PETCTNetwork):
        raise CIPAError(
            f"{type(network).__name__}: is not a network of this package, so no weights can be adapted to it; give a "
            "trainer of this package, or one that is derived from it"
        )
    checkpoint = read_checkpoint(source)
    refuse_same_file(source, out)
    with naming(source):
        if not other_intensities:
            _check_intensities(checkpoint, dataset_json)
        fitted, table = _fit(network, checkpoint, dataset_json)
    write_checkpoint(network.state_dict() | fitted, out, network.patch_size, network.slices)
    return table


def _check_intensities(checkpoint: Checkpoint, dataset_json: dict[str, Any]) -> None:
    differ = describe_mismatch(checkpoint.facts.intensities or {}, dataset_json)
    if differ is not None:
        raise CIPAError(
            f"was trained on other intensities than those of {dataset_json.get('name', 'the data set')}: {differ}; "
            "convert one of the two data sets with the options of the other, or give --other-intensities to go on"
        )


def _fit(network: PETCTNetwork, checkpoint: Checkpoint, dataset_json: dict[str, Any]) -> tuple[StateDict, LoadTable]:
    state = dict(checkpoint.weights)
    first = f"encoder.{next(iter(network.encoder.state_dict()))}"
    if first not in state:
        raise CIPAError(
            f"is not a checkpoint of this package's {type(network).__name__}, as it has no {first}; bring released "
            "files in with 'nnunet-cipa weights import'"
        )
    heads = {name: state.pop(name, None) for name in network.head_tensors()}
    widened = _widen(network, checkpoint, state)

    def translate(name: str) -> str | None:
        return None if name in heads or (is_between_slices(name) and name not in state) else name

    fitted, table = fit_tensors(network, state, translate, checkpoint.facts.patch_size)
    for name, ours in network.head_tensors().items():
        head = heads[name]
        if head is None or head.shape != ours.shape:
            had = "none" if head is None else f"{len(head)} outputs"
            table.replace(name, INITIAL, f"the file has {had}, the network {len(ours)}")
        elif checkpoint.facts.has_regions != ("regions_class_order" in dataset_json):
            table.replace(name, INITIAL, "one of the two networks has regions, the other has classes")
        else:
            fitted[name] = head
            table.replace(name, LOADED)
    for name in widened:
        table.replace(name, CONVERTED, f"from 1 to {network.image_slices} slices, of which the centre is read")
    if is_new_sim(network, state):
        divide_by_gains(network, fitted, table)
    return fitted, table


def _widen(network: PETCTNetwork, checkpoint: Checkpoint, state: StateDict) -> list[str]:
    """Let what read one slice read the centre of a window, in place, and return its names; none if nothing changes."""
    if checkpoint.facts.slices != 1 or not network.stacks_slices:
        return []
    names = [name for name in image_layers(network) if name in state and state[name].ndim == 4]
    state |= {name: read_centre_alone(state[name], network.image_slices) for name in names}
    return names
