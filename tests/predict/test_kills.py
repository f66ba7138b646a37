"""A run that is killed leaves whole folders or none, and the next one does the rest."""

import hashlib
import json
import multiprocessing
import random
import shutil
import time

import pytest

from nnunet_cipa.predict import PredictOptions, predict_study
from nnunet_cipa.predict.certainty import CertaintyOptions

OPTIONS = PredictOptions(seg=True, certainty=CertaintyOptions(certainty=False))
KILLS = 20


def whole(out):
    """Return the names of folders that are there, each of which has to be as its manifest says."""
    names = []
    for folder in sorted(out.iterdir()) if out.exists() else ():
        if not folder.name.startswith("."):
            manifest = json.loads((folder / "manifest.json").read_text())
            hashes = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in manifest["outputs"]}
            assert hashes == manifest["outputs"]
            assert {path.name for path in folder.iterdir()} == {*hashes, "manifest.json"}
            names.append(folder.name)
    return names


@pytest.mark.slow
def test_nothing_is_lost_or_doubled_by_kills_at_any_moment(dicom_study, make_model, tmp_path):
    out, model = tmp_path / "out", make_model(3.0)
    started = time.monotonic()
    complete = [one.folder.name for one in predict_study(dicom_study, out, model, OPTIONS)]
    longest = time.monotonic() - started
    context, moments = multiprocessing.get_context("forkserver"), random.Random(0)
    context.set_forkserver_preload(["nnunet_cipa.predict.run"])
    for number in range(KILLS):
        if whole(out) == complete:
            shutil.rmtree(out / complete[number % 2])
        process = context.Process(target=predict_study, args=(dicom_study, out, model, OPTIONS))
        process.start()
        process.join(moments.uniform(0, longest))
        process.kill()
        process.join()
        assert set(whole(out)) <= set(complete)
    last = predict_study(dicom_study, out, model, OPTIONS)
    assert [one.failure for one in last] == ["", ""]
    assert whole(out) == complete
    assert sorted(path.name for path in out.iterdir()) == sorted([".nnunet_cipa.lock", *complete])
