"""The file that NNUNET_CIPA_ENCODER names, or in a folder the one of each network."""

import pytest

from nnunet_cipa import trainers
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.trainers.encoder_file import ENCODER_VARIABLE, encoder_file


def test_a_file_is_for_every_network(monkeypatch, tmp_path):
    monkeypatch.setenv(ENCODER_VARIABLE, str(tmp_path / "encoder.pth"))
    assert encoder_file("CIPA") == encoder_file("CMX") == tmp_path / "encoder.pth"
    monkeypatch.setenv(ENCODER_VARIABLE, "")
    assert encoder_file("CIPA") is None
    monkeypatch.delenv(ENCODER_VARIABLE)
    assert encoder_file("CIPA") is None


def test_a_folder_has_one_for_each(monkeypatch, tmp_path):
    for name in ("CMX.pth", "CMNeXt.pth", "DFormer.pth.tar", "README"):
        (tmp_path / name).touch()
    (tmp_path / "CEN.pth").mkdir()
    monkeypatch.setenv(ENCODER_VARIABLE, str(tmp_path))
    found = {name: encoder_file(name) for name in ("CMX", "CMNeXt", "DFormer", "CEN", "CIPA")}
    assert found == {
        "CMX": tmp_path / "CMX.pth",
        "CMNeXt": tmp_path / "CMNeXt.pth",
        "DFormer": tmp_path / "DFormer.pth.tar",
        "CEN": None,
        "CIPA": None,
    }
    (tmp_path / "CMX.safetensors").touch()
    with pytest.raises(CIPAError, match=r"has CMX\.pth, CMX\.safetensors for CMX; keep one of them"):
        encoder_file("CMX")


def test_backbones_have_files_of_their_own():
    names = {
        name: getattr(trainers, f"nnUNetTrainer{name}").encoder_name() for name in ("CIPA_noCRM", "CIPASIM", "CMX")
    }
    assert names == {"CIPA_noCRM": "CIPA", "CIPASIM": "CIPA", "CMX": "CMX"}
    assert trainers.nnUNetTrainerCIPA_ResNet50.encoder_name() == "CIPA_resnet50"
    assert trainers.nnUNetTrainerCIPA_SwinT.encoder_name() == "CIPA_swin_t"
