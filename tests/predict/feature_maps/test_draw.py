"""The command: pictures of a case, and what is refused."""

import numpy as np
import pytest
import torch
from PIL import Image

from nnunet_cipa.cli import main
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.predict.feature_maps import run
from nnunet_cipa.predict.feature_maps.options import DrawOptions
from nnunet_cipa.predict.feature_maps.run import draw_dcim

NAMES = [f"stage{stage}.png" for stage in range(4)]


@pytest.fixture
def drawn(monkeypatch):
    """What is drawn: the slice, the maps and the title of each picture."""
    seen = []

    def note(shown, maps, title):
        seen.append((shown, maps, title))
        return draw(shown, maps, title)

    draw = run.draw_stage
    monkeypatch.setattr(run, "draw_stage", note)
    return seen


def test_a_picture_for_each_stage(make_nano, case, tmp_path, capsys, drawn):
    out = tmp_path / "new" / "out"
    assert main(["draw", "dcim", str(case), str(out), "--model", str(make_nano())]) == 0
    assert capsys.readouterr().out.splitlines() == [f"written: {out / name}" for name in NAMES]
    assert sorted(path.name for path in out.iterdir()) == NAMES
    # five panels of 3 inches, of which a slice of 80 x 72 has 10/9 as its height, and 1.2 inches for the text
    sizes = {Image.open(path).size for path in out.iterdir()}
    assert sizes == {(5 * 3 * 110, int((3 * 80 / 72 + 1.2) * 110))}
    for shown, maps, title in drawn:
        assert "slice 4 of 5" in title, "the one with the highest PET"
        assert case.name not in title
        assert shown.pet[40, 30] == shown.pet.max() == pytest.approx(3.2)
        assert shown.pixel == (4.0, 4.0)
        assert [values.shape for values in maps.values()] == [(80, 72)] * 3
    for path in out.iterdir():
        assert case.name not in str(Image.open(path).info), "nothing tells whose it is"
    pixels = np.asarray(Image.open(out / NAMES[0]).convert("RGB")).astype(int)
    colourful = np.ptp(pixels, axis=2) > 30
    assert not colourful[:, : 2 * 330].any(), "CT and PET are grey"
    assert all(colourful[:, left : left + 330].mean() > 0.4 for left in (660, 990, 1320))


def test_a_chosen_slice_and_a_model_on_three_slices(make_nano, case, tmp_path, drawn):
    model = make_nano("nnUNetTrainerCIPASIM_demo")
    for number in (2, 3):
        draw_dcim(case, tmp_path / str(number), model, DrawOptions(slice=number, fold="0"))
    assert ["slice 2 of 5" in title for _, _, title in drawn] == [True] * 4 + [False] * 4
    assert not np.allclose(drawn[0][1]["fused"], drawn[4][1]["fused"])


def test_a_model_that_reads_pet_first(make_nano, case, tmp_path, drawn):
    draw_dcim(case, tmp_path / "out", make_nano(modalities={"0": "PET", "1": "CT"}), DrawOptions(slice=4))
    assert drawn[0][0].ct[40, 30] == pytest.approx(3.2)


def test_grey_values_of_which_nothing_tells_the_units_are_drawn_too(make_nano, case, tmp_path):
    model = make_nano(intensity="paper", hu_window=[-1200.0, -200.0], suv_range=None)
    assert len(draw_dcim(case, tmp_path / "out", model)) == 4


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--slice", "6"), "--slice 6: {case} has slices 1 to 5; give one of these"),
        (("--slice", "1"), "--slice 1: {case} holds nothing but zeros there, which nnU-Net cuts off; give 2 to 4"),
        (("--fold", "3"), "has no fold_3/checkpoint_final.pth; there is fold_0; give another fold"),
        (("--device", "abacus"), "device 'abacus'"),
    ],
)
def test_what_is_not_there_is_refused(make_nano, case, tmp_path, capsys, words, said):
    command = ["draw", "dcim", str(case), str(tmp_path / "out"), "--model", str(make_nano()), *words]
    try:
        status = main(command)
    except SystemExit as stop:
        status = stop.code
    assert status == (2 if words[0] == "--device" else 1)
    assert said.format(case=case) in capsys.readouterr().err.replace("\n", " ")
    assert not (tmp_path / "out").exists()


def test_slices_are_counted_from_one(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["draw", "dcim", "case", "out", "--model", "model", "--slice", "0"])
    assert "0 is below 1" in capsys.readouterr().err


def test_a_case_that_is_not_there_is_refused(make_nano, case, tmp_path):
    model = make_nano()
    with pytest.raises(CIPAError, match=r"other_0000\.nii\.gz: no such file; give CASE as imagesTs/NAME"):
        draw_dcim(case.with_name("other"), tmp_path / "out", model)
    case.with_name("case_0001.nii.gz").write_bytes(b"nothing")
    with pytest.raises(CIPAError, match=r"case_0001\.nii\.gz: cannot be read"):
        draw_dcim(case, tmp_path / "out", model)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("trainer", ["nnUNetTrainerCIPA_noDCIM", "nnUNetTrainerThreshold"])
def test_a_model_without_dcim_is_refused(make_nano, make_model, case, tmp_path, monkeypatch, trainer):
    if trainer == "nnUNetTrainerThreshold":
        model = make_model(3.0, name="other")
    else:
        from nnunet_cipa.trainers import nnUNetTrainerCIPA_noDCIM

        small = {**nnUNetTrainerCIPA_noDCIM.architecture, "variant": "nano"}
        monkeypatch.setattr(nnUNetTrainerCIPA_noDCIM, "architecture", small)
        model = make_nano(trainer)
    with pytest.raises(
        CIPAError, match=f"the network of {trainer} has no DCIM to draw; give a model of nnUNetTrainerCIPA"
    ):
        draw_dcim(case, tmp_path / "out", model)


def test_a_folder_that_is_there_and_a_failure_leave_nothing(make_nano, case, tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    with pytest.raises(CIPAError, match="mine: exists; remove it"):
        draw_dcim(case, tmp_path / "mine", tmp_path / "no_model")
    monkeypatch.setattr(run, "draw_stage", lambda *_: torch.zeros(1).fail())
    before = sorted(tmp_path.iterdir())
    with pytest.raises(AttributeError):
        draw_dcim(case, tmp_path / "out", make_nano())
    assert sorted(path for path in tmp_path.iterdir() if path.name != "models") == before
