"""Weights of elsewhere for the encoders of comparators and of CIPA's other backbones, by their names there."""

from collections.abc import Mapping

from torch import Tensor

from nnunet_cipa.network import PETCTNetwork
from nnunet_cipa.weights.matching import fit_tensors
from nnunet_cipa.weights.slices import divide_by_gains
from nnunet_cipa.weights.table import LoadTable

PREFIX = "backbone."  # of some files


def load_pretrained_encoder(network: PETCTNetwork, state_dict: Mapping[str, Tensor]) -> LoadTable:
    """Load what the original's encoder starts from; the rest of the network keeps its initial values.

    Parameters
    ----------
    network : PETCTNetwork
        Changed in place.
    state_dict : mapping of str to Tensor
        Of the file that the original starts from; a classifier in it is not used.

    Returns
    -------
    LoadTable
        What became of each tensor.

    Raises
    ------
    CIPAError
        If a tensor is missing or has another shape; the network is then as it was.
    """
    state = {name.removeprefix(PREFIX): tensor for name, tensor in state_dict.items()}
    fitted, table = fit_tensors(network, state, network.pretrained_name)
    divide_by_gains(network, fitted, table)
    network.load_state_dict(network.state_dict() | fitted)
    return table
