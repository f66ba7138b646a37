"""What a run leaves behind: whole folders of those who could be predicted, and nothing of the others."""

import hashlib
import json
import shutil

import pytest
import SimpleITK as sitk
import torch

from nnunet_cipa.dicom.export.options import RoiOptions
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.options import UsageError
from nnunet_cipa.predict import PredictOptions, predict_study, run
from nnunet_cipa.predict.certainty import CertaintyOptions
from nnunet_cipa.predict.model.options import UseOptions


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.stat().st_mtime_ns
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".nnunet_cipa.lock"
    }


def test_a_second_run_does_only_what_is_missing(nifti_study, make_model, tmp_path):
    model, out = make_model(3.0), tmp_path / "out"
    first, second = predict_study(nifti_study, out, model)
    before = files(out)
    shutil.rmtree(second.folder)
    again = predict_study(nifti_study, out, model)
    assert [bool(one.written) for one in again] == [False, True]
    assert again[0].told == (f"there already: {first.folder}",)
    after = files(out)
    assert after.keys() == before.keys()
    assert [name for name in after if after[name] != before[name]] == [
        name for name in after if name.startswith(second.folder.name)
    ]


def test_what_is_there_of_another_model_or_was_changed_is_kept_unless_it_is_to_be_replaced(
    nifti_study, make_model, tmp_path
):
    out, model = tmp_path / "out", make_model(3.0)
    _, second = predict_study(nifti_study, out, model)
    (second.folder / "mask.nii.gz").write_bytes(b"edited")
    before = files(out)
    other = predict_study(nifti_study, out, make_model(4.0, name="others"))
    assert ["predicted with other model; give --overwrite" in one.failure for one in other] == [True, True]
    edited = predict_study(nifti_study, out, model)
    assert edited[0].failure == ""
    assert f"{second.folder / 'mask.nii.gz'}: is missing or was changed since it was written" in edited[1].failure
    assert files(out) == before
    replaced = predict_study(nifti_study, out, make_model(4.0, name="third"), PredictOptions(overwrite=True))
    assert [bool(one.written) for one in replaced] == [True, True]
    assert files(out).keys() == before.keys()


def test_a_folder_of_somebody_else_is_not_touched(nifti_study, make_model, tmp_path):
    names = sorted(path.name for path in nifti_study.iterdir() if path.is_dir())
    (tmp_path / "out" / names[0]).mkdir(parents=True)
    (tmp_path / "out" / names[0] / "notes.txt").write_text("mine")
    outcomes = predict_study(nifti_study, tmp_path / "out", make_model(3.0))
    assert "is not of nnunet-cipa predict" in outcomes[0].failure
    assert not outcomes[1].failure
    assert (tmp_path / "out" / names[0] / "notes.txt").read_text() == "mine"


def test_a_patient_who_cannot_be_predicted_does_not_stop_the_others(nifti_study, make_model, tmp_path):
    study, out = tmp_path / "study", tmp_path / "out"
    shutil.copytree(nifti_study, study)
    names = sorted(path.name for path in study.iterdir() if path.is_dir())
    pet = study / names[0] / "PET.nii.gz"
    image = sitk.ReadImage(str(pet)) * 10000
    sitk.WriteImage(image, str(pet))
    shutil.copytree(study / names[1], study / "without_pet")
    (study / "without_pet" / "PET.nii.gz").unlink()
    outcomes = {one.patient_id: one for one in predict_study(study, out, make_model(3.0))}
    assert "likely Bq/ml" in outcomes[names[0]].failure
    assert "PET.nii.gz: missing" in outcomes["without_pet"].failure
    assert not outcomes[names[1]].failure
    assert sorted(path.name for path in out.iterdir() if not path.name.startswith(".nnunet_cipa.lock")) == [names[1]]


def test_nothing_half_written_is_left(nifti_study, make_model, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(run, "write_outputs", full)
    outcomes = predict_study(nifti_study, tmp_path / "out", make_model(3.0))
    assert ["No space left on device" in one.failure for one in outcomes] == [True, True]
    assert [path.name for path in (tmp_path / "out").iterdir()] == [".nnunet_cipa.lock"]


def test_a_fault_of_the_program_is_told_and_does_not_stop_the_others(nifti_study, make_model, tmp_path, monkeypatch):
    good, calls = run.write_outputs, []

    def faulty(*arguments):
        calls.append(arguments)
        return good(*arguments) if len(calls) > 1 else {}["missing"]

    monkeypatch.setattr(run, "write_outputs", faulty)
    first, second = predict_study(nifti_study, tmp_path / "out", make_model(3.0))
    assert first.failure.startswith("KeyError: 'missing'; ")
    assert isinstance(first.error, KeyError)
    assert not second.failure


def test_a_model_whose_weights_do_not_fit_is_refused_before_anything_is_made(nifti_study, make_model, tmp_path):
    model = make_model(3.0)
    path = model / "fold_0/checkpoint_final.pth"
    content = torch.load(path)
    torch.save({**content, "network_weights": {"other": torch.zeros(3)}}, path)
    with pytest.raises(CIPAError, match=f"{path}: its weights do not fit"):
        predict_study(nifti_study, tmp_path / "out", model)
    assert not (tmp_path / "out").exists()


def test_a_manifest_names_inputs_model_and_outputs_by_their_hashes(nifti_study, make_model, tmp_path):
    model = make_model(3.0)
    for one in predict_study(nifti_study, tmp_path / "out", model):
        manifest = json.loads((one.folder / "manifest.json").read_text())
        assert manifest["outputs"] == {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in one.folder.iterdir()
            if path.name != "manifest.json"
        }
        assert manifest["decides"]["model"]["sha256"] == {
            "fold_0": hashlib.sha256((model / "fold_0/checkpoint_final.pth").read_bytes()).hexdigest()
        }
        assert manifest["decides"]["inputs"] == {
            name: hashlib.sha256((nifti_study / one.patient_id / f"{name}.nii.gz").read_bytes()).hexdigest()
            for name in ("CT", "PET")
        }
        assert one.patient_id not in manifest["pseudonym"]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (PredictOptions(use=UseOptions(device="abacus")), UsageError),
        (PredictOptions(series=("1.2.3",)), CIPAError),
        (PredictOptions(roi=RoiOptions(label=(7,))), CIPAError),
        (PredictOptions(certainty=CertaintyOptions(unsure_below=2)), UsageError),
    ],
)
def test_wrong_options_are_refused_before_anything_is_made(nifti_study, make_model, tmp_path, options, error):
    with pytest.raises(error):
        predict_study(nifti_study, tmp_path / "out", make_model(3.0), options)
    assert not (tmp_path / "out").exists()


def test_a_file_in_the_place_of_the_folder_is_refused(nifti_study, make_model, tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(CIPAError, match="out: is a file; give a folder"):
        predict_study(nifti_study, tmp_path / "out", make_model(3.0))
