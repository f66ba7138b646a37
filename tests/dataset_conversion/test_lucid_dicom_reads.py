"""How often a conversion reads a file: the passes are to find, to check and to write."""

from collections import Counter
from io import BytesIO
from pathlib import Path

import pydicom
import pytest

from nnunet_cipa.dataset_conversion.lucid import Options, convert_lucid
from nnunet_cipa.dataset_conversion.phantoms.lucid import Form
from nnunet_cipa.dataset_conversion.study_set.dicom_set import Wanted, read_dicom_set
from nnunet_cipa.errors import CIPAError
from tests.dataset_conversion.lucid_dicom import PATIENTS, Export


@pytest.fixture(scope="module")
def reads(phantoms, tmp_path_factory):
    """How often ``pydicom.dcmread`` read a file's first attributes only, and how often all of it: path -> numbers."""
    root = phantoms[Form.DICOM]
    by_content = {path.read_bytes(): path for path in root.rglob("*") if path.is_file()}
    parts, wholes = Counter(), Counter()
    read = pydicom.dcmread

    def counted(file, **options):
        held = file.getvalue() if isinstance(file, BytesIO) else None
        path = Path(file if isinstance(file, str | Path) else file.name) if held is None else by_content[held]
        (parts if "specific_tags" in options else wholes)[path] += 1
        return read(file, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pydicom, "dcmread", counted)
        patch.setenv("nnUNet_raw", str(tmp_path_factory.mktemp("raw")))
        convert_lucid(root, Options(processes=1, organs=("HEART",)))
    return {path: (parts[path], wholes[path]) for path in {*parts, *wholes}}


def numbers(reads, phantoms, kind):
    """For each patient, how often the files of a series were read, the first along the normal before the others."""
    export = Export(phantoms[Form.DICOM])
    return [[reads[path] for path in export.files(number, kind)] for number in range(1, PATIENTS + 1)]


def test_a_structure_set_is_parsed_once(reads, phantoms):
    """Found by its first attributes; then all of it once, for two regions that are checked and written."""
    assert numbers(reads, phantoms, "structures") == [[(1, 1)]] * PATIENTS


@pytest.mark.parametrize(("kind", "first_parts"), [("CT", 2), ("PET AC", 3)])
def test_an_image_is_read_once_in_each_pass(reads, phantoms, kind, first_parts):
    """The first one once more for what tells who the patient is, and that of the PET for its scanner."""
    for first, *others in numbers(reads, phantoms, kind):
        assert first == (first_parts, 2)
        assert set(others) == {(1, 2)}


def test_a_series_that_is_not_taken_is_found_and_left_alone(reads):
    descriptions = {
        path: pydicom.dcmread(path, specific_tags=["SeriesDescription"]).SeriesDescription for path in reads
    }
    not_taken = [reads[path] for path, text in descriptions.items() if text == "SYNTHETIC PET NAC"]
    assert len(not_taken) > 10
    assert set(not_taken) == {(1, 0)}


def test_a_structure_set_that_changes_after_it_was_read_is_noticed(pair):
    patient = read_dicom_set(pair.root, Wanted(), "LUCID", None, 0).patients[0]
    assert patient.read("IGTV").facts["contours"] > 0
    path = patient.regions["IGTV"].path
    pair.replace(path, path.read_bytes().replace(b"SYNTHETIC", b"SYNTHETIX"))
    with pytest.raises(CIPAError, match=f"{path.name}: ROI 'IGTV': changed during the conversion; run it again"):
        patient.read("IGTV")
