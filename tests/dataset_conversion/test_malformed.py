"""Every fault of a source is an error that names the file, the value and the remedy, and nothing is written."""

import shutil

import numpy as np
import pytest
from PIL import Image

from nnunet_cipa.dataset_conversion.pclt20k.convert import Options, convert_pclt20k
from nnunet_cipa.errors import CIPAError

NAME = "0594_002"


def save(study, kind, image):
    image.save(study.path(NAME, kind))


def cut(study, kind, end):
    path = study.path(NAME, kind)
    path.write_bytes(path.read_bytes()[:end])


def flip_a_byte(study):
    path = study.path(NAME, "PET")
    data = bytearray(path.read_bytes())
    data[data.index(b"IDAT") + 30] ^= 0xFF
    path.write_bytes(data)


def edit_list(study, part, edit):
    path = study.root / f"{part}.txt"
    path.write_bytes(edit(path.read_bytes()))


def full(value, shape=(24, 32)):
    return np.full(shape, value, dtype=np.uint8)


def rename(study, old, new):
    for kind in ("CT", "PET", "mask"):
        study.path(old, kind).rename(study.path(new, kind))
    study.train[study.train.index(old)] = new
    study.write_lists()


def other_size(study):
    for kind in ("CT", "PET", "mask"):
        study.write(NAME, kind, full(255 if kind == "PET" else 0, (24, 40)))
    mask = full(0, (24, 40))
    mask[3, 3] = 255
    study.write(NAME, "mask", mask)


