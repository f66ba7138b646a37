"""``weights import``: a released file to one that nnU-Net and the trainers can load."""

import os
import re
from collections.abc import Sequence
from typing import Any

import torch

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.network import CIPA, VARIANTS
from nnunet_cipa.network.cipa.encoder import PATCH_EMBED
from nnunet_cipa.network.cipa.names import released_name, vmamba_name
from nnunet_cipa.weights.backbone_files import as_microsoft, backbones_for
from nnunet_cipa.weights.files import Checkpoint, StateDict, naming, read_checkpoint, refuse_same_file, write_checkpoint
from nnunet_cipa.weights.options import NUM_CLASSES, PATCH_SIZE
from nnunet_cipa.weights.pretrained import load_pretrained_encoder
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
    backbone: str | None = None,
) -> LoadTable:
    """Turn a released CIPA or backbone's file into one for ``-pretrained_weights`` and ``NNUNET_CIPA_ENCODER``.

    Backbones are VMamba, ResNet-50 of torchvision or timm, and Swin-T of Microsoft, torchvision or timm; of a
    backbone's file everything outside the encoder keeps its initial values.

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
    backbone : str or None
        For a file of Swin-T "swin_t", the default, or "swin_t_shared".

    Returns
    -------
    LoadTable
        What became of each tensor.

    Raises
    ------
    CIPAError
        If ``source`` is none of them, is of no known variant, or does not fit, ``backbone`` is not one that it is for,
        or ``out`` cannot be written.
    """
    checkpoint = read_checkpoint(source)
    refuse_same_file(source, out)
    with naming(source):
        weights = as_microsoft(checkpoint.weights)
        known = backbones_for(weights)
        if backbone is not None and backbone not in known:
            raise CIPAError(f"is not a file for backbone {backbone!r}; give one of Swin-T, or leave the backbone out")
        if any(name.startswith(ENCODER) for name in weights):
            return _rewrite(checkpoint, out, patch_size, num_classes)
        sizes = patch_size or PATCH_SIZE, NUM_CLASSES if num_classes is None else num_classes
        if known:
            network = _build(*sizes, backbone=backbone or known[0])
            table = load_pretrained_encoder(network, weights)
        else:
            network, table = _load(weights, *sizes)
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
            network = _build(patch_size, num_classes, variant=_variant(state, patch_embed))
            return network, load(network, state)
    raise CIPAError(
        f"is neither a released CIPA nor a VMamba file, as it has none of {', '.join(_READERS)}, nor one of ResNet-50, "
        f"Swin-T or this package, as it has no {ENCODER}*; files for comparators go into NNUNET_CIPA_ENCODER"
    )


def _build(patch_size: Sequence[int], num_classes: int, **choices: Any) -> CIPA:
    """Build the network with fixed initial values, so that a file is imported to the same tensors every time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        try:
            return CIPA(2, num_classes, patch_size=patch_size, **choices)
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
