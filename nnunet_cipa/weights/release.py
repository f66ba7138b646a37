"""The authors' released CIPA weights."""

import os
from collections.abc import Mapping

import torch
from torch import Tensor

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.network import CIPA
from nnunet_cipa.network.cipa.names import released_name
from nnunet_cipa.weights.files import StateDict, naming, read_state_dict
from nnunet_cipa.weights.matching import fit_tensors
from nnunet_cipa.weights.slices import divide_by_gains, is_between_slices
from nnunet_cipa.weights.table import CONVERTED, INITIAL, LOADED, LoadTable
from nnunet_cipa.weights.vmamba import check_vmamba

HEAD = f"{CIPA.head}.weight"
RELEASED_HEAD = released_name(HEAD)


def load_cipa_release(network: CIPA, source: str | os.PathLike[str] | Mapping[str, Tensor]) -> LoadTable:
    """Load the released weights, which are for non-commercial research, into a network.

    The released head has one class and a sigmoid. It becomes two classes, background zero and tumour as released, so
    that the softmax over the two equals the sigmoid; a head of one class is loaded as it is, one of three or more keeps
    its initial value. CRM's tensors are resampled if the network's patch size is another than 512 x 512.

    Parameters
    ----------
    network : CIPA
        Of the released file's variant; changed in place.
    source : path or mapping of str to Tensor
        The file, or a state dict with the released names.

    Returns
    -------
    LoadTable
        What became of each tensor.

    Raises
    ------
    CIPAError
        If the file cannot be read or does not fit; the network is then as it was.
    """
    if not isinstance(source, Mapping):
        state = read_state_dict(source)
        with naming(source):
            return load_cipa_release(network, state)
    check_vmamba(network)
    state = dict(source)
    head = state.pop(RELEASED_HEAD, None)
    ours = network.state_dict()[HEAD]
    fitted, table = fit_tensors(
        network, state, lambda name: None if name == HEAD or is_between_slices(name) else released_name(name)
    )
    divide_by_gains(network, fitted, table)
    table.rows = [row for row in table.rows if row.name != HEAD]
    if head is None:
        table.add(HEAD, INITIAL, ours.shape, "the file has no head")
    else:
        _add_head(fitted, table, head, ours)
    network.load_state_dict(network.state_dict() | fitted)
    return table


def _add_head(fitted: StateDict, table: LoadTable, head: Tensor, ours: Tensor) -> None:
    if head.shape[1:] != ours.shape[1:]:
        raise CIPAError(
            f"{RELEASED_HEAD} has shape {tuple(head.shape)} in the file and {tuple(ours.shape)} in the network; choose "
            "the variant that the file was trained with"
        )
    if head.shape[0] == ours.shape[0]:
        fitted[HEAD] = head
        table.add(HEAD, LOADED, ours.shape)
    elif (head.shape[0], ours.shape[0]) == (1, 2):
        fitted[HEAD] = torch.cat((torch.zeros_like(head), head))
        table.add(HEAD, CONVERTED, ours.shape, "one class with sigmoid to two classes with softmax")
    else:
        table.add(HEAD, INITIAL, ours.shape, f"the file has {head.shape[0]} class(es), the network {ours.shape[0]}")
