"""``weights import``: a released file to one that nnU-Net and the trainers can load."""

import os
import re
from collections.abc import Sequence

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.network import CIPA, VARIANTS
from nnunet_cipa.weights.files import StateDict, read_state_dict, write_checkpoint
from nnunet_cipa.weights.names import released_name, vmamba_name
from nnunet_cipa.weights.release import load_cipa_release
from nnunet_cipa.weights.table import LoadTable
from nnunet_cipa.weights.vmamba import load_vmamba_release

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
        If ``source`` is neither, is of no known variant, or does not fit.
    """
    state = read_state_dict(source)
    for patch_embed, load in _READERS.items():
        if patch_embed in state:
            network = CIPA(2, num_classes, patch_size=patch_size, variant=_variant(state, patch_embed, source))
            table = load(network, state)
            write_checkpoint(network.state_dict(), out)
            return table
    raise CIPAError(
        f"{source}: is neither a released CIPA nor a VMamba file, as it has none of {', '.join(_READERS)}; checkpoints "
        "of this package need no import"
    )


def _variant(state: StateDict, patch_embed: str, source: str | os.PathLike[str]) -> str:
    """Tell the variant from the width of the first layer and the number of blocks a stage."""
    width = state[patch_embed].shape[0]
    blocks = {match.groups() for name in state if (match := re.search(r"\blayers\.(\d+)\.blocks\.(\d+)\.", name))}
    depths = tuple(sum(stage == str(level) for stage, _ in blocks) for level in range(4))
    for name, variant in VARIANTS.items():
        if (variant.width, variant.depths) == (width, depths):
            return name
    raise CIPAError(f"{source}: has width {width} and depths {depths}, which is none of {', '.join(VARIANTS)}")
