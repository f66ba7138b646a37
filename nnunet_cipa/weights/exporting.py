"""``weights export``: a checkpoint's weights as safetensors."""

import os
from pathlib import Path

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.weights.files import check_place, read_checkpoint, refuse_same_file
from nnunet_cipa.weights.safetensors_files import SUFFIX, write_safetensors


def export_weights(source: str | os.PathLike[str], out: str | os.PathLike[str]) -> int:
    """Write a checkpoint's weights as safetensors, a format that cannot hold code.

    The file's metadata say, as far as the checkpoint does: ``trainer``, ``network`` (its class), ``arch_kwargs`` of the
    plans, ``patch_size``, ``slices``, ``labels`` and ``regions_class_order`` of dataset.json, and ``nnunet_cipa``, the
    version that wrote the file. What is not text is JSON. Optimizer, log and random states are left out.

    Parameters
    ----------
    source : path
        A checkpoint of nnU-Net, or any other weights file; see ``read_checkpoint``.
    out : path
        The file to write, ``.safetensors``; ``weights adapt`` and ``weights import`` read it.

    Returns
    -------
    int
        How many tensors were written.

    Raises
    ------
    CIPAError
        If the source cannot be read or holds other things than finite weights, or ``out`` cannot be written.
    """
    place = Path(out)
    if place.suffix != SUFFIX:
        raise CIPAError(f"{place}: must end in {SUFFIX}, by which readers know the format")
    check_place(place)
    checkpoint = read_checkpoint(source)
    refuse_same_file(source, place)
    write_safetensors(checkpoint.weights, checkpoint.facts, place)
    return len(checkpoint.weights)
