"""Every fault of a study set is an error that names the file, the value and the remedy, and nothing is written."""

import gzip
import shutil

import numpy as np
import pytest

from nnunet_cipa.dataset_conversion.lucid.convert import Options, convert_lucid
from nnunet_cipa.dataset_conversion.pipeline.cases import write_case
from nnunet_cipa.dataset_conversion.study_set.case import StudyCaseJob
from nnunet_cipa.dataset_conversion.study_set.check import StudyCheckJob, check_study
from nnunet_cipa.dataset_conversion.study_set.nifti_set import read_nifti_set
from nnunet_cipa.dataset_conversion.study_set.options import Roi, Storage
from nnunet_cipa.errors import CIPAError

NAME = "P02"


def change(kind, function, **options):
    """A fault: the image of one patient, changed."""
    return lambda study: study.write(NAME, kind, function(study.arrays[NAME, kind].copy()), **options)


def put(value):
    def function(values):
        values[3, 4, 5] = value
        return values

    return function


def move(kind, affine):
    """A fault: the image of one patient with another affine, made from the usual one."""

    def fault(study):
        study.write(
            NAME, kind, study.arrays[NAME, kind], affine(study.pet_affine if kind == "PET" else study.ct_affine)
        )

    return fault


def move_all(affine):
    def fault(study):
        for kind in ("CT", "PET", "IGTV"):
            move(kind, affine)(study)

    return fault


def shifted(x=0.0, y=0.0, z=0.0):
    return lambda affine: affine + np.array([[0, 0, 0, x], [0, 0, 0, y], [0, 0, 0, z], [0, 0, 0, 0]])


def tilted(degrees):
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return lambda affine: np.array([[1, 0, 0, 0], [0, c, -s, 0], [0, s, c, 0], [0, 0, 0, 1]]) @ affine


def sheared(affine):
    return affine @ np.array([[1, 0, 0, 0], [0, 1, 0.2, 0], [0, 0, 1, 0], [0, 0, 0, 1]])


def sagittal(affine):
    return affine[:, [2, 1, 0, 3]]


def without_orientation(study):
    """The codes of qform and sform are two shorts from byte 252; nibabel would not write both as 0."""
    path = study.path(NAME, "CT")
    data = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(data[:252] + bytes(4) + data[256:]))


def with_two_orientations(image):
    image.set_qform(shifted(x=5)(image.affine), code=1)
    image.set_sform(image.affine, code=1)


def cut(study):
    path = study.path(NAME, "PET")
    path.write_bytes(path.read_bytes()[:-200])


def wrong_checksum(study):
    path = study.path(NAME, "PET")
    data = bytearray(path.read_bytes())
    data[-6] ^= 0xFF
    path.write_bytes(data)


def remove(kind):
    return lambda study: study.path(NAME, kind).unlink()


def copy(kind):
    return lambda study: shutil.copy(study.path("P01", kind), study.path(NAME, kind))


def same_voxels_in_another_file(study):
    study.write(NAME, "CT", study.arrays["P01", "CT"].astype(np.float64), shifted(x=1)(study.ct_affine))
    study.write(NAME, "IGTV", study.arrays["P01", "IGTV"], shifted(x=1)(study.ct_affine))


def add(name, content=b"x"):
    def fault(study):
        (study.root / name).write_bytes(content)

    return fault


