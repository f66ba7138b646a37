"""What is wrong with a DICOM export is told in one line with file, value and remedy, and nothing is written."""

import numpy as np
import pydicom
import pytest
from pydicom.uid import generate_uid

from nnunet_cipa.cli import main
from nnunet_cipa.dataset_conversion.lucid.convert import Options, convert_lucid
from nnunet_cipa.dataset_conversion.phantoms.options import Form
from nnunet_cipa.dataset_conversion.study_set.options import Intensity, Storage
from nnunet_cipa.dicom.rtstruct.options import MissingSlices
from nnunet_cipa.errors import CIPAError
from tests.dataset_conversion.lucid_dicom import cases, drawn, link_tree, provenance, values, whose, written
from tests.dataset_conversion.lucid_dicom_faults import FAULTS, NUMBER, again

RAW = Storage(Intensity.RAW)


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_refused_and_nothing_is_written(pair, raw, left_in, fault):
    make, *told = FAULTS[fault]
    make(pair)
    with pytest.raises(CIPAError) as raised:
        convert_lucid(pair.root, Options(processes=1))
    message = str(raised.value)
    assert "\n" not in message
    for part in told:
        assert part in message
    assert left_in(raw) == []


@pytest.mark.parametrize("fault", ["dose of zero", "RTSTRUCT cut", "tilted gantry"])
def test_command_ends_with_one_line_and_status_1(pair, raw, left_in, capsys, fault):
    make, *told = FAULTS[fault]
    make(pair)
    table = pair.root.parent / "keys.csv"
    assert main(["convert", "lucid", str(pair.root), "--processes", "1", "--key-table", str(table)]) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if "nnunet-cipa" in line]
    assert len(lines) == 1
    assert lines[0].startswith("nnunet-cipa: error: patient PHANTOM-0002: ")
    assert all(part in lines[0] for part in told)
    assert not table.exists()
    assert left_in(raw) == []


def test_wanted_pet_is_taken(export, raw):
    """The second PET of the patient has half the values of the first."""
    uid = "1.2.3.4.5"
    again("PET AC", RescaleSlope=1e-9)(export)
    for path in export.folder(NUMBER).glob("*-2"):
        dataset = pydicom.dcmread(path)
        dataset.SeriesInstanceUID = uid
        dataset.RescaleSlope = float(pydicom.dcmread(path.with_name(path.name[:-2])).RescaleSlope) / 2
        dataset.save_as(path)
    folder = convert_lucid(export.root, Options(storage=RAW, series=(uid,), processes=1)).folder
    (case,) = [case for case in cases(folder) if whose(folder, case) == NUMBER]
    highest = provenance(folder, case)["values"]["PET"]["highest_suv"]
    assert highest == pytest.approx(drawn(NUMBER - 1).pet.max() / 2, rel=1e-4)
    assert values(written(folder, case, "PET")).max() == pytest.approx(highest, rel=0.2)


def test_wanted_series_that_cannot_be_taken_are_refused(pair, raw, left_in):
    again("CT", FrameOfReferenceUID="1.2.3.9")(pair)
    second = pydicom.dcmread(next(pair.folder(NUMBER).glob("*-2"))).SeriesInstanceUID
    uncorrected = pydicom.dcmread(pair.files(NUMBER, "PET NAC")[0]).SeriesInstanceUID
    for wanted, told in (
        (("1.2.3",), r"^--series 1\.2\.3: no such series was found"),
        ((second,), r"ROI 'IGTV' has the frame of reference 2\.25\..*, and the CT series .* has 1\.2\.3\.9"),
        ((uncorrected,), "not corrected for attenuation cannot give SUV; choose a corrected one"),
    ):
        with pytest.raises(CIPAError, match=told):
            convert_lucid(pair.root, Options(series=wanted, processes=1))
    assert left_in(raw) == []


def test_structure_set_without_the_region_does_not_disturb(export, raw):
    def rename(dataset):
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        for item in dataset.StructureSetROISequence:
            item.ROIName = f"old {item.ROIName}"

    export.edit(NUMBER, "structures", rename, copy=True)
    folder = convert_lucid(export.root, Options(storage=RAW, processes=1)).folder
    (case,) = [case for case in cases(folder) if whose(folder, case) == NUMBER]
    np.testing.assert_array_equal(values(written(folder, case, "mask")), drawn(NUMBER - 1).igtv)


def test_study_set_in_nifti_with_dicom_in_it_is_refused(phantoms, raw, left_in, tmp_path):
    source = link_tree(phantoms[Form.NIFTI], tmp_path / "mixed")
    image = next((phantoms[Form.DICOM] / "0001").iterdir())
    (source / "0007").mkdir()
    (source / "0007" / "image").write_bytes(image.read_bytes())
    with pytest.raises(CIPAError, match=r"mixed: holds both DICOM, such as .*0007/image, and NIfTI, such as .*nii\.gz"):
        convert_lucid(source, Options(keep_going=True, processes=1))
    assert left_in(raw) == []


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ({"series": ("1.2",)}, "--series"),
        ({"key_table": "keys.csv"}, "--key-table"),
        ({"pattern": "gtv.*"}, "--roi gtv"),
        ({"missing_slices": MissingSlices.ACCEPT}, "--missing-slices accept"),
    ],
)
def test_options_for_dicom_are_refused_for_nifti(phantoms, raw, tmp_path, option, told):
    if "key_table" in option:
        option = {"key_table": tmp_path / option["key_table"]}
    with pytest.raises(CIPAError, match=rf"^{told}.*: is for DICOM, and .* holds NIfTI files; leave it out"):
        convert_lucid(phantoms[Form.NIFTI], Options(processes=1, **option))
