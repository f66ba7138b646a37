"""Folds that leave out the patients of one centre or scanner each."""

import csv
import json

import numpy as np
import pytest

from nnunet_cipa.cli import main
from nnunet_cipa.dataset_conversion.lucid.convert import Options, convert_lucid
from nnunet_cipa.dataset_conversion.pclt20k.convert import convert_pclt20k
from nnunet_cipa.dataset_conversion.pclt20k.options import Options as Pclt20kOptions
from nnunet_cipa.dataset_conversion.pipeline.folds import TrainingPatient, make_folds
from nnunet_cipa.errors import CIPAError
from tests.dataset_conversion.lucid_dicom import provenance

CENTRES = {"P01": "Lyon", "P02": "Bern", "P03": "lyon", "P04": "Wien", "P05": "Bern", "P06": "Lyon"}


def write(path, column, values, who="patient_id"):
    path.write_text("\n".join([f"{who};{column}", *(f"{name};{value}" for name, value in values.items())]))
    return path


def folds_of(folder):
    return json.loads((folder / "splits_final.json").read_text())


def test_each_fold_validates_on_one_centre_and_trains_on_the_others(lucid, raw, tmp_path):
    table = write(tmp_path / "centres.csv", "centre", CENTRES | {"P99": "Graz"})
    conversion = convert_lucid(lucid.root, Options(processes=1, group="Centre", group_table=table))
    folds = folds_of(conversion.folder)
    assert [fold["val"] for fold in folds] == [["P02", "P05"], ["P01", "P03", "P06"], ["P04"]]
    assert all(sorted(fold["train"] + fold["val"]) == sorted(CENTRES) for fold in folds)
    told = "folds that leave out one Centre each: 0 Bern, 1 Lyon, 2 Wien; give nnUNetv2_predict -f 0 1 2"
    assert told in conversion.told
    recorded = provenance(conversion.folder, "_dataset")["folds_leave_out"]
    assert recorded == {"column": "Centre", "groups": ["Bern", "Lyon", "Wien"]}
    assert conversion.warnings == ()


def test_a_patient_without_a_value_is_filled_in_as_told(lucid, raw, tmp_path):
    table = write(tmp_path / "centres.csv", "centre", CENTRES | {"P04": ""})
    options = Options(processes=1, group="centre", group_table=table)
    with pytest.raises(CIPAError, match=r"patient P04 has no centre in .*centres.csv; fill it in$"):
        convert_lucid(lucid.root, options)
    write(table, "centre", {name: centre for name, centre in CENTRES.items() if name != "P04"})
    with pytest.raises(CIPAError, match="patient P04 has no centre"):
        convert_lucid(lucid.root, options)
    assert not list(raw.glob("Dataset*"))
    write(table, "centre", CENTRES, who="case")
    assert len(folds_of(convert_lucid(lucid.root, options).folder)) == 3


def test_patients_who_are_held_out_need_no_value(lucid, raw, tmp_path):
    (lucid.root / "test.txt").write_text("P04\n")
    table = write(tmp_path / "centres.csv", "centre", CENTRES | {"P04": ""})
    folder = convert_lucid(lucid.root, Options(processes=1, group="centre", group_table=table)).folder
    assert len(folds_of(folder)) == 2


def test_sections_of_a_patient_go_with_the_patient(study, raw, tmp_path):
    elsewhere = np.zeros((24, 32), dtype=np.uint8)
    elsewhere[20:23, 25:30] = 255
    study.write("0601_003", "mask", elsewhere)
    scanners = dict(zip(("0001", "0006", "0594", "0600", "0601", "200908508"), "ABABAB", strict=True))
    table = write(tmp_path / "scanners.csv", "scanner", scanners, who="patient")
    options = Pclt20kOptions(processes=1, split_at_gaps=True, group="scanner", group_table=table)
    conversion = convert_pclt20k(study.root, options)
    folds = folds_of(conversion.folder)
    assert sum(len(fold["val"]) for fold in folds) == len(conversion.cases("train")) > 6
    for fold, scanner in zip(folds, "AB", strict=True):
        assert {scanners[case.split("_")[0]] for case in fold["val"]} == {scanner}
        assert scanner not in {scanners[case.split("_")[0]] for case in fold["train"]}
    assert provenance(conversion.folder, "_dataset")["folds_leave_out"]["groups"] == ["A", "B"]


