"""Presets and entries."""

from pathlib import Path

import pytest

from nnunet_cipa import trainers
from nnunet_cipa.benchmark.plan.entries import Entry, WeightSource, parse_entry
from nnunet_cipa.benchmark.plan.options import named_sources
from nnunet_cipa.benchmark.plan.preset_tables import PRESETS
from nnunet_cipa.benchmark.plan.presets import preset_entries
from nnunet_cipa.cli import main
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.options import UsageError

# what a comparison is to vary, as the papers and the IGTV paper's review name it
COMPARED = 12
VARIED = {
    "cipa-table2": [{}] * COMPARED,
    "cipa-table3": [{}] * COMPARED,
    "cipa-table4": [
        {"crm": False, "dcim": False},
        {"dcim": False},
        {"crm": False},
        {},
    ],
    "cipa-backbones": [{"backbone": name} for name in ("resnet50", "swin_t", "swin_t_shared")] + [{}],
    "cipa-table6": [{"dcim_variant": name} for name in ("pet_pet", "ct_ct", "ct_pet", "local_ct", "region_pet")] + [{}],
    "igtv-table2": [{}, {}, {"slices": 3}, {"slices": 3, "sim": "encoder"}],
    "depth": [
        {},
        {"slices": 3},
        {"slices": 5},
        {"slices": 3, "sim": "encoder"},
        {"slices": 5, "sim": "encoder"},
    ],
    "sim-weights": [
        {"slices": 3, "sim": "encoder"},
        {"slices": 3, "sim": "encoder", "sim_learnable": True},
        *(
            {"slices": 3, "sim": "encoder", "sim_branches": [b for b in ("channel", "spatial", "relation") if b != off]}
            for off in ("channel", "spatial", "relation")
        ),
    ],
    "transfer-source": [{"slices": 3, "sim": "encoder"}] * 4,
}
SOURCES = {
    "igtv-table2": [WeightSource.AS_SET, WeightSource.ADAPTED, WeightSource.ADAPTED, WeightSource.ADAPTED],
    "transfer-source": [WeightSource.INITIAL, WeightSource.ENCODER, WeightSource.ADAPTED, WeightSource.ADAPTED],
}


@pytest.fixture
def checkpoint(tmp_path):
    path = tmp_path / "gtv.pth"
    path.touch()
    return path


@pytest.mark.parametrize("name", VARIED)
def test_rows_vary_what_the_preset_is_named_after(name, checkpoint):
    entries = preset_entries(name, checkpoint)
    assert [getattr(trainers, entry.trainer).architecture for entry in entries] == VARIED[name]
    sources = SOURCES.get(name, [WeightSource.AS_SET] * len(entries))
    assert [entry.source for entry in entries] == sources
    assert [entry.checkpoint for entry in entries] == [
        checkpoint if s is WeightSource.ADAPTED else None for s in sources
    ]
    assert len({entry.title for entry in entries}) == len(entries)


@pytest.mark.parametrize("name", ["cipa-table2", "cipa-table3"])
def test_rows_are_the_networks_of_their_titles(name):
    for entry in preset_entries(name, None):
        network = getattr(trainers, entry.trainer).network_class_name.rpartition(".")[2]
        assert network.casefold() == entry.title.replace("-", "").casefold()


def test_every_preset_is_checked():
    assert PRESETS.keys() == VARIED.keys()


@pytest.mark.parametrize("name", SOURCES)
def test_gtv_checkpoint_has_to_be_given_and_there(name, tmp_path):
    with pytest.raises(CIPAError, match=rf"--preset {name}: starts from .* as --gtv-checkpoint"):
        preset_entries(name, None)
    with pytest.raises(CIPAError, match=r"--gtv-checkpoint: .*missing\.pth is not a file"):
        preset_entries(name, tmp_path / "missing.pth")


def test_further_sources_have_the_rows_of_gtv_each(checkpoint, tmp_path):
    sources = {name: tmp_path / f"{name}.pth" for name in ("autoPET", "HECKTOR")}
    for path in sources.values():
        path.touch()
    adapted = ["", ", settings of fine-tuning"]
    entries = preset_entries("transfer-source", checkpoint, sources)
    starts = {"GTV": checkpoint, **sources}
    assert [entry.title for entry in entries] == [
        "from nothing", "encoder from ImageNet", *(f"from {name}{how}" for name in starts for how in adapted),
    ]  # fmt: skip
    assert [entry.checkpoint for entry in entries[2:]] == [path for path in starts.values() for _ in adapted]
    trainers_of = ["nnUNetTrainerCIPASIM", "nnUNetTrainerCIPASIMTransfer"]
    assert [entry.trainer for entry in entries[2:]] == trainers_of * 3
    without_gtv = preset_entries("transfer-source", None, sources)
    assert without_gtv == [*entries[:2], *entries[4:]]
    with pytest.raises(CIPAError, match="igtv-table2 compares no sources; leave it out"):
        preset_entries("igtv-table2", checkpoint, sources)


def test_only_some_rows_of_a_preset():
    wanted = ["nnUNetTrainerCIPA", "nnUNetTrainerCIPA_noDCIM"]
    entries = preset_entries("cipa-table4", None, only=wanted)
    assert [entry.title for entry in entries] == ["CRM alone", "CIPA: CRM and DCIM"]
    with pytest.raises(CIPAError, match="--only nnUNetTrainer: is not in --preset cipa-table4, which has "):
        preset_entries("cipa-table4", None, only=["nnUNetTrainer"])
    # The rows that are left do not start from GTV
    assert len(preset_entries("igtv-table2", None, only=["nnUNetTrainerCIPA"])) == 1


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["autoPET"], "is not NAME=FILE"),
        (["=x.pth"], "is not NAME=FILE"),
        (["a="], "is not NAME=FILE"),
        (["a=x.pth", "a=y.pth"], "a names another source too"),
        (["GTV=x.pth"], "GTV names another source too"),
    ],
)
def test_sources_that_are_not_named_are_wrong_usage(given, told, capsys, tmp_path, monkeypatch):
    with pytest.raises(UsageError, match=told):
        named_sources(tuple(given))
    assert named_sources(("autoPET=a=b.pth",)) == {"autoPET": Path("a=b.pth")}


def test_unknown_preset_lists_the_names(capsys):
    with pytest.raises(CIPAError, match=f"--preset tables: .*{', '.join(VARIED)}"):
        preset_entries("tables", None)
    with pytest.raises(SystemExit) as stop:
        main(["benchmark", "run", "701", "--preset", "tables"])
    assert stop.value.code == 2
    told = capsys.readouterr().err
    assert all(name in told for name in VARIED)


def test_entry_with_and_without_a_checkpoint(checkpoint):
    assert parse_entry("nnUNetTrainer") == Entry("nnUNetTrainer", "nnUNetTrainer")
    text = f"nnUNetTrainerCIPA:{checkpoint}"
    assert parse_entry(text) == Entry(
        "nnUNetTrainerCIPA", "nnUNetTrainerCIPA from gtv.pth", WeightSource.CHECKPOINT, checkpoint
    )
    assert parse_entry(text, adapt=True).source is WeightSource.ADAPTED


@pytest.mark.parametrize("text", ["", ":gtv.pth", "nnUNetTrainer:", "two words", "a__b", "nnUNetTrainer:missing.pth"])
def test_malformed_entries_are_refused(text):
    with pytest.raises(CIPAError, match=r"^--trainers "):
        parse_entry(text)
