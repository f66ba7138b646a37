"""Notes on how a patient's volumes were read, on their way to the user and to the provenance."""

from dataclasses import replace

from nnunet_cipa.dataset_conversion.lucid import Options
from nnunet_cipa.dataset_conversion.study_set.convert import convert_study_set
from nnunet_cipa.dataset_conversion.study_set.dicom_set import Wanted, read_dicom_set
from tests.dataset_conversion.lucid_dicom import IDS, provenance


def test_notes_of_a_choice_become_warnings_of_the_patient_and_go_to_the_provenance(pair, raw):
    found = read_dicom_set(pair.root, Wanted(), "LUCID", None, 0)
    first, second = found.patients
    noted = replace(found, patients=(replace(first, notes={"CT": ("one", "two"), "IGTV": ("three",)}), second))
    conversion = convert_study_set(lambda: noted, Options(processes=1))
    who = noted.known_as[first.name]
    assert who in IDS
    places = [first.where("CT"), first.where("CT"), first.where("IGTV")]
    told = [f"patient {who}: {place}: {note}" for place, note in zip(places, ("one", "two", "three"), strict=True)]
    assert [warning for warning in conversion.warnings if warning.startswith("patient ")] == told
    assert provenance(conversion.folder, first.name)["notes"] == {"CT": ["one", "two"], "IGTV": ["three"]}
    assert provenance(conversion.folder, second.name)["notes"] == {}
