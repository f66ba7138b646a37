"""What other makers' programs say of all that is written: phantom, structure sets and segmentations."""

import json
import shutil
import urllib.request
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.fileset import FileSet
from pydicom.uid import JPEGLosslessSV1

from nnunet_cipa.cli import main
from nnunet_cipa.dataset_conversion.phantoms.lucid import make_lucid_phantom
from nnunet_cipa.dataset_conversion.phantoms.options import LucidPhantomOptions
from tests.dicom.clients import REQUIRED, client, orthanc, run
from tests.dicom.ct_series import write_ct
from tests.dicom.export_study import GRID, mask_on

PATIENT = "0002"  # it has the PET without attenuation correction too


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A phantom patient, the masks of two lesions apart in z and of none, and what is exported of both."""
    root = tmp_path_factory.mktemp("clients")
    make_lucid_phantom(root / "phantom", LucidPhantomOptions(patients=2, size=64, slices=16, processes=1))
    ct = root / "phantom" / PATIENT
    grid = ct_grid(ct)
    values = np.zeros(grid.GetSize()[::-1], dtype=np.uint8)
    rows, columns = np.ogrid[:64, :64]
    values[3:6] = np.hypot(rows - 30, columns - 25) < 7
    values[4, 28:33, 23:27] = 0  # a hole
    values[10:12, 40:43, 40:49] = 1
    values[7, 50:52, 20] = 2
    write(values, grid, root / "mask.nii.gz")
    write(0 * values, grid, root / "empty.nii.gz")
    weights = root / "Dataset702_LUCID" / "nnUNetTrainerCIPASIM__nnUNetPlans__2d" / "fold_0" / "checkpoint_final.pth"
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"weights")
    options = [
        "--seg",
        "--model",
        str(weights.parents[1]),
        "--label",
        "1",
        "--label",
        "2",
        "--roi-name",
        "IGTV",
        "--roi-name",
        "Heart",
    ]
    assert main(["export-dicom", str(root / "mask.nii.gz"), str(ct), str(root / "out"), *options]) == 0
    options = ["--seg", "--roi-type", "OTHER"]
    assert main(["export-dicom", str(root / "empty.nii.gz"), str(ct), str(root / "empty"), *options]) == 0
    return root


def ct_grid(folder):
    """The grid of the CT by ITK."""
    slices = [path for path in folder.iterdir() if pydicom.dcmread(path, specific_tags=["Modality"]).Modality == "CT"]
    uid = pydicom.dcmread(slices[0]).SeriesInstanceUID
    files = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), uid)
    return sitk.ReadImage(files)


def write(values, grid, path):
    image = sitk.GetImageFromArray(values)
    image.CopyInformation(grid)
    sitk.WriteImage(image, path)


def objects(study):
    return [*sorted((study / "phantom" / PATIENT).iterdir()), *made(study)]


def made(study):
    return [study / place / name for place in ("out", "empty") for name in ("rtstruct.dcm", "seg.dcm")]


def faults(text):
    return [line for line in text.splitlines() if line.startswith(("Error", "Abort"))]


def test_dciodvfy_finds_no_error(study):
    for path in objects(study):
        text, _ = run("dciodvfy", "-new", path)
        assert text.strip(), path
        assert faults(text) == [], path


@pytest.mark.parametrize("lack", ["type 2", "SliceThickness"])
def test_dciodvfy_finds_no_error_in_what_is_made_of_a_ct_that_lacks_much(tmp_path, lack):
    missing = (
        ["SliceThickness"] if lack == "SliceThickness" else ["StudyID", "AccessionNumber", "PatientSex", "StudyDate"]
    )

    def change(piece, k):
        for keyword in missing:
            setattr(piece, keyword, None)
        piece.InstanceCreationDate = piece.SeriesDate = "20200304"

    write_ct(tmp_path / "ct", GRID, edit=change)
    sitk.WriteImage(mask_on(GRID), tmp_path / "mask.nii.gz")
    argv = ["export-dicom", *(str(tmp_path / name) for name in ("mask.nii.gz", "ct", "out")), "--seg"]
    assert main(argv) == 0
    for name in ("rtstruct.dcm", "seg.dcm"):
        text, _ = run("dciodvfy", "-new", tmp_path / "out" / name)
        assert faults(text) == []


def test_dciodvfy_finds_the_errors_that_are_looked_for(study, tmp_path):
    broken = pydicom.dcmread(study / "out" / "rtstruct.dcm")
    del broken.StructureSetLabel
    broken.save_as(tmp_path / "broken.dcm")
    text, _ = run("dciodvfy", "-new", tmp_path / "broken.dcm")
    assert any("StructureSetLabel" in line for line in faults(text))


def test_dcentvfy_finds_one_patient_and_one_study(study):
    text, _ = run("dcentvfy", *objects(study))
    assert faults(text) == []


def test_dicomdirs_take_all_of_it(study, tmp_path):
    for number, path in enumerate(objects(study)):
        shutil.copy(path, tmp_path / f"IM{number:06d}")
    names = sorted(path.name for path in tmp_path.iterdir())
    text, status = run("dcmmkdir", "+D", tmp_path / "DICOMDIR", "+id", tmp_path, *names)
    assert (faults(text), status) == ([], 0)
    listed = FileSet(tmp_path / "DICOMDIR")
    assert len(listed) == len(names)
    of_pydicom = FileSet()
    for path in objects(study):
        of_pydicom.add(path)
    assert len(of_pydicom) == len(names)


def test_plastimatch_reads_the_masks(study):
    out = study / "plastimatch"
    reference = ["--fixed", study / "mask.nii.gz", "--referenced-ct", study / "phantom" / PATIENT]
    options = ["--output-prefix", out, "--prefix-format", "nii.gz", *reference]
    text, status = run("plastimatch", "convert", "--input", study / "out" / "rtstruct.dcm", *options)
    assert status == 0, text
    expected = sitk.GetArrayFromImage(sitk.ReadImage(study / "mask.nii.gz"))
    for name, label in (("IGTV", 1), ("Heart", 2)):
        found = sitk.GetArrayFromImage(sitk.ReadImage(out / f"{name}.nii.gz"))
        np.testing.assert_array_equal(found > 0, expected == label)


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    with orthanc(tmp_path_factory.mktemp("orthanc")) as found:
        yield found


def test_an_archive_stores_all_of_it_and_gives_it_back(study, archive, tmp_path):
    port, address = archive
    sent = {str(pydicom.dcmread(path).SOPInstanceUID): path for path in objects(study)}
    text, status = run("storescu", "-R", "-aec", "ORTHANC", "127.0.0.1", port, *sent.values())
    assert status == 0, text
    with urllib.request.urlopen(f"{address}/studies", timeout=30) as answer:
        (found,) = json.load(answer)
    with urllib.request.urlopen(f"{address}/studies/{found}/instances", timeout=30) as answer:
        instances = json.load(answer)
    assert {one["MainDicomTags"]["SOPInstanceUID"] for one in instances} == set(sent)
    of_ours = {pydicom.dcmread(path).SOPInstanceUID: path for path in made(study)}
    uid = pydicom.dcmread(study / "out" / "seg.dcm").StudyInstanceUID
    for series in {pydicom.dcmread(path).SeriesInstanceUID for path in made(study)}:
        keys = ["-k", "QueryRetrieveLevel=SERIES", "-k", f"StudyInstanceUID={uid}", "-k", f"SeriesInstanceUID={series}"]
        text, status = run("getscu", "-S", "-aec", "ORTHANC", "-od", tmp_path, *keys, "127.0.0.1", port)
        assert status == 0, text
    back = {pydicom.dcmread(path).SOPInstanceUID: path for path in Path(tmp_path).iterdir()}
    assert set(back) == set(of_ours)
    for instance, path in back.items():
        assert pydicom.dcmread(path) == pydicom.dcmread(of_ours[instance])


def test_a_missing_program_is_a_skip_and_a_failure_where_it_is_required(monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.delenv(REQUIRED, raising=False)
    with pytest.raises(pytest.skip.Exception, match="Debian's package dicom3tools"):
        client("dciodvfy")
    monkeypatch.setenv(REQUIRED, "1")
    with pytest.raises(pytest.fail.Exception, match=f"{REQUIRED} is 1"):
        client("dciodvfy")


def test_a_ct_in_jpeg_lossless_is_exported_to(tmp_path):
    write_ct(tmp_path / "ct", GRID)
    for path in (tmp_path / "ct").iterdir():
        text, status = run("dcmcjpeg", "+e1", path, path)
        assert status == 0, text
    assert pydicom.dcmread(path).file_meta.TransferSyntaxUID == JPEGLosslessSV1
    sitk.WriteImage(mask_on(GRID), tmp_path / "mask.nii.gz")
    assert main(["export-dicom", *(str(tmp_path / name) for name in ("mask.nii.gz", "ct", "out")), "--seg"]) == 0
