"""Nothing in a converted dataset tells who a patient is; the key table, apart from it, does."""

import csv
import gzip
import json
import stat

import pydicom
import pytest

from nnunet_cipa.cli import main
from nnunet_cipa.dataset_conversion.lucid.convert import Options, convert_lucid
from nnunet_cipa.dataset_conversion.phantoms.options import Form
from nnunet_cipa.dataset_conversion.pipeline import dataset
from nnunet_cipa.dataset_conversion.study_set.case import StudyCaseJob
from nnunet_cipa.dataset_conversion.study_set.dicom_set import Wanted, read_dicom_set
from nnunet_cipa.dataset_conversion.study_set.identifiers import refuse_identifiers
from nnunet_cipa.dataset_conversion.study_set.options import Intensity, Storage
from nnunet_cipa.errors import CIPAError
from tests.dataset_conversion.lucid_dicom import IDS, PATIENTS, cases, whose

RAW = Storage(Intensity.RAW)
UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID")


@pytest.fixture
def identified(export):
    """The export with what a hospital writes about patients; also returns all that tells who they are."""
    secrets = set()
    for number in range(1, PATIENTS + 1):
        texts = {
            "PatientName": f"Musterfrau{number}^Erika-{number}^^Dr.",
            "PatientID": f"HOSP77{number}",
            "PatientBirthDate": f"196{number}0713",
            "AccessionNumber": f"ACC9{number}",
            "InstitutionName": "St. Nimmerlein",
            "ReferringPhysicianName": "Hausarzt^Heinz",
            "PatientComments": f"sister of Musterfrau{number + 1}",
            "StudyDescription": f"PET/CT Musterfrau{number}",
            "SeriesDescription": f"WB Musterfrau{number}",
            "StudyDate": "20240229",
        }
        for path in sorted(export.folder(number).iterdir()):
            dataset = pydicom.dcmread(path)
            secrets.update(str(dataset[uid].value) for uid in UIDS if uid in dataset)
            for keyword, text in texts.items():
                setattr(dataset, keyword, text)
            path.unlink()
            dataset.save_as(path)
        secrets.update({"Musterfrau", f"Erika-{number}", *(texts[k] for k in ("PatientID", "PatientBirthDate"))})
        secrets.update({texts["AccessionNumber"], "Nimmerlein", "Hausarzt", "20240229"})
    (export.root / "test.txt").write_text("HOSP773\n")
    return export.root, secrets


