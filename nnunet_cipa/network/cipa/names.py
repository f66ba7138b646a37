"""Names of tensors: this package's, the released CIPA network's and VMamba's.

Only the names are shared with the releases. Each table pairs a pattern of this package's names with the counterpart;
the first pattern that matches the start of a name decides, and what follows goes through the table of the scan modules.
"""

import re

_SCAN = [
    (r"^ssm\.", ""),
    (r"^conv\.", "conv2d."),
]

_ENCODER = [
    (r"encoder\.stages\.(\d+)\.out_norm\.", r"outnorm\1."),
    (r"encoder\.merges\.(\d+)\.", r"layers.\1.downsample."),
]

_CIPA = [
    (r"encoder\.patch_embed\.proj\.0\.", "backbone.vssm.patch_embed.0."),
    (r"encoder\.patch_embed\.norm\.", "backbone.vssm.patch_embed.2."),
    (r"encoder\.stages\.(\d+)\.blocks\.(\d+)\.ss2d\.", r"backbone.vssm.layers.\1.blocks.\2.op."),
    (r"encoder\.stages\.(\d+)\.blocks\.(\d+)\.norm\.", r"backbone.vssm.layers.\1.blocks.\2.norm."),
    *((ours, f"backbone.vssm.{theirs}") for ours, theirs in _ENCODER),
    (r"fusions\.(\d+)\.crm\.norm\.", r"backbone.cross_mamba.\1.channel_weights.mlp.0."),
    (r"fusions\.(\d+)\.crm\.embed\.", r"backbone.cross_mamba.\1.channel_weights.mlp.1."),
    (r"fusions\.(\d+)\.crm\.ss1d\.", r"backbone.cross_mamba.\1.channel_weights.mlp.3."),
    (r"fusions\.(\d+)\.crm\.out_norm\.", r"backbone.cross_mamba.\1.channel_weights.mlp.4."),
    (r"fusions\.(\d+)\.crm\.score\.", r"backbone.cross_mamba.\1.channel_weights.mlp.5."),
    (r"fusions\.(\d+)\.dcim\.ct_stem\.", r"backbone.region_patch.\1.inner_convs."),
    (r"fusions\.(\d+)\.dcim\.pet_stem\.", r"backbone.region_patch.\1.outer_convs."),
    (r"fusions\.(\d+)\.dcim\.local_norm\.", r"backbone.channel_attn_mamba.\1.inner_norm1."),
    (r"fusions\.(\d+)\.dcim\.local_scan\.", r"backbone.channel_attn_mamba.\1.inner_attn."),
    (r"fusions\.(\d+)\.dcim\.region_norm\.", r"backbone.channel_attn_mamba.\1.outer_norm1."),
    (r"fusions\.(\d+)\.dcim\.region_scan\.", r"backbone.channel_attn_mamba.\1.outer_attn."),
    (r"decoder\.expand\.", "decode_head.layers_up.0."),
    (r"decoder\.stages\.(\d+)\.(\d+)\.ss2d\.", r"decode_head.layers_up.\1+1.blocks.\2.op."),
    (
        r"decoder\.stages\.(\d+)\.(\d+)\.cab\.3\.squeeze\.",
        r"decode_head.layers_up.\1+1.blocks.\2.conv_blk.cab.3.fc.0.",
    ),
    (
        r"decoder\.stages\.(\d+)\.(\d+)\.cab\.3\.excite\.",
        r"decode_head.layers_up.\1+1.blocks.\2.conv_blk.cab.3.fc.2.",
    ),
    (r"decoder\.stages\.(\d+)\.(\d+)\.cab\.", r"decode_head.layers_up.\1+1.blocks.\2.conv_blk.cab."),
    (r"decoder\.stages\.(\d+)\.(\d+)\.", r"decode_head.layers_up.\1+1.blocks.\2."),
    (r"decoder\.upsamples\.(\d+)\.", r"decode_head.layers_up.\1+1.upsample."),
    (r"decoder\.norm\.", "decode_head.norm_up."),
    (r"decoder\.final_upsample\.", "decode_head.up."),
    (r"decoder\.head\.", "decode_head.output."),
]

_VMAMBA = [
    (r"encoder\.patch_embed\.proj\.0\.", "patch_embed.proj."),
    (r"encoder\.patch_embed\.norm\.", "patch_embed.norm."),
    (r"encoder\.stages\.(\d+)\.blocks\.(\d+)\.ss2d\.", r"layers.\1.blocks.\2.self_attention."),
    (r"encoder\.stages\.(\d+)\.blocks\.(\d+)\.norm\.", r"layers.\1.blocks.\2.ln_1."),
    *_ENCODER,
]


def released_name(name: str) -> str:
    """Return the released CIPA network's name of a tensor of this package's network.

    Raises
    ------
    KeyError
        If the released network has no such tensor.
    """
    return _translate(name, _CIPA)


def vmamba_name(name: str) -> str:
    """Return VMamba's name of a tensor of this package's encoder.

    Raises
    ------
    KeyError
        If the tensor is not of the encoder.
    """
    return _translate(name, _VMAMBA)


def _translate(name: str, table: list[tuple[str, str]]) -> str:
    for ours, theirs in table:
        match = re.match(ours, name)
        if match:
            rest = name[match.end() :]
            for pattern, replacement in _SCAN:
                rest = re.sub(pattern, replacement, rest)
            prefix = re.sub(r"(\d+)\+1", lambda m: str(int(m[1]) + 1), match.expand(theirs))
            return prefix + rest
    raise KeyError(name)
