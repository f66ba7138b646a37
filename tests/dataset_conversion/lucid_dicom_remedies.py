"""Doing what the refusals of ``convert lucid`` tell one to do with DICOM files, by pydicom or a shell's commands."""

import csv
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import pydicom
import pytest

from nnunet_cipa.cli import main
from tests.dataset_conversion.lucid_dicom import IDS, Export, drawn, provenance, values, written
from tests.dataset_conversion.lucid_dicom_faults import NUMBER

FOLDER = "Dataset702_LUCID"


@dataclass(frozen=True)
class Refused:
    """A damaged export, the same patients unharmed, and the message of the refusal."""

    export: Export
    unharmed: Export
    message: str

    @property
    def named(self):
        """The first file that the message names."""
        return Path(re.search(rf"{re.escape(str(self.export.root))}/[^\s:;,]+", self.message).group())


@dataclass(frozen=True)
class Remedy:
    """What the message says, and what is done then.

    ``follow`` may return the options with which to convert again, in place of those that were ``given``.
    ``patients`` are the numbers, by PatientID, of those in the export, who are all converted then, each with what was
    drawn of ``region``.
    """

    told: str
    follow: Callable[[Refused], list[str] | None]
    given: tuple[str, ...] = ()
    patients: Mapping[str, int] = field(default_factory=lambda: {IDS[NUMBER - 1]: NUMBER})
    region: str = "igtv"


def in_one_file(function):
    """A fault in the fourth file of the CT."""

    def fault(export):
        path = export.files(NUMBER, "CT")[3]
        dataset = pydicom.dcmread(path)
        function(dataset)
        path.unlink()
        dataset.save_as(path)

    return fault


@cache
def unharmed_files(root, kind):
    return Export(root).files(NUMBER, kind)


def again(*kinds):
    """Export series, or the structures, of the patient once more."""

    def follow(refused):
        for kind in kinds:
            for path in unharmed_files(refused.unharmed.root, kind):
                target = refused.export.folder(NUMBER) / path.name
                target.unlink(missing_ok=True)
                shutil.copy(path, target)

    return follow


def file_again(refused):
    """Export once more the file that the message names."""
    path = refused.named
    path.unlink()
    shutil.copy(refused.unharmed.root / path.relative_to(refused.export.root), path)


def remove_named(refused):
    refused.named.unlink()


def remove(pattern):
    """Remove files of the patient by their names."""

    def follow(refused):
        (path,) = refused.export.folder(NUMBER).glob(pattern)
        path.unlink()

    return follow


def edit(kind, function):
    """Change the attributes of all files of a series; ``function`` gets the unharmed file, too."""

    def follow(refused):
        unharmed = refused.unharmed.folder(NUMBER)
        for path in refused.export.files(NUMBER, kind):
            dataset = pydicom.dcmread(path)
            function(dataset, pydicom.dcmread(unharmed / path.name))
            path.unlink()
            dataset.save_as(path)

    return follow


def enter(kind, *keywords):
    """Enter what attributes should have been; a dotted keyword is that of the first item of a sequence."""

    def as_it_should_be(dataset, unharmed):
        for keyword in keywords:
            *sequence, name = keyword.split(".")
            holder, right = (one[sequence[0]][0] if sequence else one for one in (dataset, unharmed))
            if name in right:
                setattr(holder, name, right[name].value)
            else:
                del holder[name]

    return edit(kind, as_it_should_be)


def options(*texts):
    return lambda _: list(texts)


def convert(export, *texts):
    table = export.root.parent / "keys.csv"
    argv = ["convert", "lucid", str(export.root), "--processes", "1", "--intensity", "raw", "--key-table", str(table)]
    return main([*argv, *texts])


def refusal(capsys):
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("nnunet-cipa: error: ")]
    return line


def check(export, unharmed, raw, capsys, fault, remedy):
    """Make a fault, see it refused, do as told, and see that the patients are converted as without the fault."""
    for number in {1, NUMBER} - {*remedy.patients.values()}:
        shutil.rmtree(export.folder(number))
    fault(export)
    assert convert(export, *remedy.given) == 1
    message = refusal(capsys)
    assert remedy.told in message
    given = remedy.follow(Refused(export, unharmed, message))
    status = convert(export, *(remedy.given if given is None else given))
    assert status == 0, capsys.readouterr().err
    with (export.root.parent / "keys.csv").open(newline="") as file:
        converted = {row["patient_id"]: row["case"] for row in csv.DictReader(file)}
    assert converted.keys() == remedy.patients.keys()
    folder = raw / FOLDER
    for who, number in remedy.patients.items():
        study, case = drawn(number - 1), converted[who]
        np.testing.assert_array_equal(values(written(folder, case, "mask")), getattr(study, remedy.region))
        highest = provenance(folder, case)["values"]["PET"]["highest_suv"]
        assert highest == pytest.approx(study.pet.max(), rel=1e-3)
