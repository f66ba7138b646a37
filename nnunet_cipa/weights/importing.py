"""``weights import``: a released file to one that nnU-Net and the trainers can load."""

import os
import re
from collections.abc import Sequence

import torch

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.network import CIPA, VARIANTS
from nnunet_cipa.network.cipa.encoder import PATCH_EMBED
from nnunet_cipa.network.cipa.names import released_name, vmamba_name
from nnunet_cipa.weights.files import Checkpoint, StateDict, naming, read_checkpoint, refuse_same_file, write_checkpoint
from nnunet_cipa.weights.options import NUM_CLASSES, PATCH_SIZE
from nnunet_cipa.weights.release import HEAD, load_cipa_release
from nnunet_cipa.weights.table import LOADED, LoadTable
from nnunet_cipa.weights.vmamba import ENCODER, load_vmamba_release

_SEED = 0
_READERS = {released_name(PATCH_EMBED): load_cipa_release, vmamba_name(PATCH_EMBED): load_vmamba_release}


def import_weights(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    patch_size: Sequence[int] | None = None,
    num_classes: int | None = None,
) -> LoadTable:
    """Turn a released CIPA or VMamba file into one for ``-pretrained_weights`` and ``NNUNET_CIPA_ENCODER``.

    A file of ``weights export`` becomes one again with the same tensors, for the same patch size and classes.

    Parameters
    ----------
    source : path
        The file; which it is, and which variant, is read from its tensors.
    out : path
        The file to write.
    patch_size : (int, int) or None
        The patch size of the training that will load it; 512 x 512 by default.
    num_classes : int or None
        Its classes, background included; 2 by default.

    Returns
    -------
    LoadTable
        What became of each tensor.

    Raises
    ------
    CIPAError
        If ``source`` is neither, is of no known variant, or does not fit, or ``out`` cannot be written.
    """
    checkpoint = read_checkpoint(source)
    refuse_same_file(source, out)
    with naming(source):
        if any(name.startswith(ENCODER) for name in checkpoint.weights):
            return _rewrite(checkpoint, out, patch_size, num_classes)
        network, table = _load(
            checkpoint.weights, patch_size or PATCH_SIZE, num_classes if num_classes is not None else NUM_CLASSES
        )
    write_checkpoint(network.state_dict(), out, network.patch_size, network.slices)
    return table


def _rewrite(
    checkpoint: Checkpoint, out: str | os.PathLike[str], patch_size: Sequence[int] | None, num_classes: int | None
) -> LoadTable:
    """Write a file of this package's names as it is; anything else is what ``weights adapt`` is for."""
    head = checkpoint.weights.get(HEAD)
    for name, wanted, has in (
        ("patch size", patch_size and tuple(patch_size), checkpoint.facts.patch_size),
        ("number of classes", num_classes, None if head is None else len(head)),
    ):
        if wanted is not None and wanted != has:
            raise CIPAError(f"has {name} {has}, not {wanted}; bring it there with 'nnunet-cipa weights adapt'")
    write_checkpoint(checkpoint.weights, out, checkpoint.facts.patch_size, checkpoint.facts.slices)
    table = LoadTable()
    for name, tensor in checkpoint.weights.items():
        table.add(name, LOADED, tensor.shape)
    return table


def _load(state: StateDict, patch_size: Sequence[int], num_classes: int) -> tuple[CIPA, LoadTable]:
    for patch_embed, load in _READERS.items():
        if patch_embed in state:
            network = _build(_variant(state, patch_embed), patch_size, num_classes)
            return network, load(network, state)
    raise CIPAError(
        f"is neither a released CIPA nor a VMamba file, as it has none of {', '.join(_READERS)}, nor one of this "
        f"package, as it has no {ENCODER}*; other encoders' files go into NNUNET_CIPA_ENCODER as they are"
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
    """Tell the variant from the width of the first layer and the number of blocks per stage."""
    width = state[patch_embed].shape[:1].numel()
    blocks = {match.groups() for name in state if (match := re.search(r"\blayers\.(\d+)\.blocks\.(\d+)\.", name))}
    depths = tuple(sum(stage == str(level) for stage, _ in blocks) for level in range(4))
    for name, variant in VARIANTS.items():
        if (variant.width, variant.depths) == (width, depths):
            return name
    raise CIPAError(f"has width {width} and depths {depths}, which is none of {', '.join(VARIANTS)}")
