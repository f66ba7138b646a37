"""The command, with a model whose masks are known in closed form."""

import subprocess
import sys

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from nnunet_cipa.cli import main
from nnunet_cipa.dataset_conversion.phantoms.lucid import make_lucid_phantom
from nnunet_cipa.dataset_conversion.phantoms.options import LucidPhantomOptions
from nnunet_cipa.dataset_conversion.study_set.options import Storage
from nnunet_cipa.dicom import read_roi
from nnunet_cipa.listen import model as listen_model
from tests.dicom.clients import free_port
from tests.listen.node import listens, wait_until
from tests.listen.peers import send
from tests.predict.models import TRAINERS, make_dataset_json, make_plans, stored, threshold_weights, write_model

SIZE = 64


@pytest.mark.slow
def test_the_command_predicts_what_it_receives(tmp_path, receiver, monkeypatch):
    monkeypatch.setenv("nnUNet_extTrainer", str(TRAINERS))
    make_lucid_phantom(tmp_path / "study", LucidPhantomOptions(patients=2, size=SIZE, slices=16, processes=1))
    objects = [pydicom.dcmread(path) for path in sorted((tmp_path / "study" / "0001").iterdir())]
    folds = {0: threshold_weights(stored(4.0))}
    model = write_model(tmp_path / "models", make_plans(502 / SIZE, SIZE), make_dataset_json(Storage()), folds)
    spool, port = tmp_path / "spool", free_port()
    words = ["--model", model, "--port", port, "--folder", spool, "--send-to", receiver, "--seg", "--quiet", 1]
    with (tmp_path / "log").open("wb") as log:
        node = subprocess.Popen([sys.executable, "-m", "nnunet_cipa", "listen", *map(str, words)], stderr=log)
    try:
        wait_until(lambda: listens(port), 60)
        assert set(send(port, objects)) == {0}
        wait_until(lambda: '"sent"' in "".join(path.read_text() for path in spool.glob("*/0001/state.json")), 120)
    finally:
        node.terminate()
        assert node.wait(30) == 0
    assert {"RTSTRUCT", "SEG"} <= {one.Modality for one in receiver.stored.values()}
    assert objects[0].PatientID not in (tmp_path / "log").read_text().replace(str(tmp_path), "")
    (result,) = (path.parent for path in spool.glob("*/0001/result/*/rtstruct.dcm"))
    mask = sitk.ReadImage(result / "mask.nii.gz")
    drawn = read_roi(result / "rtstruct.dcm", spool / objects[0].StudyInstanceUID / "objects", ".*")
    np.testing.assert_array_equal(sitk.GetArrayFromImage(drawn) > 0, sitk.GetArrayFromImage(mask) > 0)
    assert sitk.GetArrayFromImage(mask).any()


def test_a_model_that_is_none_is_told_before_the_node_listens(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(listen_model, "run_jobs", lambda check, jobs, *_, **__: [check(job) for job in jobs])
    given = ["--port", "11112", "--folder", str(tmp_path / "spool")]
    assert main(["listen", "--model", str(tmp_path / "none"), *given]) == 1
    assert str(tmp_path / "none") in capsys.readouterr().err
    assert not (tmp_path / "spool").exists()
