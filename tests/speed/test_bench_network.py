"""``bench network``: which networks there are, and what its table says of them."""

import pytest
import torch

from nnunet_cipa.cli import main
from nnunet_cipa.network import CIPA, comparators
from nnunet_cipa.network.cipa.backbones import BACKBONES
from nnunet_cipa.network.cipa.dcim_variants import DCIM_VARIANTS
from nnunet_cipa.network.dynamic.network import CIPADynamic
from nnunet_cipa.network.layers.recomputing import Recomputing
from nnunet_cipa.network.stack.network import CIPAStack
from nnunet_cipa.speed.catalogue import COMPARATORS
from nnunet_cipa.speed.networks import NetworkSetting
from nnunet_cipa.speed.timing import Timing
from tests.speed.test_bench import table


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("cipa", {}),
        ("cipa-checkpointing", {}),
        ("cipa-25d", {"slices": 3}),
        ("cipa-sim", {"slices": 3, "sim": "encoder"}),
        ("cipa-sim-input", {"slices": 3, "sim": "input"}),
        ("cipa-features", {"slices": 3, "sim": "features"}),
        ("cipa-stack", {"spacing_z": 3.0}),
        ("cipa-sim-dynamic", {"slices": 7, "sim": "encoder", "spacing_z": 3.0}),
    ],
)
def test_network_table_has_a_prediction_and_a_training_step(name, settings, capsys):
    arguments = ["--variant", "nano", "--patch-size", "64", "64", "--repeats", "1", "--networks", name]
    assert main(["bench", "network", *arguments]) == 0
    rows = table(capsys.readouterr().out)
    network = {"cipa-stack": CIPAStack, "cipa-sim-dynamic": CIPADynamic}.get(name, CIPA)
    count = sum(p.numel() for p in network(2, 2, patch_size=(64, 64), variant="nano", **settings).parameters())
    assert [(row["network"], row["parameters"], row["pass"]) for row in rows] == [
        (name, f"{count / 1e6:.1f} M", kind) for kind in ("prediction", "training step")
    ]
    assert all(0 < float(row["median s"]) < 60 for row in rows)


def test_a_prediction_in_bfloat16_is_compared_with_the_first_networks_in_float32(monkeypatch, capsys):
    seen = []
    forward = CIPA.forward

    def watched(self, x):
        seen.append((self.training, torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else None))
        return forward(self, x)

    def measure(function, *_):
        function()
        seconds = 1.0 if seen[-1] == (False, torch.bfloat16) else 4.0
        return Timing(seconds, seconds, seconds, 0.0)

    monkeypatch.setattr(CIPA, "forward", watched)
    monkeypatch.setattr("nnunet_cipa.speed.network.time_function", measure)
    arguments = ["--variant", "nano", "--patch-size", "64", "64", "--bf16", "--networks", "cipa", "cipa-25d"]
    assert main(["bench", "network", *arguments]) == 0
    rows = [(row["network"], row["pass"], float(row["ratio"])) for row in table(capsys.readouterr().out)]
    passes = (("prediction", 1.0), ("training step", 1.0), ("prediction, bfloat16", 0.25))
    assert rows == [(name, *one) for name in ("cipa", "cipa-25d") for one in passes]
    assert (True, torch.bfloat16) not in seen


def test_bfloat16_is_for_the_cpu(monkeypatch, capsys):
    monkeypatch.setattr("nnunet_cipa.speed.network.check_device", lambda _: None)
    with pytest.raises(SystemExit, match="2"):
        main(["bench", "network", "--bf16", "--device", "cuda"])
    assert "--bf16 is for --device cpu" in capsys.readouterr().err


@pytest.mark.slow
def test_every_comparator_backbone_and_variant_of_dcim_is_measured(monkeypatch, capsys):
    def once(function, *_):
        function()
        return Timing(1.0, 1.0, 1.0, 0.0)

    monkeypatch.setattr("nnunet_cipa.speed.network.time_function", once)
    expected = {name: comparators.build(name, 2, 2, patch_size=(64, 64), variant="nano") for name in COMPARATORS}
    for argument, values in (("backbone", BACKBONES), ("dcim_variant", DCIM_VARIANTS)):
        for value in values:
            network = CIPA(2, 2, patch_size=(64, 64), variant="nano", **{argument: value})
            expected[f"cipa-{value}"] = network
    del expected["cipa-vmamba"], expected["cipa-pet_ct"]
    assert len(expected) == 11 + 3 + 5
    arguments = ["--variant", "nano", "--patch-size", "64", "64", "--repeats", "1", "--networks", *expected]
    assert main(["bench", "network", *arguments]) == 0
    rows = table(capsys.readouterr().out)
    assert [(row["network"], row["parameters"], row["pass"]) for row in rows] == [
        (name, f"{sum(p.numel() for p in network.parameters()) / 1e6:.1f} M", kind)
        for name, network in expected.items()
        for kind in ("prediction", "training step")
    ]
    assert {row["network"] for row in rows if row["backend"]} == {
        "sigma", *(name for name in expected if name.startswith("cipa-"))
    }  # fmt: skip


