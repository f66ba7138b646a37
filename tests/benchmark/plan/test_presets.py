"""Presets and entries."""

import pytest

from nnunet_cipa import trainers
from nnunet_cipa.benchmark.plan.entries import Entry, WeightSource, parse_entry
from nnunet_cipa.benchmark.plan.presets import PRESETS, preset_entries
from nnunet_cipa.cli import main
from nnunet_cipa.errors import CIPAError

# what a comparison is to vary, as the papers and the IGTV paper's review name it
VARIED = {
    "cipa-table4": [
        {"crm": False, "dcim": False},
        {"dcim": False},
        {"crm": False},
        {},
    ],
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


def test_every_preset_is_checked():
    assert PRESETS.keys() == VARIED.keys()


@pytest.mark.parametrize("name", SOURCES)
def test_gtv_checkpoint_has_to_be_given_and_there(name, tmp_path):
    with pytest.raises(CIPAError, match=rf"--preset {name}: starts from .* as --gtv-checkpoint$"):
        preset_entries(name, None)
    with pytest.raises(CIPAError, match=r"--gtv-checkpoint: .*missing\.pth is not a file"):
        preset_entries(name, tmp_path / "missing.pth")


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
