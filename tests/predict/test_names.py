"""Folders have the patients' names, whatever is in them, and pages have names that tell nobody."""

import pytest

from nnunet_cipa.predict.names import Who, folder_names


@pytest.mark.parametrize("patient_id", ["LUNG_0042", "a.b-c", "1234567"])
def test_a_usual_patient_id_is_the_name(patient_id):
    assert folder_names([Who(patient_id, "1.2")]) == [patient_id]


@pytest.mark.parametrize(
    "patient_id", ["../../etc/passwd", "..", ".hidden", "a/b", "Müller^Jörg", "x" * 300, "", " ", "C:\\x"]
)
def test_a_name_leads_nowhere_else_and_is_short(patient_id):
    (name,) = folder_names([Who(patient_id, "1.2")])
    assert name.isascii()
    assert not set(name) & set("/\\: ")
    assert 0 < len(name) <= 80
    assert not name.startswith(".")


def test_names_that_would_be_one_are_told_apart():
    alike = [
        Who("a/b", "1"),
        Who("a:b", "2"),
        Who("Ab", "3"),
        Who("aB", "4"),
        Who("p", "5", "2020-01-01"),
        Who("p", "6", "2020-01-01"),
        Who("q", "7", "2020-01-01"),
        Who("q", "8", "2021-01-01"),
    ]
    names = folder_names(alike)
    assert len({name.casefold() for name in names}) == len(names)
    assert names[-2:] == ["q_2020-01-01", "q_2021-01-01"]


def test_a_pseudonym_is_the_studys_and_has_no_name_in_it():
    assert Who("Miller", "1.2.3").pseudonym == Who("Miller", "1.2.3").pseudonym != Who("Miller", "1.2.4").pseudonym
    assert "Miller" not in Who("Miller", "1.2.3").pseudonym