def test_comparators_have_the_size_of_their_papers_unless_it_is_nano():
    built = {variant: NetworkSetting("cmx", variant, 1, (64, 64), 1) for variant in ("tiny", "nano")}
    assert {variant: setting.variant_built for variant, setting in built.items()} == {"tiny": None, "nano": "nano"}
    assert sum(p.numel() for p in built["tiny"].build().parameters()) == 66_561_930  # the sheet's 66.56 M


def test_multiply_adds_are_those_of_the_convolutions(monkeypatch, capsys):
    """Counted from the shapes that pass through nnU-Net's network, which has nothing but convolutions."""
    monkeypatch.setattr("nnunet_cipa.speed.network.time_function", lambda *_: Timing(1.0, 1.0, 1.0, 0.0))
    found = []

    def count(layer, inputs, output):
        per_value = layer.weight[0, 0].numel() if output.shape[-1] > inputs[0].shape[-1] else layer.weight[0].numel()
        moved = inputs[0].numel() * output.shape[1] if output.shape[-1] > inputs[0].shape[-1] else output.numel()
        found.append(per_value * moved)

    network = NetworkSetting("plain", "nano", 1, (256, 256), 1).build()
    for layer in network.modules():
        if isinstance(layer, torch.nn.Conv2d | torch.nn.ConvTranspose2d):
            layer.register_forward_hook(count)
    with torch.no_grad():
        network(torch.zeros(1, 2, 256, 256))
    arguments = ["--patch-size", "256", "256", "--batch", "2", "--networks", "plain"]
    assert main(["bench", "network", *arguments]) == 0
    assert {row["multiply-adds"] for row in table(capsys.readouterr().out)} == {f"{sum(found) / 1e9:.4g} G"}


def test_activation_checkpointing_is_on_in_the_network_of_that_name_alone():
    for name in ("cipa", "cipa-checkpointing"):
        network = NetworkSetting(name, "nano", 1, (64, 64), 1).build()
        parts = {part.recompute for part in network.modules() if isinstance(part, Recomputing)}
        assert parts == {name == "cipa-checkpointing"}


def test_the_unfused_network_alone_is_scanned_by_operators_of_pytorch(monkeypatch, capsys):
    monkeypatch.setenv("NNUNET_CIPA_SCAN_BACKEND", "reference")
    arguments = ["--variant", "nano", "--patch-size", "32", "32", "--repeats", "1", "--networks"]
    assert main(["bench", "network", *arguments, "cipa", "cipa-unfused", "cipa-25d"]) == 0
    rows = table(capsys.readouterr().out)[::2]
    assert [(row["network"], row["backend"]) for row in rows] == [
        ("cipa", "reference"), ("cipa-unfused", "torch"), ("cipa-25d", "reference"),
    ]  # fmt: skip


def test_networks_are_measured_at_every_patch_batch_and_number_of_slices(monkeypatch, capsys):
    monkeypatch.setattr("nnunet_cipa.speed.network.time_function", lambda *_: Timing(1.0, 1.0, 1.0, 0.0))
    arguments = ["--variant", "nano", "--patch-size", "64", "64", "--patch-size", "32", "64", "--repeats", "1"]
    sizes = ["--batch", "1", "2", "--slices", "1", "5", "--networks", "cipa", "cipa-25d"]
    assert main(["bench", "network", *arguments, *sizes]) == 0
    rows = table(capsys.readouterr().out)[::2]
    assert [(row["patch"], row["batch"], row["network"], row["slices"]) for row in rows] == [
        (patch, batch, *network)
        for patch in ("64 x 64", "32 x 64")
        for batch in ("1", "2")
        for network in (("cipa", "1"), ("cipa-25d", "1"), ("cipa-25d", "5"))
    ]


def test_patch_that_does_not_fit_nnunets_networks_is_refused_before_anything_is_measured(monkeypatch, capsys):
    monkeypatch.setattr("nnunet_cipa.speed.network.time_function", lambda *_: pytest.fail("measured"))
    patches = ["--patch-size", "512", "512", "--patch-size", "128", "128"]
    assert main(["bench", "network", *patches, "--networks", "cipa", "plain"]) == 1
    assert "patch_size (128, 128) does not fit plain; give multiples of 128 from 256" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("network", "told"),
    [
        ("cipa", "--patch-size 128 64"),
        ("cmx", "--patch-size 128 64"),
        ("transunet", "--patch-size 112 64"),
        ("nnsam", "--patch-size 128 64"),
    ],
)
def test_patch_that_a_network_does_not_take_is_refused_with_the_next_one(network, told, monkeypatch, capsys):
    monkeypatch.setattr("nnunet_cipa.speed.network.time_function", lambda *_: pytest.fail("measured"))
    arguments = ["--patch-size", "100", "64", "--variant", "nano", "--networks"]
    assert main(["bench", "network", *arguments, network]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"nnunet-cipa: error: {network}: patch_size (100, 64) does not fit; the next that does is {told}"


def test_variant_that_a_backbone_does_not_have_is_refused_before_anything_is_measured(monkeypatch, capsys):
    monkeypatch.setattr("nnunet_cipa.speed.network.time_function", lambda *_: pytest.fail("measured"))
    arguments = ["--patch-size", "64", "64", "--variant", "small", "--networks", "cipa", "cipa-resnet50"]
    assert main(["bench", "network", *arguments]) == 1
    assert "cipa-resnet50: backbone 'resnet50' has no variant 'small'" in capsys.readouterr().err