FAULTS = {
    "PET of another size": (lambda s: s.write(NAME, "PET", full(0, (24, 24))), f"{NAME}_PET.png", "24 x 24", "32 x 24"),
    "mask of another size": (lambda s: s.write(NAME, "mask", full(255, (12, 16))), f"{NAME}_mask.png", "16 x 12"),
    "size differs within a case": (other_size, f"{NAME}_CT.png", "40 x 24", "one size"),
    "RGBA": (lambda s: save(s, "CT", Image.new("RGBA", (32, 24))), f"{NAME}_CT.png", "RGBA", "8 bit grey"),
    "16 bit": (lambda s: save(s, "PET", Image.new("I;16", (32, 24))), f"{NAME}_PET.png", "I;16", "8 bit grey"),
    "palette": (lambda s: save(s, "mask", Image.new("P", (32, 24))), f"{NAME}_mask.png", "mode P", "8 bit grey"),
    "bilevel": (lambda s: save(s, "mask", Image.new("1", (32, 24))), f"{NAME}_mask.png", "mode 1", "8 bit grey"),
    "grey with alpha": (lambda s: save(s, "CT", Image.new("LA", (32, 24))), f"{NAME}_CT.png", "LA", "8 bit grey"),
    "colour": (lambda s: save(s, "CT", Image.new("RGB", (32, 24), "red")), f"{NAME}_CT.png", "unequal channels"),
    "huge": (lambda s: save(s, "CT", Image.new("L", (5000, 1))), f"{NAME}_CT.png", "5000 x 1", "4096"),
    "cut in the data": (lambda s: cut(s, "CT", 200), f"{NAME}_CT.png", "sound PNG", "again"),
    "cut before the end": (lambda s: cut(s, "CT", -12), f"{NAME}_CT.png", "sound PNG", "again"),
    "empty file": (lambda s: cut(s, "mask", 0), f"{NAME}_mask.png", "sound PNG", "again"),
    "flipped byte": (flip_a_byte, f"{NAME}_PET.png", "sound PNG", "again"),
    "JPEG by another name": (
        lambda s: Image.fromarray(full(9)).save(s.path(NAME, "CT"), format="JPEG"),
        f"{NAME}_CT.png",
        "sound PNG",
    ),
    "missing partner": (lambda s: s.path(NAME, "PET").unlink(), f"{NAME}_PET.png", "missing", "restore"),
    "a folder for a file": (
        lambda s: (s.path(NAME, "CT").unlink(), s.path(NAME, "CT").mkdir()),
        f"{NAME}_CT.png",
        "missing",
    ),
    "listed without files": (
        lambda s: edit_list(s, "train", lambda data: data + b"\n0594_009\n"),
        "0594_009",
        "listed but has no file",
        "off the list",
    ),
    "empty mask": (lambda s: s.write(NAME, "mask", full(0)), f"{NAME}_mask.png", "empty", "off the list"),
    "mask in 0 and 1": (
        lambda s: s.write(NAME, "mask", (s.grey[f"{NAME}_mask.png"] // 255).astype(np.uint8)),
        f"{NAME}_mask.png",
        "highest value is 1",
        "0 and 255",
    ),
    "inverted mask": (
        lambda s: s.write(NAME, "mask", 255 - s.grey[f"{NAME}_mask.png"]),
        f"{NAME}_mask.png",
        "% of the slice",
        "inverted",
    ),
    "name twice in a list": (
        lambda s: edit_list(s, "train", lambda data: data + b"\n" + NAME.encode()),
        NAME,
        "listed 2 times",
        "once",
    ),
    "name in both lists": (
        lambda s: edit_list(s, "test", lambda data: data + b"\n" + NAME.encode()),
        NAME,
        "listed 2 times",
    ),
    "patient in both lists": (
        lambda s: edit_list(s, "test", lambda data: data + b"\n0594_009"),
        "patient 0594",
        "test.txt",
        "one list",
    ),
    "same slice number": (lambda s: rename(s, NAME, "0594_3"), "0594_3", "0594_003", "number 3"),
    "path traversal": (
        lambda s: edit_list(s, "train", lambda data: data + b"\n../0594_002"),
        "train.txt line 33",
        "'../0594_002'",
        "0006_001",
    ),
    "absolute path": (
        lambda s: edit_list(s, "test", lambda data: b"/etc/passwd_1"),
        "test.txt line 1",
        "/etc/passwd_1",
    ),
    "dots in a folder": (lambda s: edit_list(s, "test", lambda data: b"a..b_1"), "test.txt line 1", "'a..b_1'"),
    "NUL in a name": (lambda s: edit_list(s, "test", lambda data: b"0002\0_1"), "test.txt line 1", "x00"),
    "no number": (lambda s: edit_list(s, "test", lambda data: b"0002_abc"), "test.txt line 1", "'0002_abc'"),
    "no folder": (lambda s: edit_list(s, "test", lambda data: b"0002"), "test.txt line 1", "'0002'"),
    "digits of another script": (
        lambda s: edit_list(s, "test", lambda data: "0002_٣".encode()),
        "test.txt line 1",
        "0006_001",
    ),
    "empty list": (lambda s: edit_list(s, "test", lambda data: b"\n \r\n"), "test.txt", "lists no slice"),
    "UTF-16 list": (lambda s: edit_list(s, "test", lambda data: data.decode().encode("utf-16")), "test.txt", "UTF-8"),
    "no list": (lambda s: (s.root / "test.txt").unlink(), "PCLT20K", "no train.txt and test.txt", "give the folder"),
    "lists twice": (
        lambda s: shutil.copytree(s.root, s.root / "copy"),
        "PCLT20K",
        "in 2 places",
        "give one of these",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_named_and_nothing_is_written(study, raw, left_in, fault):
    spoil, *told = FAULTS[fault]
    spoil(study)
    with pytest.raises(CIPAError) as error:
        convert_pclt20k(study.root, Options(processes=1))
    for words in told:
        assert words in str(error.value)
    assert "\n" not in str(error.value)
    assert left_in(raw) == []


def test_many_faults_are_counted_and_the_first_are_told_in_full(study, raw):
    for number in range(1, 13):
        study.path(f"200908508_{number}", "PET").unlink()
    with pytest.raises(CIPAError) as error:
        convert_pclt20k(study.root, Options(processes=1))
    assert str(error.value).startswith("12 problems")
    assert str(error.value).count("missing") == 5
    assert str(error.value).endswith("and 7 more")


def test_source_that_is_not_there(tmp_path, raw):
    with pytest.raises(CIPAError, match="nowhere: not a folder; give"):
        convert_pclt20k(tmp_path / "nowhere", Options(processes=1))
