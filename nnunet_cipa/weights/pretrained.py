"""Weights of elsewhere for the encoders of comparators and of CIPA's other backbones, by their names there."""

from collections.abc import Mapping

from torch import Tensor

from nnunet_cipa.network import CIPA, PETCTNetwork
from nnunet_cipa.weights.backbone_files import as_microsoft, check_size
from nnunet_cipa.weights.matching import fit_tensors
from nnunet_cipa.weights.slices import divide_by_gains
from nnunet_cipa.weights.table import UNUSED, LoadTable

PREFIX = "backbone."  # of some files


def load_pretrained_encoder(network: PETCTNetwork, state_dict: Mapping[str, Tensor]) -> LoadTable:
    """Load what the original's encoder starts from; the rest of the network keeps its initial values.

    Parameters
    ----------
    network : PETCTNetwork
        Changed in place.
    state_dict : mapping of str to Tensor
        Of the file that the original starts from; a classifier in it is not used. Swin may have the names of Microsoft,
        torchvision or timm.

    Returns
    -------
    LoadTable
        What became of each tensor.

    Raises
    ------
    CIPAError
        If a tensor is missing or has another shape, or a file for CIPA is of a larger backbone; the network is then as
        it was.
    """
    state = as_microsoft({name.removeprefix(PREFIX): tensor for name, tensor in state_dict.items()})
    fitted, table = fit_tensors(network, state, network.pretrained_name)
    if isinstance(network, CIPA):
        check_size(table.names(UNUSED))
    divide_by_gains(network, fitted, table)
    network.load_state_dict(network.state_dict() | fitted)
    return table
