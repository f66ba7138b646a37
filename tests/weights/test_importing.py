"""``weights import``: from a downloaded file to one that nnU-Net loads."""

import pytest
import torch
from nnunetv2.run.load_pretrained_weights import load_pretrained_weights
from nnunetv2.utilities.get_network_from_plans import get_network_from_plans

from nnunet_cipa.cli import main
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.weights import import_weights
from tests.weights.conftest import build

SOURCES = ["released", "vmamba"]


@pytest.fixture(params=SOURCES)
def source(request, tmp_path):
    path = tmp_path / "source" / f"{request.param}.pth"
    path.parent.mkdir()
    torch.save({"model": request.getfixturevalue(request.param)}, path)
    return path


def from_plans(patch_size, num_classes):
    kwargs = {"patch_size": list(patch_size), "variant": "nano", "modalities": ["PET", "CT"]}
    return get_network_from_plans("nnunet_cipa.network.CIPA", kwargs, [], 2, num_classes, deep_supervision=False)


@pytest.mark.parametrize(("patch_size", "num_classes"), [((64, 64), 2), ((96, 32), 3)])
def test_nnunet_loads_the_file_into_a_network_from_plans(source, tmp_path, request, patch_size, num_classes):
    table = import_weights(source, tmp_path / "out.pth", patch_size, num_classes)
    network = from_plans(patch_size, num_classes)
    load_pretrained_weights(network, tmp_path / "out.pth")
    state = network.state_dict()
    given = torch.load(source, weights_only=True)["model"]
    theirs = {"released": "backbone.vssm.layers.1.downsample.norm.bias", "vmamba": "layers.1.downsample.norm.bias"}
    assert torch.equal(state["encoder.merges.1.norm.bias"], given[theirs[source.stem]])
    assert {row.name for row in table.rows} >= state.keys()
    with torch.no_grad():
        assert network(torch.zeros(1, 2, *patch_size)).shape == (1, num_classes, *patch_size)


def test_the_same_source_gives_the_same_tensors(source, tmp_path):
    torch.manual_seed(1)
    import_weights(source, tmp_path / "first.pth", (64, 64))
    torch.manual_seed(2)
    expected = torch.rand(3)
    torch.manual_seed(2)
    import_weights(source, tmp_path / "second.pth", (64, 64))
    assert torch.equal(torch.rand(3), expected), "the caller's random numbers were touched"
    first, second = (torch.load(tmp_path / f"{n}.pth", weights_only=True) for n in ("first", "second"))
    assert first.keys() == second.keys() == {"network_weights", "patch_size", "slices"}
    assert first["patch_size"] == [64, 64]
    first, second = first["network_weights"], second["network_weights"]
    assert list(first) == list(second) == list(build().state_dict())
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"patch_size": (64, 60)}, r"patch_size \(64, 60\) must be"),
        ({"patch_size": (0, 64)}, r"patch_size \(0, 64\) must be"),
        ({"num_classes": 0}, "num_classes is 0"),
    ],
)
def test_arguments_of_no_network(source, tmp_path, arguments, message):
    with pytest.raises(CIPAError, match=rf"{source.name}: .*{message}"):
        import_weights(source, tmp_path / "out.pth", **{"patch_size": (64, 64), **arguments})
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_the_source_is_never_overwritten(source):
    content = source.read_bytes()
    with pytest.raises(CIPAError, match="choose another name"):
        import_weights(source, source, (64, 64))
    assert source.read_bytes() == content


def test_other_networks(tmp_path, vmamba):
    source, out = tmp_path / "source.pth", tmp_path / "out.pth"
    cases = {
        r"source\.pth: is neither a released CIPA nor a VMamba file": {"x": torch.ones(2)},
        r"source\.pth: has width 32 and depths \(1, 1, 3, 1\), which is none of tiny, small, base, nano": {
            **vmamba,
            "layers.2.blocks.2.ln_1.weight": torch.ones(128),
        },
        r"source\.pth: has width 1 and depths": {**vmamba, "patch_embed.proj.weight": torch.tensor(1.0)},
        r"source\.pth: the file lacks layers\.3\.blocks\.0\.self_attention\.Ds": {
            name: tensor for name, tensor in vmamba.items() if name != "layers.3.blocks.0.self_attention.Ds"
        },
    }
    for message, state in cases.items():
        torch.save(state, source)
        with pytest.raises(CIPAError, match=message):
            import_weights(source, out, (64, 64))
    assert not out.exists()


def test_command_prints_the_table(source, tmp_path, capsys):
    out = tmp_path / "out.pth"
    assert main(["weights", "import", str(source), str(out), "--patch-size", "96", "64"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == f"written: {out}"
    assert lines[-2].startswith("tensors: ")
    if source.stem == "released":
        row = next(line for line in lines if line.startswith("fusions.0.crm.embed.weight "))
        assert row.split(maxsplit=1)[1].split("  ")[0] == "resampled"
        assert "(32, 384)" in row
        assert row.endswith("from 16 x 16 to 24 x 16 positions")
    else:
        assert any(line.startswith("classifier.head.bias ") and " unused " in line for line in lines)
        assert any(line.startswith("decoder.head.weight ") and " initial " in line for line in lines)


def test_command_fails_with_one_line(tmp_path, capsys):
    out = tmp_path / "out.pth"
    assert main(["weights", "import", str(tmp_path / "absent.pth"), str(out)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert captured.err.startswith(f"nnunet-cipa: error: {tmp_path / 'absent.pth'}: no such file")
    assert not out.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["import"],
        ["import", "a.pth"],
        ["import", "a", "b", "--patch-size", "64"],
        ["import", "a", "b", "--num-classes", "x"],
    ],
    ids=" ".join,
)
def test_wrong_command_lines(arguments, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["weights", *arguments])
    assert exit_.value.code == 2
    assert "usage:" in capsys.readouterr().err
