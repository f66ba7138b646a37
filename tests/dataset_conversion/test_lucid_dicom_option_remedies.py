"""What is told of the options, of what stands beside the patients and of their number, done as the message has it."""

import shutil

import numpy as np
import pydicom
import pytest

from tests.dataset_conversion.lucid_dicom import IDS, cases, drawn, values, written
from tests.dataset_conversion.lucid_dicom_faults import NUMBER, again, change, remove
from tests.dataset_conversion.lucid_dicom_remedies import FOLDER, Remedy, convert, enter, options, refusal

BOTH = {who: number for number, who in enumerate(IDS[:2], 1)}
HELD_OUT = f"{IDS[1]}\n"


def nothing(export):
    pass


def air(export):
    export.edit(NUMBER, "CT", lambda dataset: setattr(dataset, "PixelData", bytes(len(dataset.PixelData))))


def beside(name, text, encoding="utf-8"):
    """A fault: a file beside the patients."""

    def put(export):
        (export.root / name).write_text(text, encoding)

    return put


def write(name, text):
    return lambda refused: beside(name, text)(refused.export)


def drop(name):
    return lambda refused: (refused.export.root / name).unlink()


FAULTS = {
    "no body": (air, Remedy("or leave out --crop", options(), given=("--crop",))),
    "list of others": (
        beside("test.txt", "0002\n"), Remedy("correct the list", write("test.txt", HELD_OUT), patients=BOTH),
    ),
    "list of one twice": (
        beside("test.txt", HELD_OUT * 2), Remedy("list every patient once", write("test.txt", HELD_OUT), patients=BOTH),
    ),
    "list of none": (beside("test.txt", "\n"), Remedy("list one per line, or remove it", drop("test.txt"))),
    "list in UTF-16": (
        beside("test.txt", HELD_OUT, "utf-16"),
        Remedy("save it as plain text", write("test.txt", HELD_OUT), patients=BOTH),
    ),
    "list and fraction": (
        beside("test.txt", HELD_OUT),
        Remedy("drop one of them", drop("test.txt"), ("--test-fraction", "0.5"), BOTH),
    ),
    "most of them": (
        nothing,
        Remedy("give a number from 0 to 0.5", options("--test-fraction", "0.5"), ("--test-fraction", "0.9"), BOTH),
    ),
    "units of the files": (
        beside("study.json", '{"units": {"CT": "HU", "PET": "Bq/ml"}}'),
        Remedy("correct it, or convert", write("study.json", '{"units": {"CT": "HU", "PET": "SUVbw"}}')),
    ),
    "name in an attribute": (
        change("PET AC", Manufacturer=f"ACME for {IDS[NUMBER - 1]}"),
        Remedy("remove it from the DICOM files", enter("PET AC", "Manufacturer")),
    ),
    "name in an option": (nothing, Remedy("or from the options", options(), given=("--name", IDS[NUMBER - 1]))),
    "label of a region": (
        nothing, Remedy("leave it out", options("--roi", "gtv"), ("--roi", "gtv", "--label", "GTV"), region="gtv"),
    ),
    "window": (
        nothing,
        Remedy("give a lower and a higher", options("--hu-window", "-1200", "-200"), ("--hu-window", "9", "1")),
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_the_patients_are_converted_once_it_is_as_told(fault, follow):
    follow(*FAULTS[fault])


def uid(export, name):
    """UID of a series, or of the one that a fault added."""
    path = next(export.folder(NUMBER).glob("*-2")) if name == "added" else export.files(NUMBER, name)[0]
    return pydicom.dcmread(path).SeriesInstanceUID


SERIES = {
    "not corrected": (nothing, ["PET NAC"], "choose a corrected one with --series", ["PET AC"]),
    "two PET": (nothing, ["PET AC", "PET NAC"], "name one", ["PET AC"]),
    "projection": (
        again("PET AC", ImageType=["DERIVED", "SECONDARY", "MIP"], SeriesDescription="MIP"),
        ["added"], "choose the series of the slices", ["PET AC"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SERIES)
def test_series_are_named_as_told(case, follow):
    fault, wrong, told, right = SERIES[case]
    given = ["--series"]

    def make(export):
        fault(export)
        given.extend(uid(export, name) for name in wrong)

    follow(make, Remedy(told, lambda refused: ["--series", *(uid(refused.export, name) for name in right)], given))


def test_a_pet_that_ends_in_the_body_is_taken_on_demand(pair, raw, capsys):
    """The PET lacks six slices of 4 mm at the top: its highest is at 189 mm, and the CT's are at 88, 96, ... 208 mm."""
    shutil.rmtree(pair.folder(1))
    remove("PET AC", slice(-6, None))(pair)
    assert convert(pair) == 1
    assert "or take this one with --least-pet-cover" in refusal(capsys)
    assert convert(pair, "--least-pet-cover", "0.8") == 0
    (case,) = cases(raw / FOLDER)
    np.testing.assert_array_equal(values(written(raw / FOLDER, case, "mask")), drawn(NUMBER - 1).igtv)
