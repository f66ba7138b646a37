"""``weights adapt``: any checkpoint of this package to one that fits another training."""

import os
from typing import Any

from torch import nn

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.network import CIPA, PETCTNetwork
from nnunet_cipa.network.sim.sim import SIM
from nnunet_cipa.weights.files import Checkpoint, StateDict, naming, read_checkpoint, refuse_same_file, write_checkpoint
from nnunet_cipa.weights.matching import fit_tensors
from nnunet_cipa.weights.slices import PATCH_EMBED, is_sim
from nnunet_cipa.weights.table import CONVERTED, INITIAL, LOADED, LoadTable


def adapt_weights(
    source: str | os.PathLike[str], out: str | os.PathLike[str], network: nn.Module, dataset_json: dict[str, Any]
) -> LoadTable:
    """Turn a checkpoint into one that fits another data set, patch size, number of slices or SIM setting.

    A network that is new in nothing but its slices and SIM gives the same logits as the old one for a stack of equal
    slices: a new SIM starts as a multiplication, which is divided out of the weights.

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

    Returns
    -------
    LoadTable
        What became of each tensor.

    Raises
    ------
    CIPAError
        If the network or the source is not of this package, they do not fit, or ``out`` cannot be written.
    """
    if not isinstance(network, PETCTNetwork):
        raise CIPAError(
            f"{type(network).__name__}: is not a network of this package, so no weights can be adapted to it; give a "
            "trainer of this package, or one that is derived from it"
        )
    checkpoint = read_checkpoint(source)
    refuse_same_file(source, out)
    with naming(source):
        fitted, table = _fit(network, checkpoint, dataset_json)
    write_checkpoint(network.state_dict() | fitted, out, network.patch_size)
    return table


def _fit(network: PETCTNetwork, checkpoint: Checkpoint, dataset_json: dict[str, Any]) -> tuple[StateDict, LoadTable]:
    state = dict(checkpoint.weights)
    first = f"encoder.{next(iter(network.encoder.state_dict()))}"
    if first not in state:
        raise CIPAError(
            f"is not a checkpoint of this package's {type(network).__name__}, as it has no {first}; bring released "
            "files in with 'nnunet-cipa weights import'"
        )
    heads = {name: state.pop(name, None) for name in network.head_tensors()}
    new_sim = not any(is_sim(name) for name in state)

    def translate(name: str) -> str | None:
        return None if name in heads or (is_sim(name) and name not in state) else name

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
    if new_sim and isinstance(network, CIPA):
        _divide_by_gain(network, fitted, table)
    return fitted, table


def _divide_by_gain(network: CIPA, fitted: StateDict, table: LoadTable) -> None:
    """Take what a new SIM multiplies by out of the layers beside it, so that the output stays the same."""
    sims = [module for module in network.modules() if isinstance(module, SIM)]
    if not sims:
        return
    gain = sims[0].initial_gain
    names = [PATCH_EMBED]
    if network.feature_sims is not None:
        names = [f"encoder.stages.{level}.out_norm.{part}" for level in range(4) for part in ("weight", "bias")]
    for name in names:
        fitted[name] = fitted[name] / gain
        table.replace(name, CONVERTED, f"divided by {gain:g}, by which a new SIM multiplies")
