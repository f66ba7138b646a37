"""The names that TransUNet's tensors have in the authors' repository, and in the file that the encoder starts from."""

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


_PRETRAINED = [  # all that match, one after the other; the first is for convolutions and linear layers
    (r"((?:conv|conv\d|shortcut\.0|embed|qkv|proj|fc\d)\.)weight$", r"\1kernel"),
    (r"weight$", "scale"),
    (r"^resnet\.conv", "conv_root"),
    (r"^resnet\.norm", "gn_root"),
    (r"^resnet\.blocks\.(\d)\.(\d)\.", r"block\1.unit\2."),
    (r"(unit\d)\.norm", r"\1.gn"),
    (r"(unit\d)\.shortcut\.0", r"\1.conv_proj"),
    (r"(unit\d)\.shortcut\.1", r"\1.gn_proj"),
    (r"^embed", "embedding"),
    (r"^positions", "Transformer.posembed_input.pos_embedding"),
    (r"^norm", "Transformer.encoder_norm"),
    (r"^blocks\.", "Transformer.encoderblock_"),
    (r"\.norm1\.", ".LayerNorm_0."),
    (r"\.norm2\.", ".LayerNorm_2."),
    (r"\.attn\.qkv", ".MultiHeadDotProductAttention_1.qkv"),
    (r"\.attn\.proj", ".MultiHeadDotProductAttention_1.out"),
    (r"\.mlp\.fc1", ".MlpBlock_3.Dense_0"),
    (r"\.mlp\.fc2", ".MlpBlock_3.Dense_1"),
]


def pretrained_name(name: str) -> str | None:
    """Return the name in Google's ``R50+ViT-B_16.npz`` of a tensor of the encoder, None for those of the decoder.

    Slashes there are dots here, and query, key and value are one tensor.
    """
    part, _, rest = name.partition(".")
    return _count_from_one(rename(rest.partition(".")[2], _PRETRAINED)) if part == "encoder" else None


def original_names(name: str) -> list[str]:
    """Return the names of a tensor of one of the two networks; queries, keys and values are three tensors there."""
    name = _count_from_one(rename(name, _NAMES))
    return [name.replace("qkv", part) for part in ("query", "key", "value")] if ".qkv." in name else [name]


def _count_from_one(name: str) -> str:
    return re.sub(r"(block|unit)(\d)", lambda match: f"{match[1]}{int(match[2]) + 1}", name)