def keys(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_no_byte_of_the_dataset_tells_who_a_patient_is(identified, raw):
    source, secrets = identified
    folder = convert_lucid(source, Options(name="TRIAL", processes=1, organs=("HEART",))).folder
    assert cases(folder) == [f"TRIAL_{number:04d}" for number in range(1, PATIENTS + 1)]
    found = [path for path in folder.rglob("*") if path.is_file()]
    assert len(found) == 3 + PATIENTS * 5
    assert len(secrets) > 300
    for path in found:
        data = path.read_bytes()
        content = gzip.decompress(data) if path.suffix == ".gz" else data
        told = [secret for secret in secrets if secret.encode().lower() in content.lower() + path.name.encode().lower()]
        assert told == []
        if path.suffix == ".gz":
            # descrip, aux_file, intent_name, db_name and extensions of a NIfTI header, and the name in gzip's own
            assert not any(content[148:252] + content[328:344] + content[4:32] + content[348:352])
            assert data[3] == 0


def test_key_table_tells_who_each_case_is_and_only_the_owner_may_read_it(phantoms, raw, tmp_path):
    table = tmp_path / "keys.csv"
    folder = convert_lucid(phantoms[Form.DICOM], Options(storage=RAW, key_table=table, processes=1)).folder
    assert stat.S_IMODE(table.stat().st_mode) == 0o600
    rows = keys(table)
    assert [row["case"] for row in rows] == cases(folder)
    for row in rows:
        number = whose(folder, row["case"])
        assert row["patient_id"] == IDS[number - 1]
        assert (row["part"] == "test") == (folder / "labelsTs" / f"{row['case']}.nii.gz").exists()
        assert row["roi_name"] == "IGTV"
        found = [pydicom.dcmread(path) for path in (phantoms[Form.DICOM] / f"{number:04d}").iterdir()]
        uids = {(dataset.SeriesDescription, dataset.SeriesInstanceUID) for dataset in found}
        assert ("SYNTHETIC CT", row["ct_series_uid"]) in uids
        assert ("SYNTHETIC PET AC", row["pet_series_uid"]) in uids
        structures = {dataset.SOPInstanceUID for dataset in found if dataset.Modality == "RTSTRUCT"}
        assert structures == {row["structure_set_uid"]}
        assert row["study_uid"] == found[0].StudyInstanceUID


def test_names_of_cases_do_not_follow_the_ids_and_are_drawn_by_the_seed(phantoms):
    def order(seed):
        found = read_dicom_set(phantoms[Form.DICOM], Wanted(), "LUCID", None, seed)
        return [key.values["patient_id"] for key in found.keys]

    default = Options().seed
    assert order(default) == order(default)
    orders = [order(seed) for seed in (default, 1, 2)]
    assert len(set(map(tuple, orders))) == 3
    for one in orders:
        assert sorted(one) == list(IDS)
        assert one != list(IDS)


def test_without_a_key_table_the_user_is_warned(phantoms, raw, capsys):
    argv = ["convert", "lucid", str(phantoms[Form.DICOM]), "--processes", "1"]
    assert main(argv) == 0
    told = capsys.readouterr()
    assert "warning: which patient a case is was not written down; give --key-table FILE" in told.err
    assert "train: 5 cases, 80 slices in imagesTr" in told.out


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("nnUNet_raw/keys.csv", "lies in nnUNet_raw"),
        ("nnUNet_raw/../nnUNet_raw/keys.csv", "lies in nnUNet_raw"),
        ("link/keys.csv", "lies in nnUNet_raw"),
        ("nowhere/keys.csv", "is not a folder; make it first"),
        ("old.csv", "exists; give --overwrite to replace it"),
        ("nnUNet_raw/..", "exists"),
    ],
)
def test_place_of_the_key_table_is_checked_first(tmp_path, raw, place, told):
    (tmp_path / "link").symlink_to(raw)
    (tmp_path / "old.csv").write_text("old")
    with pytest.raises(CIPAError, match=told) as raised:
        convert_lucid(tmp_path / "not looked at", Options(key_table=tmp_path / place, processes=1))
    assert str(tmp_path / place) in str(raised.value)
    assert (tmp_path / "old.csv").read_text() == "old"


def test_overwrite_replaces_the_key_table_with_one_that_only_the_owner_may_read(phantoms, raw, tmp_path):
    table = tmp_path / "keys.csv"
    table.write_text("old")
    table.chmod(0o644)
    convert_lucid(phantoms[Form.DICOM], Options(key_table=table, overwrite=True, processes=1))
    assert len(keys(table)) == PATIENTS
    assert stat.S_IMODE(table.stat().st_mode) == 0o600


