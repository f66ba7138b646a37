"""VMamba's ImageNet weights for the encoder."""

import os
from collections.abc import Mapping

from torch import Tensor

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.network import PETCTNetwork
from nnunet_cipa.network.cipa.encoder import VMambaEncoder
from nnunet_cipa.network.cipa.names import vmamba_name
from nnunet_cipa.weights.files import naming, read_state_dict
from nnunet_cipa.weights.matching import fit_tensors
from nnunet_cipa.weights.pretrained import load_pretrained_encoder
from nnunet_cipa.weights.slices import divide_by_gains, fit_slices, image_layers, is_new_sim
from nnunet_cipa.weights.table import CONVERTED, LOADED, RESAMPLED, LoadTable

ENCODER = "encoder."


def load_vmamba_release(network: PETCTNetwork, source: str | os.PathLike[str] | Mapping[str, Tensor]) -> LoadTable:
    """Load VMamba's ImageNet weights into the encoder.

    The encoder's output norms, CRM, DCIM and decoder keep their initial values, as VMamba has none of them; its
    classifier is not used.

    Parameters
    ----------
    network : PETCTNetwork
        With VMamba's encoder; changed in place.
    source : path or mapping of str to Tensor
        The file (``vssmtiny_dp01_ckpt_epoch_292.pth`` for the tiny variant), or its state dict.

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
            return load_vmamba_release(network, state)

    check_vmamba(network)

    def translate(name: str) -> str | None:
        own_only = not name.startswith(ENCODER) or (".out_norm." in name and ".ss2d." not in name)
        return None if own_only else vmamba_name(name)

    fitted, table = fit_tensors(network, dict(source), translate)
    divide_by_gains(network, fitted, table)
    network.load_state_dict(network.state_dict() | fitted)
    return table


def load_encoder(network: PETCTNetwork, path: str | os.PathLike[str]) -> int:
    """Load the encoder alone from a file with this package's names, as ``weights import`` writes it.

    A comparator also takes the file that its original starts from, and CIPA on another backbone the backbone's own, see
    ``load_pretrained_encoder``.

    The patch embedding is brought to the network's number of slices, see ``fit_slices``. The network's SIM, if it has
    one, is taken to be new: what it multiplies by is divided out, unless the file has that SIM.

    Returns
    -------
    int
        How many tensors were loaded: all of the encoder's, or those that the original starts from.

    Raises
    ------
    CIPAError
        If the file cannot be read, has none of this package's names, or is of another variant.
    """
    state = read_state_dict(path)
    if _has_other_start(network) and not any(name.startswith(ENCODER) for name in state):
        with naming(path):
            table = load_pretrained_encoder(network, state)
            return sum(len(table.names(status)) for status in (LOADED, RESAMPLED, CONVERTED))
    encoder = {name: tensor for name, tensor in state.items() if name.startswith(ENCODER)}
    expected = {name: tensor for name, tensor in network.state_dict().items() if name.startswith(ENCODER)}
    for name, tensor in expected.items():
        if name not in encoder:
            raise CIPAError(f"{path}: lacks {name}; make the file with 'nnunet-cipa weights import'")
        if encoder[name].shape == tensor.shape:
            continue
        converted = fit_slices(name, encoder[name], tensor, image_layers(network))
        if converted is None:
            raise CIPAError(
                f"{path}: {name} has shape {tuple(encoder[name].shape)}, this variant needs {tuple(tensor.shape)}; "
                "import the weights of the variant that is trained"
            )
        encoder[name], _ = converted
    if is_new_sim(network, state):
        encoder |= {name: encoder[name] / gain for name, gain in network.initial_gains().items()}
    network.load_state_dict(network.state_dict() | {name: encoder[name] for name in expected})
    return len(expected)


def _has_other_start(network: PETCTNetwork) -> bool:
    """Tell whether there is a file, not of this package, that the network's encoder can start from."""
    return any(network.pretrained_name(name) for name in network.state_dict())


def check_vmamba(network: PETCTNetwork) -> None:
    """Refuse a network with another encoder than VMamba.

    Raises
    ------
    CIPAError
        With the encoder.
    """
    if not isinstance(network.encoder, VMambaEncoder):
        raise CIPAError(
            f"{type(network).__name__} has the encoder {type(network.encoder).__name__}, and the file is for VMamba; "
            "build the network with that backbone"
        )
