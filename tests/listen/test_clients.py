"""A node between other makers' programs: dcmtk and Orthanc."""

import json
import subprocess
import urllib.request

import pydicom
import pytest
from pydicom.uid import JPEGLosslessSV1, SegmentationStorage

from nnunet_cipa.dataset_conversion.phantoms.lucid import make_lucid_phantom
from nnunet_cipa.dataset_conversion.phantoms.options import LucidPhantomOptions
from tests.dicom.clients import client, free_port, orthanc, run
from tests.listen.node import Node, wait_until

pytestmark = pytest.mark.slow
MADE = {"RTSTRUCT", "SEG"}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """CT and PET of a phantom patient, the CT in JPEG Lossless."""
    folder = tmp_path_factory.mktemp("study")
    make_lucid_phantom(folder, LucidPhantomOptions(patients=2, size=64, slices=16, processes=1))
    patient = folder / "0001"
    for path in list(patient.iterdir()):
        modality = pydicom.dcmread(path, specific_tags=["Modality"]).Modality
        if modality not in {"CT", "PT"}:
            path.unlink()
        elif modality == "CT":
            text, status = run("dcmcjpeg", "+e1", path, path)
            assert status == 0, text
    return patient


@pytest.fixture
def store(tmp_path):
    """dcmtk's receiver: its port and its folder."""
    port, folder = free_port(), tmp_path / "stored"
    folder.mkdir()
    with (tmp_path / "storescp.log").open("wb") as log:
        process = subprocess.Popen([client("storescp"), "-od", folder, str(port)], stdout=log, stderr=log)
    yield port, folder
    process.terminate()
    process.wait(10)


def test_dcmtk_sends_a_study_and_gets_the_objects_back(study, store, tmp_path):
    port, (back, folder), spool = free_port(), store, tmp_path / "spool"
    with Node(spool, port, f"PACS@127.0.0.1:{back}", predictor="export"):
        text, status = run("echoscu", "-aec", "NNUNETCIPA", "127.0.0.1", port)
        assert status == 0, text
        compressed = ["-xs", "-R", "-aec", "NNUNETCIPA", "127.0.0.1", port, "+sd", study]
        text, status = run("storescu", *compressed)
        assert status == 0, text
        wait_until(lambda: len(list(folder.iterdir())) == 2, 60)
        wait_until(lambda: '"sent"' in next(spool.glob("*/0001/state.json")).read_text())
    kept = {path.stem: path for path in spool.glob("*/objects/*.dcm")}
    sent = {str(pydicom.dcmread(path).SOPInstanceUID): path for path in study.iterdir()}
    assert set(kept) == set(sent)
    for uid, path in sent.items():
        found = pydicom.dcmread(kept[uid])
        assert found == pydicom.dcmread(path)
        assert (found.file_meta.TransferSyntaxUID == JPEGLosslessSV1) == (found.Modality == "CT")
    made = {path.name: pydicom.dcmread(path) for path in spool.glob("*/0001/result/**/*.dcm")}
    stored = {one.SOPInstanceUID: one for one in map(pydicom.dcmread, folder.iterdir())}
    assert {one.Modality for one in stored.values()} == MADE
    assert stored == {one.SOPInstanceUID: one for one in made.values()}


def test_orthanc_sends_a_study_and_has_the_objects_in_it(study, tmp_path):
    port = free_port()
    (tmp_path / "orthanc").mkdir()
    modalities = {"node": ["NNUNETCIPA", "127.0.0.1", port]}
    with orthanc(tmp_path / "orthanc", DicomModalities=modalities) as (dicom, address):
        text, status = run("storescu", "-xs", "-R", "-aec", "ORTHANC", "127.0.0.1", dicom, "+sd", study)
        assert status == 0, text
        (found,) = ask(f"{address}/studies")
        with Node(tmp_path / "spool", port, f"ORTHANC@127.0.0.1:{dicom}", predictor="export"):
            answer = ask(f"{address}/modalities/node/store", found.encode())
            assert answer["FailedInstancesCount"] == 0
            assert answer["InstancesCount"] == len(list(study.iterdir()))
            wait_until(lambda: modalities_of(address, found) >= MADE, 60)
        (one,) = ask(f"{address}/studies")
        series = {one["MainDicomTags"]["Modality"]: one["Instances"] for one in ask(f"{address}/studies/{one}/series")}
        assert set(series) == {"CT", "PT", *MADE}
        assert [len(series[kind]) for kind in sorted(MADE)] == [1, 1]
        tags = ask(f"{address}/instances/{series['SEG'][0]}/simplified-tags")
        assert tags["SOPClassUID"] == SegmentationStorage


def ask(address, data=None):
    with urllib.request.urlopen(address, data, timeout=60) as answer:
        return json.load(answer)


def modalities_of(address, study):
    return {one["MainDicomTags"]["Modality"] for one in ask(f"{address}/studies/{study}/series")}