def test_failure_leaves_neither_dataset_nor_key_table(phantoms, raw, tmp_path, left_in, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(dataset, "write_json", fail)
    private = tmp_path / "private"
    private.mkdir()
    with pytest.raises(OSError, match="No space"):
        convert_lucid(phantoms[Form.DICOM], Options(key_table=private / "keys.csv", processes=1))
    assert list(private.iterdir()) == []
    assert left_in(raw) == []


def test_identifier_in_the_provenance_stops_the_conversion(identified, raw, tmp_path, left_in, monkeypatch):
    source, _ = identified
    provenance = StudyCaseJob.provenance
    monkeypatch.setattr(StudyCaseJob, "provenance", lambda job: {**provenance(job), "note": ["of Frau musterfrau4"]})
    private = tmp_path / "private"
    private.mkdir()
    with pytest.raises(CIPAError, match=r"LUCID_0001\.json: /note/0 would hold an identifier") as raised:
        convert_lucid(source, Options(key_table=private / "keys.csv", processes=1))
    assert "musterfrau" not in str(raised.value).lower()
    assert list(private.iterdir()) == []
    assert left_in(raw) == []


def test_name_in_an_attribute_that_is_kept_stops_the_conversion(identified, export, raw, capsys, left_in):
    source, _ = identified
    for path in sorted(export.folder(2).iterdir()):
        dataset = pydicom.dcmread(path)
        if dataset.Modality == "PT":
            dataset.Manufacturer = "ACME for Musterfrau2"
            path.unlink()
            dataset.save_as(path)
    assert main(["convert", "lucid", str(source), "--processes", "1"]) == 1
    told = capsys.readouterr().err.splitlines()[-1]
    assert "/values/PET/Manufacturer would hold an identifier of a patient; remove it from the DICOM files" in told
    assert "Musterfrau" not in told
    assert left_in(raw) == []


@pytest.mark.parametrize(
    ("text", "identifier"),
    [
        ("Muster", "muster"),
        ("for MUSTER.", "Muster"),
        ("x_Muster_y", "Muster"),
        ("id 4711-0815", "4711-0815"),
        ("1.8.7.6.5.4321", None),
        ("2.25.123456789012345678901234567890", None),
        ("LUCID_00012", "00012"),
    ],
)
def test_identifiers_are_found_in_texts_and_in_names(tmp_path, text, identifier):
    identifiers = frozenset({identifier} - {None})
    (tmp_path / "facts.json").write_text(json.dumps({"a": [{"b": text}]}))
    with pytest.raises(CIPAError, match=r"facts\.json: /a/0/b would hold an identifier") as raised:
        refuse_identifiers(tmp_path, ["LUCID_0001"], identifiers)
    assert text not in str(raised.value)
    (tmp_path / "facts.json").rename(tmp_path / f"{text}.txt")
    with pytest.raises(CIPAError, match="the name of this file would hold an identifier"):
        refuse_identifiers(tmp_path, ["LUCID_0001"], identifiers)


@pytest.mark.parametrize(
    ("text", "identifier"),
    [
        ("Musterhausen", "Muster"),
        ("Philips Medical Systems", "Philips"),
        ("LUCID_0001", "0001"),
        ("LUCID_0001_0000", "0000"),
        ("START", "Start"),
        ("nnunet_cipa 0.1.0", "0.1."),
        ("a^b", "(x"),
    ],
)
def test_what_only_looks_like_an_identifier_is_none(tmp_path, text, identifier):
    (tmp_path / "facts.json").write_text(json.dumps({"Muster": text}))
    refuse_identifiers(tmp_path, ["LUCID_0001"], frozenset({identifier, "Muster"}))


CODED = {"values": {"PET": {"CorrectedImage": ["ATTN", "NORM"], "Units": "CNTS", "elapsed_from": "dates and times"}}}
SENTENCE = {"notes": {"PET": ["covers 80% of the CT's field of view"]}}


@pytest.mark.parametrize(
    ("content", "identifier"), [(CODED, "Norm"), (CODED, "Cnts"), (CODED, "Times"), (SENTENCE, "Field")]
)
def test_terms_of_dicom_and_words_of_our_own_are_none(tmp_path, content, identifier):
    """A physician may be called so."""
    (tmp_path / "facts.json").write_text(json.dumps(content))
    refuse_identifiers(tmp_path, ["LUCID_0001"], frozenset({identifier}))


@pytest.mark.parametrize(
    "content",
    [
        {"values": {"PET": {"CorrectedImage": ["ATTN", "MUSTER"]}}},  # not a term: someone wrote it into the header
        {"values": {"PET": {"Manufacturer": "Norm"}}},
        {"CorrectedImage": {"other": "x Norm"}},
        {"notes": {"PET": ["of Norm, the physician"]}},
        {"name": "NORM"},
    ],
)
def test_the_same_words_elsewhere_are_found(tmp_path, content):
    (tmp_path / "facts.json").write_text(json.dumps(content))
    with pytest.raises(CIPAError, match="would hold an identifier"):
        refuse_identifiers(tmp_path, ["LUCID_0001"], frozenset({"Norm", "Muster"}))


def test_further_ids_and_names_are_searched_for_too(identified, export, raw, left_in, monkeypatch):
    source, _ = identified
    for path in sorted(export.folder(1).iterdir()):
        dataset = pydicom.dcmread(path)
        dataset.OtherPatientIDs = ["OLD-4711", "OLD-4712"]
        path.unlink()
        dataset.save_as(path)
    provenance = StudyCaseJob.provenance
    monkeypatch.setattr(StudyCaseJob, "provenance", lambda job: {**provenance(job), "note": "was OLD-4712"})
    with pytest.raises(CIPAError, match="/note would hold an identifier"):
        convert_lucid(source, Options(processes=1))
    assert left_in(raw) == []


def test_no_folder_is_left_out_for_its_name(tmp_path):
    folder = tmp_path / ".finished" / "provenance"
    folder.mkdir(parents=True)
    (folder / "facts.json").write_text(json.dumps(["of Muster"]))
    with pytest.raises(CIPAError, match=r"facts\.json: /0 would hold an identifier"):
        refuse_identifiers(folder, ["LUCID_0001"], frozenset({"Muster"}))
