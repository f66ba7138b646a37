"""The names that TransUNet's tensors have in the authors' repository."""

import re

from nnunet_cipa.network.comparators.comparator import rename

_RESNET = "transformer.embeddings.hybrid_model."
_NAMES = [  # all that match, one after the other
    (r"^encoder\.resnet\.conv", _RESNET + "root.conv"),
    (r"^encoder\.resnet\.norm", _RESNET + "root.gn"),
    (r"^encoder\.resnet\.blocks\.(\d)\.(\d)\.", _RESNET + r"body.block\1.unit\2."),
    (r"(unit\d)\.norm", r"\1.gn"),
    (r"(unit\d)\.shortcut\.0", r"\1.downsample"),
    (r"(unit\d)\.shortcut\.1", r"\1.gn_proj"),
    (r"^encoder\.embed", "transformer.embeddings.patch_embeddings"),
    (r"^encoder\.positions", "transformer.embeddings.position_embeddings"),
    (r"^encoder\.norm", "transformer.encoder.encoder_norm"),
    (r"^encoder\.blocks", "transformer.encoder.layer"),
    (r"(layer\.\d+)\.norm1", r"\1.attention_norm"),
    (r"(layer\.\d+)\.norm2", r"\1.ffn_norm"),
    (r"(layer\.\d+)\.mlp", r"\1.ffn"),
    (r"(layer\.\d+)\.attn\.proj", r"\1.attn.out"),
    (r"^decoder\.first", "decoder.conv_more"),
    (r"^decoder\.blocks\.(\d)\.0\.", r"decoder.blocks.\1.conv1."),
    (r"^decoder\.blocks\.(\d)\.1\.", r"decoder.blocks.\1.conv2."),
    (r"^heads", "segmentation_head.0"),
]


def original_names(name: str) -> list[str]:
    """Return the names of a tensor of one of the two networks; queries, keys and values are three tensors there."""
    name = rename(name, _NAMES)
    name = re.sub(r"(block|unit)(\d)", lambda match: f"{match[1]}{int(match[2]) + 1}", name)  # counted from 1 there
    return [name.replace("qkv", part) for part in ("query", "key", "value")] if ".qkv." in name else [name]