@pytest.mark.parametrize("column", ["manufacturer", "institution"])
def test_what_the_files_say_is_a_column_of_the_key_table(column, pair, raw, tmp_path):
    keyword = {"manufacturer": "Manufacturer", "institution": "InstitutionName"}[column]
    names = ["Siemens", "Clinic of Nowhere"]
    for number, name in enumerate(names, start=1):
        pair.edit(number, "PET AC", lambda dataset, name=name: setattr(dataset, keyword, name))
    keys = tmp_path / "keys.csv"
    conversion = convert_lucid(pair.root, Options(processes=1, group=column, key_table=keys))
    with keys.open(newline="") as file:
        found = {row["case"]: row[column] for row in csv.DictReader(file)}
    assert sorted(found.values()) == sorted(names)
    folds = folds_of(conversion.folder)
    assert [found[fold["val"][0]] for fold in folds] == sorted(names)
    recorded = provenance(conversion.folder, "_dataset")["folds_leave_out"]["groups"]
    # The name of an institution tells who the patients are
    assert recorded == (sorted(names) if column == "manufacturer" else ["group 0", "group 1"])


def patients(*columns):
    return [TrainingPatient(f"case{n}", f"id{n}", {f"case{n}": 5}, one) for n, one in enumerate(columns)]


def test_studies_of_a_patient_on_two_scanners_are_refused():
    both, one, other = {"model": ["B", "A"]}, {"model": ["A", "A"]}, {"model": ["B"]}
    options = Options(group="model")
    with pytest.raises(CIPAError, match=r"patient id0 has several values of model \(A, B\).*--group-table"):
        make_folds(patients(both, one, other), options)
    assert make_folds(patients(one, other), options).left_out == ("A", "B")


REFUSALS = {
    ("patient_id,centre\nP01,A\n", "scanner"): "columns patient_id, centre and not scanner; add it, or choose another",
    ("name,centre\nP01,A\n", "centre"): "columns name, centre; name the one of the patients patient_id",
    ("patient_id,centre\nP01,A\nP01,B\n", "centre"): "line 3: P01 has the centre 'B', and 'A' above",
    (None, "centre"): "--group centre: no such column; the files have none",
}


@pytest.mark.parametrize(("content", "column"), REFUSALS, ids=str)
def test_other_tables_are_refused(lucid, raw, tmp_path, content, column):
    table = None if content is None else tmp_path / "table.csv"
    if table is not None:
        table.write_text(content)
    with pytest.raises(CIPAError, match=REFUSALS[content, column].replace("(", r"\(")):
        convert_lucid(lucid.root, Options(processes=1, group=column, group_table=table))


def test_one_centre_alone_and_a_table_without_a_column_are_refused(lucid, raw, tmp_path, capsys):
    table = write(tmp_path / "centres.csv", "centre", dict.fromkeys(CENTRES, "Lyon"))
    with pytest.raises(CIPAError, match="have the value 'Lyon', and folds need two values; choose another column"):
        convert_lucid(lucid.root, Options(processes=1, group="centre", group_table=table))
    with pytest.raises(SystemExit) as stop:
        main(["convert", "lucid", str(lucid.root), "--group-table", str(table)])
    assert stop.value.code == 2
    assert "is for --group; name its column by --group, or leave it out" in capsys.readouterr().err
    with pytest.raises(CIPAError, match=r"nowhere.csv: cannot be read"):
        convert_lucid(lucid.root / "nobody", Options(group="centre", group_table=tmp_path / "nowhere.csv"))


def test_one_line_may_repeat_another_and_numbers_are_names(lucid, raw, tmp_path):
    for number in range(1, 7):
        (lucid.root / f"P{number:02d}").rename(lucid.root / f"{number:02d}")
    table = tmp_path / "table.csv"
    table.write_text("patient_id,centre\n" + "\n".join(f"{n:02d},{n % 2}" for n in (1, 2, 3, 4, 5, 6, 1)))
    folder = convert_lucid(lucid.root, Options(processes=1, group="centre", group_table=table)).folder
    assert [fold["val"] for fold in folds_of(folder)] == [["02", "04", "06"], ["01", "03", "05"]]
