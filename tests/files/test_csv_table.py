"""CSV files as spreadsheets write them."""

import pytest

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.csv_table import read_csv_table

ROWS = [{"patient_id": "A 1", "centre": "Lyon, Sud"}, {"patient_id": "B", "centre": ""}]


@pytest.mark.parametrize(
    "data",
    [
        b'patient_id,centre\nA 1,"Lyon, Sud"\nB,\n',
        b'\xef\xbb\xbfpatient_id;centre\r\nA 1;"Lyon, Sud"\r\nB;\r\n',
        b"patient_id\tcentre\n\n A 1 \tLyon, Sud\n\t\nB\t",
        b'"patient_id","centre"\n"A 1","Lyon, Sud"\n"B",""',
    ],
)
def test_rows_by_the_names_of_the_columns(tmp_path, data):
    (tmp_path / "table.csv").write_bytes(data)
    table = read_csv_table(tmp_path / "table.csv")
    assert table.columns == ("patient_id", "centre")
    assert list(table.rows.values()) == ROWS
    assert (table.column("CENTRE"), table.column("center")) == ("centre", None)


FAULTS = {
    b"": "is empty",
    b" \n,,\n": "is empty",
    b"\xff\xfea\x00": "not UTF-8 text",
    b"a,a\n1,2\n": "'a' twice",
    b"a,A\n1,2\n": "twice; keep one",
    b"a,,b\n1,2,3\n": "name every column",
    b"a,b\n1\n": "line 2: has 1 values, but there are 2 columns",
    b"a,b\n1,2\n1,2,3\n": "line 3: has 3 values",
    b'a,b\n"1,2\n': "is not CSV",
}


@pytest.mark.parametrize("data", FAULTS, ids=str)
def test_a_table_that_could_be_read_in_several_ways_is_refused(tmp_path, data):
    (tmp_path / "table.csv").write_bytes(data)
    with pytest.raises(CIPAError, match=FAULTS[data]):
        read_csv_table(tmp_path / "table.csv")
    with pytest.raises(CIPAError, match="No such file"):
        read_csv_table(tmp_path / "other.csv")
