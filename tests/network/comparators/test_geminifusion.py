"""GeminiFusion against what the authors' network gives for fixed weights, and against its published size."""

import pytest
import torch

from nnunet_cipa.network import comparators
from nnunet_cipa.network.comparators.geminifusion import TokenAttention
from tests.data.comparators.fixture import load_shapes
from tests.network.comparators.original import build, read_fixture, run
from tests.network.helpers import assert_close, image

STEPS = {"stem": 8, "attn": 8, "block": 8, "f0": 4, "f1": 4, "f2": 2, "f3": 1}


@pytest.fixture(scope="module")
def outputs():
    """Maps of CT's and PET's sample, and the ensemble's, by the fixture's names."""
    network = build("geminifusion", "GeminiFusion").double()
    encoder = network.encoder
    block = encoder.stages[0].blocks[0]
    hooked = {
        network.ensemble: ("pair", "logits"),
        encoder.patch_embed: ("images", "stem"),
        block.attn: ("normed", "size", "attn"),
        block: ("tokens", "size", "block"),
        **{stage: (f"before{level}", f"f{level}") for level, stage in enumerate(encoder.stages)},
    }
    _, found = run(network, hooked, seed=10)
    found["stem"] = found["stem"].permute(0, 3, 1, 2)
    for name in ("attn", "block"):
        found[name] = found[name].transpose(1, 2).unflatten(2, (64, 64))
    picked = {"logits": found["logits"][0, 0]}
    for modality in range(2):
        picked[f"logits{modality}"] = found["pair"][modality, 0, ::2, ::2]
        for name, step in STEPS.items():
            picked[f"{name}_{modality}"] = found[name][modality, :8, ::step, ::step]
    return picked


def test_maps(outputs):
    """The original ran in float64, and was rounded to float32."""
    expected = read_fixture("GeminiFusion")
    assert expected.keys() == outputs.keys()
    for name in expected:
        assert_close(outputs[name], expected[name], 2e-7)


def test_the_attention_is_torchs():
    torch.manual_seed(0)
    ours = TokenAttention(16).double()
    torchs = torch.nn.MultiheadAttention(16, 8, batch_first=True).double()
    torchs.load_state_dict({name.replace("in_proj.", "in_proj_"): x for name, x in ours.state_dict().items()})
    query, *keys_values = image(5, 20, 1, 16)
    keys, values = (torch.cat(several, dim=1) for several in (keys_values[:2], keys_values[2:]))
    with torch.no_grad():
        expected, _ = torchs(query, keys, values)
        got = ours(query, keys.split(1, dim=1), values.split(1, dim=1))
    assert_close(got, expected, 1e-12)


def test_sizes():
    """Table 2 of the CVPR paper prints 75.54 M; the original has 74.54 M."""
    with torch.device("meta"):
        network = comparators.build("geminifusion", 2, 1, patch_size=(256, 256))
    parts = {name: sum(p.numel() for p in part.parameters()) for name, part in network.named_children()}
    assert parts == {"intensities": 0, "ensemble": 2, "encoder": 74_015_168, "decoder": 526_081}
    assert sum(parts.values()) == 74_541_251
    assert len(load_shapes("GeminiFusion")) == len(network.state_dict()) == 1159


def test_initial_values_are_the_originals():
    torch.manual_seed(0)
    network = comparators.build("geminifusion", 2, 2, patch_size=(32, 32))
    fusion = network.encoder.stages[3].blocks[0].attn.proj[0]
    attention = fusion.attentions["PET"]
    for weight, expected in (
        (fusion.key_noise, 1),
        (fusion.value_noise, 1),
        (fusion.relation[0].weight, 0.02),
        (attention.out_proj.weight, 0.02),
        (attention.in_proj.weight, (2 / (4 * 512)) ** 0.5),
        (network.decoder.fuse[0].weight, (2 / 256) ** 0.5),
    ):
        assert weight.std().item() == pytest.approx(expected, rel=0.1)
    for layer in (fusion.relation[0], attention.in_proj, attention.out_proj):
        assert not layer.bias.any()


def test_the_highest_rate_of_stochastic_depth_is_the_originals():
    network = comparators.build("geminifusion", 2, 2, patch_size=(32, 32))
    blocks = [block for stage in network.encoder.stages for block in stage.blocks]
    ramp = [0.4 * block / 27 for block in range(28)]
    assert [getattr(block.drop_path2, "drop_prob", 0.0) for block in blocks] == pytest.approx(ramp)


def test_the_method_adds_nothing_to_the_loss_of_the_three_outputs():
    network = comparators.build("geminifusion", 2, 2, patch_size=(32, 32), variant="nano").train()
    output = network(image(2, 2, 32, 32, dtype=torch.float32))
    assert [logits.shape for logits in output.logits] == 3 * [(2, 2, 32, 32)]
    assert output.penalty == 0
