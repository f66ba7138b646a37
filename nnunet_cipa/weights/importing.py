"""``weights import``: a released file to one that nnU-Net and the trainers can load."""

import os
import re
from collections.abc import Sequence

import torch

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.network import CIPA, VARIANTS
from nnunet_cipa.weights.files import StateDict, naming, read_state_dict, refuse_same_file, write_checkpoint
from nnunet_cipa.weights.names import released_name, vmamba_name
from nnunet_cipa.weights.release import load_cipa_release
from nnunet_cipa.weights.table import LoadTable
from nnunet_cipa.weights.vmamba import load_vmamba_release

_SEED = 0
_PATCH_EMBED = "encoder.patch_embed.proj.0.weight"
_READERS = {released_name(_PATCH_EMBED): load_cipa_release, vmamba_name(_PATCH_EMBED): load_vmamba_release}


def import_weights(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    patch_size: Sequence[int] = (512, 512),
    num_classes: int = 2,
) -> LoadTable:
    """Turn a released CIPA or VMamba file into one for ``-pretrained_weights`` and ``NNUNET_CIPA_ENCODER``.

    Parameters
    ----------
    source : path
        The released file; which it is, and which variant, is read from its tensors.
    out : path
        The file to write.
    patch_size : (int, int)
        The patch size of the training that will load it.
    num_classes : int
        Its classes, background included.

    Returns
    -------
    LoadTable
        What became of each tensor.

    Raises
    ------
    CIPAError
        If ``source`` is neither, is of no known variant, or does not fit, or ``out`` cannot be written.
    """
    state = read_state_dict(source)
    refuse_same_file(source, out)
    with naming(source):
        network, table = _load(state, patch_size, num_classes)
    write_checkpoint(network.state_dict(), out, network.patch_size)
    return table


def _load(state: StateDict, patch_size: Sequence[int], num_classes: int) -> tuple[CIPA, LoadTable]:
    for patch_embed, load in _READERS.items():
        if patch_embed in state:
            network = _build(_variant(state, patch_embed), patch_size, num_classes)
            return network, load(network, state)
    raise CIPAError(
        f"is neither a released CIPA nor a VMamba file, as it has none of {', '.join(_READERS)}; checkpoints of this "
        "package need no import"
    )


def _build(variant: str, patch_size: Sequence[int], num_classes: int) -> CIPA:
    """Build the network with fixed initial values, so that a file is imported to the same tensors every time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        try:
            return CIPA(2, num_classes, patch_size=patch_size, variant=variant)
        except ValueError as error:
            raise CIPAError(f"cannot be imported so: {error}") from error


def _variant(state: StateDict, patch_embed: str) -> str:
    """Tell the variant from the width of the first layer and the number of blocks a stage."""
    width = state[patch_embed].shape[:1].numel()
    blocks = {match.groups() for name in state if (match := re.search(r"\blayers\.(\d+)\.blocks\.(\d+)\.", name))}
    depths = tuple(sum(stage == str(level) for stage, _ in blocks) for level in range(4))
    for name, variant in VARIANTS.items():
        if (variant.width, variant.depths) == (width, depths):
            return name
    raise CIPAError(f"has width {width} and depths {depths}, which is none of {', '.join(VARIANTS)}")