FAULTS = {
    "no CT": (remove("CT"), f"{NAME}/CT.nii.gz", "missing", "add it"),
    "no mask": (remove("IGTV"), f"{NAME}/IGTV.nii.gz", "missing", "add it"),
    "foreign file of a patient": (add(f"{NAME}/ITV.nii.gz"), f"{NAME}/ITV.nii.gz", "not part of the layout", "move it"),
    "foreign file at the top": (add("notes.docx"), "notes.docx", "not part of the layout", "move it"),
    "name of a patient": (lambda s: (s.root / NAME).rename(s.root / "P 02"), "P 02", "letters, digits", "rename"),
    "other units": (add("study.json", b'{"units": {"PET": "BQML"}}'), "study.json", "BQML", "convert"),
    "facts that are not JSON": (add("study.json", b"{"), "study.json", "not valid JSON", "write it again"),
    "facts that are not an object": (add("study.json", b"[]"), "study.json", "holds a list where an", "write it again"),
    "vague facts": (add("study.json", b'{"synthetic": "no"}'), "study.json", "'no'", "true or false"),
    "test list of unknown": (add("test.txt", b"P09\n"), "test.txt", "'P09'", "correct the list"),
    "test list that is empty": (add("test.txt", b"\n"), "test.txt", "lists no patient", "remove it"),
    "test list that repeats": (add("test.txt", b"P01\nP01\n"), "test.txt", "listed twice", "once"),
    "test list that is binary": (add("test.txt", b"\xff\xfe\x00"), "test.txt", "not UTF-8", "plain text"),
    "all held out": (
        add("test.txt", b"P01\nP02\nP03\nP04\nP05\nP06\n"), "no patients", "add patients", "hold fewer out",
    ),
    "no gzip": (add(f"{NAME}/CT.nii.gz", b"NIfTI"), f"{NAME}/CT.nii.gz", "gzip", "write it again"),
    "empty file": (add(f"{NAME}/CT.nii.gz", b""), f"{NAME}/CT.nii.gz", "cannot be read", "write it again"),
    "no NIfTI": (add(f"{NAME}/CT.nii.gz", gzip.compress(b"x" * 400)), f"{NAME}/CT.nii.gz", "NIfTI", "write it again"),
    "truncated": (cut, f"{NAME}/PET.nii.gz", "cannot be read to its end", "write it again"),
    "wrong checksum": (wrong_checksum, f"{NAME}/PET.nii.gz", "cannot be read to its end", "write it again"),
    "4D": (change("PET", lambda v: np.stack([v, v], axis=3)), f"{NAME}/PET.nii.gz", "4 dimensions", "three-dim"),
    "2D": (change("CT", lambda v: v[..., 0]), f"{NAME}/CT.nii.gz", "2 dimensions", "three-dim"),
    "complex": (change("CT", lambda v: v.astype(np.complex64)), f"{NAME}/CT.nii.gz", "complex64", "real number"),
    "NaN": (change("PET", put(np.nan)), f"{NAME}/PET.nii.gz", "NaN", "write the image again"),
    "infinity": (change("PET", put(np.inf)), f"{NAME}/PET.nii.gz", "infinity", "write the image again"),
    "metres": (
        change("CT", lambda v: v, edit=lambda i: i.header.set_xyzt_units("meter")),
        f"{NAME}/CT.nii.gz", "meter", "in mm",
    ),
    "voxel size": (move("CT", lambda a: a * 20), f"{NAME}/CT.nii.gz", "(40.0, 50.0, 60.0) mm", "correct"),
    "no orientation": (without_orientation, f"{NAME}/CT.nii.gz", "unknown", "write it"),
    "two orientations": (
        change("CT", lambda v: v, edit=with_two_orientations), f"{NAME}/CT.nii.gz", "5.00 mm apart", "one orientation",
    ),
    "oblique": (move_all(tilted(5)), f"{NAME}/CT.nii.gz", "not axial", "resample"),
    "sagittal": (move_all(sagittal), f"{NAME}/CT.nii.gz", "not axial", "resample"),
    "sheared": (move("CT", sheared), f"{NAME}/CT.nii.gz", "right angles", "resample"),
    "HU too low": (change("CT", put(-5000)), f"{NAME}/CT.nii.gz", "-5000", "rescale"),
    "CT without air": (change("CT", lambda v: v + 1024), f"{NAME}/CT.nii.gz", "no air", "in HU"),
    "CT as grey values": (change("CT", lambda v: (v % 256).astype(np.uint8)), f"{NAME}/CT.nii.gz", "no air", "in HU"),
    "CT beyond metal": (
        change("CT", lambda v: put(60000)(v.astype(np.int32))), f"{NAME}/CT.nii.gz", "60000", "rescale",
    ),
    "negative SUV": (change("PET", put(-3)), f"{NAME}/PET.nii.gz", "-3", "body weight"),
    "Bq/ml": (change("PET", lambda v: v * 2000), f"{NAME}/PET.nii.gz", "likely Bq/ml", "convert"),
    "no uptake": (change("PET", lambda v: v * 0), f"{NAME}/PET.nii.gz", "no uptake", "body weight"),
    "mask of several labels": (change("IGTV", put(2)), f"{NAME}/IGTV.nii.gz", "[0, 1, 2]", "one region"),
    "mask of 0 and 255": (change("IGTV", lambda v: v * 255), f"{NAME}/IGTV.nii.gz", "[0, 255]", "0 and 1"),
    "soft mask": (change("IGTV", lambda v: v * np.float32(0.5)), f"{NAME}/IGTV.nii.gz", "[0.0, 0.5]", "0 and 1"),
    "empty mask": (change("IGTV", lambda v: v * 0), f"{NAME}/IGTV.nii.gz", "is empty", "contour"),
    "inverted mask": (change("IGTV", lambda v: 1 - v), f"{NAME}/IGTV.nii.gz", "inverted", "1 for the tumour"),
    "mask of another size": (change("IGTV", lambda v: v[..., :-1]), f"{NAME}/IGTV.nii.gz", "20 x 24 x 7", "resample"),
    "mask half a voxel off": (move("IGTV", shifted(y=1.25)), f"{NAME}/IGTV.nii.gz", "grid of the CT", "resample"),
    "mask a slice off": (move("IGTV", shifted(z=3)), f"{NAME}/IGTV.nii.gz", "grid of the CT", "resample"),
    "PET elsewhere": (move("PET", shifted(z=400)), f"{NAME}/PET.nii.gz", "does not cover all of the IGTV", "frame"),
    "PET a third off": (move("PET", shifted(x=16)), f"{NAME}/PET.nii.gz", "% of the CT", "--least-pet-cover"),
    "same CT": (copy("CT"), f"{NAME}/CT.nii.gz", "P01/CT.nii.gz", "keep one"),
    "same PET": (copy("PET"), f"{NAME}/PET.nii.gz", "P01/PET.nii.gz", "keep one"),
    "same CT stored otherwise": (same_voxels_in_another_file, f"{NAME}/CT.nii.gz", "same voxels", "keep one"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_refused_and_nothing_is_written(lucid, raw, left_in, fault):
    make, *told = FAULTS[fault]
    make(lucid)
    with pytest.raises(CIPAError) as raised:
        convert_lucid(lucid.root, Options(processes=1))
    message = str(raised.value)
    assert "\n" not in message
    for part in told:
        assert part in message
    assert left_in(raw) == []


def test_tumour_outside_the_pet_is_refused_though_the_rest_is_covered(lucid, raw, left_in):
    mask = lucid.arrays[NAME, "IGTV"].copy()
    mask[..., -1] = mask[..., 3]
    lucid.write(NAME, "IGTV", mask)
    # The PET's upper face goes from -70 to -80 mm; the centre of the CT's last slice, which has tumour, is at -79.
    move("PET", shifted(z=-10))(lucid)
    with pytest.raises(CIPAError, match=r"PET\.nii\.gz: does not cover all of the IGTV"):
        convert_lucid(lucid.root, Options(processes=1))
    assert left_in(raw) == []


def test_all_faults_are_told_in_one_line(lucid, raw):
    lucid.path("P03", "CT").write_bytes(b"")
    change("PET", put(-3))(lucid)
    with pytest.raises(CIPAError, match=r"2 problems, nothing was written: .*P02/PET.*; .*P03/CT"):
        convert_lucid(lucid.root, Options(processes=1))


def test_missing_mask_of_the_other_name_is_no_fault(lucid, raw):
    lucid.path(NAME, "GTV").unlink()
    assert len(convert_lucid(lucid.root, Options(processes=1)).cases) == 6
    with pytest.raises(CIPAError, match=r"P02/GTV\.nii\.gz: missing"):
        convert_lucid(lucid.root, Options(roi=Roi.GTV, processes=1, overwrite=True))


def test_hidden_files_are_not_looked_at(lucid, raw):
    add(".DS_Store")(lucid)
    add(f"{NAME}/.DS_Store")(lucid)
    assert len(convert_lucid(lucid.root, Options(processes=1)).cases) == 6


def test_test_list_and_test_fraction_exclude_each_other(lucid, raw):
    add("test.txt", b"P01")(lucid)
    with pytest.raises(CIPAError, match=r"test\.txt: lists the test set, so --test-fraction cannot"):
        convert_lucid(lucid.root, Options(test_fraction=0.2, processes=1))


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir(), lambda path: path.write_text("x")])
def test_source_that_is_no_study_set_is_refused(tmp_path, raw, make):
    make(tmp_path / "empty")
    with pytest.raises(CIPAError, match=r"empty: (not a folder|holds no CT, PET, RTSTRUCT or SEG in DICOM)"):
        convert_lucid(tmp_path / "empty", Options(processes=1))


def test_file_that_changes_after_the_check_is_noticed(lucid, tmp_path):
    files = read_nifti_set(lucid.root, Roi.IGTV, None, 0).patients[1]
    facts = check_study(StudyCheckJob(files, Roi.IGTV)).facts
    change("PET", put(1.5))(lucid)
    (tmp_path / "out" / "imagesTr").mkdir(parents=True)
    with pytest.raises(CIPAError, match=r"P02/PET\.nii\.gz: changed during the conversion"):
        write_case(StudyCaseJob(tmp_path / "out", "NIfTI", files, facts, Roi.IGTV, Storage()))
    assert [path.name for path in (tmp_path / "out").rglob("*.*")] == ["P02_0000.nii.gz"]
