"""The tables of names, against the list of the released tensors and VMamba's own."""

import pytest

from nnunet_cipa.network import CIPA, VARIANTS
from nnunet_cipa.network.cipa.names import released_name, vmamba_name
from tests.data.fixture import load_shapes
from tests.weights.conftest import build, vmamba_shapes


def test_released_names_are_one_to_one_with_shape_and_type():
    ours = CIPA(2, 1, patch_size=(512, 512)).state_dict()
    translated = [(released_name(name), tensor) for name, tensor in ours.items()]
    released = load_shapes()
    assert len(translated) == len(released) == 848
    assert {name: (tuple(t.shape), str(t.dtype).removeprefix("torch.")) for name, t in translated} == released


def test_vmamba_names_are_one_to_one_but_for_output_norms_and_classifier():
    encoder = {f"encoder.{name}": tensor for name, tensor in build().encoder.state_dict().items()}
    own = {f"encoder.stages.{level}.out_norm.{part}" for level in range(4) for part in ("weight", "bias")}
    translated = [(vmamba_name(name), tuple(tensor.shape)) for name, tensor in encoder.items() if name not in own]
    expected = [pair for pair in vmamba_shapes(VARIANTS["nano"]) if not pair[0].startswith("classifier.")]
    assert len(translated) == len(expected)
    assert dict(translated) == dict(expected)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("encoder.stages.2.blocks.8.ss2d.ssm.A_logs", "backbone.vssm.layers.2.blocks.8.op.A_logs"),
        ("encoder.stages.1.blocks.0.ss2d.out_norm.bias", "backbone.vssm.layers.1.blocks.0.op.out_norm.bias"),
        ("encoder.stages.1.out_norm.bias", "backbone.vssm.outnorm1.bias"),
        ("fusions.3.crm.ss1d.in_proj.weight", "backbone.cross_mamba.3.channel_weights.mlp.3.in_proj.weight"),
        ("fusions.0.dcim.ct_stem.0.weight", "backbone.region_patch.0.inner_convs.0.weight"),
        ("fusions.0.dcim.region_norm.weight", "backbone.channel_attn_mamba.0.outer_norm1.weight"),
        ("decoder.stages.2.3.ss2d.conv.weight", "decode_head.layers_up.3.blocks.3.op.conv2d.weight"),
        ("decoder.upsamples.0.linear.weight", "decode_head.layers_up.1.upsample.linear.weight"),
    ],
)
def test_pairs_of_equal_shape_are_not_confused(ours, theirs):
    assert theirs in load_shapes()
    assert released_name(ours) == theirs


@pytest.mark.parametrize("translate", [released_name, vmamba_name])
def test_unknown_names(translate):
    with pytest.raises(KeyError, match="somewhere"):
        translate("somewhere.weight")
