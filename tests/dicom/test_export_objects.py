"""What the written objects say, whatever the header of the CT is like, by bytes, pydicom, highdicom and ITK."""

import json

import highdicom as hd
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.pixels import compress
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless, generate_uid

from nnunet_cipa.cli import main
from tests.dicom.ct_series import SERIES, write_ct
from tests.dicom.export_study import GRID, mask_on

LATIN, JAPAN = "Müller^Jürgen".encode("latin-1"), b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B"
NAMES = {
    "as declared": ("ISO_IR 100", LATIN),
    "declared as UTF-8": ("ISO_IR 192", LATIN),
    "not declared": (None, LATIN),
    "UTF-8, not declared": (None, "Müller^Jürgen".encode()),
    "no such character set": ("ISO_IR 149", "홍^길동".encode("euc_kr")),
    "an anonymiser's": ("XXX XXXX", b"XYXYXY"),
    "Cyrillic, declared as nothing": (["ISO 2022 IR 6", "IS"], "Иванов^Иван".encode("cp1251")),
    "Japan": (["", "ISO 2022 IR 87"], JAPAN),
    "Japan, first value named": (["ISO 2022 IR 6", "ISO 2022 IR 87"], JAPAN),
    "China": ("GB18030", "Wang^XiaoDong=王^小东".encode("gb18030")),
    "no comma and no caret": ("ISO_IR 100", b"anon"),
}


def export(study, *options):
    assert main(["export-dicom", *(str(study / name) for name in ("mask.nii.gz", "ct", "out")), "--seg", *options]) == 0
    return [pydicom.dcmread(study / "out" / name) for name in ("rtstruct.dcm", "seg.dcm")]


def edit_files(study, change):
    for path in (study / "ct").iterdir():
        change(path)


@pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom's, of character sets that are wrong on purpose
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize("kind", NAMES)
def test_a_name_keeps_its_bytes(study, kind, syntax):
    declared, name = NAMES[kind]
    placeholder = b"X" * len(name)

    def change(path):
        piece = pydicom.dcmread(path)
        piece.SpecificCharacterSet = declared
        if declared is None:
            del piece.SpecificCharacterSet
        piece.PatientName = piece.PatientID = placeholder.decode()
        piece.file_meta.TransferSyntaxUID = syntax
        piece.save_as(path, implicit_vr=syntax.is_implicit_VR, little_endian=True, enforce_file_format=True)
        path.write_bytes(path.read_bytes().replace(placeholder, name))

    with pydicom.config.disable_value_validation():
        edit_files(study, change)
        for made in export(study):
            source = pydicom.dcmread(next((study / "ct").iterdir()))
            for keyword in ("PatientName", "PatientID"):
                assert made.get_item(keyword).value == source.get_item(keyword).value == name + b" " * (len(name) % 2)
            assert made.get("SpecificCharacterSet") == source.get("SpecificCharacterSet")
            assert made.get("PatientName") == source.get("PatientName")


TYPE_2 = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID",
          "AccessionNumber", "ReferringPhysicianName")  # fmt: skip


@pytest.mark.parametrize("missing", [TYPE_2, ("AccessionNumber",), ("SliceThickness",)])
@pytest.mark.parametrize("empty", [True, False])
def test_what_the_ct_lacks_is_there_and_empty(study, missing, empty):
    def change(piece, k):
        for keyword in missing:
            if empty:
                setattr(piece, keyword, None)
            else:
                delattr(piece, keyword)

    write_ct(study / "ct", GRID, edit=change)
    for made in export(study):
        for keyword in set(missing) & set(TYPE_2):
            assert made[keyword].is_empty, keyword
    shared = made.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert float(shared.SliceThickness) == 3


@pytest.mark.parametrize(("thickness", "expected"), [("5", 5), ("1.25", 1.25), ("0", 3), (None, 3)])
def test_slices_may_overlap_or_leave_gaps(study, thickness, expected):
    write_ct(study / "ct", GRID, edit=lambda piece, k: setattr(piece, "SliceThickness", thickness))
    _, segmented = export(study)
    measures = segmented.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert float(measures.SliceThickness) == expected
    assert float(measures.SpacingBetweenSlices) == 3
    assert sitk.ReadImage(study / "out" / "seg.dcm").GetSpacing() == pytest.approx(GRID.GetSpacing())


def test_a_ct_is_not_decoded(study, monkeypatch):
    """One in RLE, with the decoder out of reach, then one in a coding that nobody knows, cut short."""

    def compressed(path):
        piece = pydicom.dcmread(path)
        compress(piece, RLELossless, generate_instance_uid=False)
        piece.save_as(path)

    edit_files(study, compressed)
    monkeypatch.setattr("pydicom.pixels.decoders.base.Decoder.is_available", property(lambda self: False))
    export(study)

    def unknown(path):
        path.write_bytes(path.read_bytes().replace(b"1.2.840.10008.1.2.5\0", b"1.2.840.10008.1.2.9\0")[:-20])

    edit_files(study, unknown)
    export(study, "--overwrite")


def test_attributes_that_lists_and_viewers_go_by(study):
    structures, segmented = export(study, "--roi-name", "IGTV")
    assert structures.file_meta.TransferSyntaxUID == segmented.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert structures.SeriesNumber != segmented.SeriesNumber
    assert {made.SeriesDescription for made in (structures, segmented)} == {"nnunet_cipa prediction: IGTV"}
    assert structures.StructureSetLabel == "nnunet_cipa IGTV"
    (observation,) = structures.RTROIObservationsSequence
    assert (observation.RTROIInterpretedType, observation.ROIObservationLabel) == ("GTV", "IGTV")
    (code,) = observation.RTROIIdentificationCodeSequence
    assert (code.CodeValue, code.CodingSchemeDesignator) == (codes.cid9534.GTV.value, "SCT")
    assert structures.ROIContourSequence[0].ROIDisplayColor == [255, 0, 0]
    (segment,) = segmented.SegmentSequence
    assert segment.SegmentedPropertyTypeCodeSequence[0].CodeValue == codes.cid9534.GTV.value
    assert segment.SegmentedPropertyCategoryCodeSequence[0].CodeValue == codes.DCM.RTTarget.value
    lightness, a, b = segment.RecommendedDisplayCIELabValue
    # Red of sRGB is L* 53.24, a* 80.09, b* 67.20 (D65)
    np.testing.assert_allclose((lightness / 655.35, a / 257 - 128, b / 257 - 128), (53.24, 80.09, 67.20), atol=0.05)
    assert len(segmented.SeriesDate) == 8
    assert int(segmented.NumberOfFrames) == GRID.GetSize()[2]


@pytest.mark.parametrize(
    ("name", "interpreted", "code"),
    [
        ("GTV", "GTV", codes.cid9534.GTV), ("iGTV_MIP", "GTV", codes.cid9534.GTV), ("i GTV", "GTV", codes.cid9534.GTV),
        ("GTVp 1", "GTV", codes.cid9534.GTVPrimary), ("GTV-N2", "GTV", codes.cid9534.GTVNodal),
        ("GTV_PET", "GTV", codes.cid9534.GTV), ("ITV+5mm", "", codes.cid9534.ITV), ("CTV54", "CTV", codes.cid9534.CTV),
        ("PTV", "PTV", codes.cid9534.PTV), ("Lung tumour", "GTV", codes.SCT.Neoplasm),
        ("Heart", "ORGAN", codes.SCT.Heart), ("Lungs", "ORGAN", codes.SCT.Lung),
        ("Spinal cord", "", codes.DCM.NonSpecificVolume),
    ],
)  # fmt: skip
def test_what_a_region_is_goes_by_its_name(name, interpreted, code):
    from nnunet_cipa.dicom.roi_kinds import kind_by_name

    kind = kind_by_name(name)
    assert kind.interpreted == interpreted
    assert kind.code == (code.value, code.scheme_designator, code.meaning)


def test_several_labels_and_the_model_that_made_them(study):
    model = study / "Dataset790_LUCID" / "nnUNetTrainerCIPASIM__nnUNetPlans__2d"
    for fold, content in (("fold_0", b"abc"), ("fold_1", b"")):
        (model / fold).mkdir(parents=True)
        (model / fold / "checkpoint_final.pth").write_bytes(content)
    labels = {"background": 0, "IGTV": 1, "GTV": 2, "whole": [1, 2], "ignore": 3}
    (model / "dataset.json").write_text(json.dumps({"labels": labels}))
    values = sitk.GetArrayFromImage(mask_on(GRID))
    values[3, 2:4, 2:6] = 2
    image = sitk.GetImageFromArray(values)
    image.CopyInformation(GRID)
    sitk.WriteImage(image, study / "mask.nii.gz")
    structures, segmented = export(study, "--model", str(model), "--colour", "00FF00", "--roi-type", "CTV")
    names = ["IGTV_nnunet_cipa", "GTV_nnunet_cipa", "whole_nnunet_cipa"]
    assert [roi.ROIName for roi in structures.StructureSetROISequence] == names
    assert [segment.SegmentLabel for segment in segmented.SegmentSequence] == names
    assert [len(drawn.ContourSequence) for drawn in structures.ROIContourSequence] == [2, 1, 3]
    colours = [tuple(drawn.ROIDisplayColor) for drawn in structures.ROIContourSequence]
    assert colours[0] == (0, 255, 0)
    assert len(set(colours)) == 3
    assert [one.RTROIInterpretedType for one in structures.RTROIObservationsSequence] == ["CTV", "GTV", ""]
    # SHA-256 of "abc" and of nothing, by FIPS 180-2
    first = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    second = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    for made in (structures, segmented):
        assert made.SoftwareVersions[1] == model.name
        assert first[:16] in made.SoftwareVersions[2]
        assert second[:16] in made.SoftwareVersions[3]
    assert "Dataset790_LUCID/nnUNetTrainerCIPASIM__nnUNetPlans__2d" in structures.StructureSetDescription
    assert first in structures.StructureSetDescription
    assert second in structures.StructureSetDescription
    roi, segment = structures.StructureSetROISequence[0], segmented.SegmentSequence[0]
    for (algorithm,) in (
        roi.ROIDerivationAlgorithmIdentificationSequence,
        segment.SegmentationAlgorithmIdentificationSequence,
    ):
        assert (algorithm.AlgorithmName, algorithm.AlgorithmVersion) == (model.name, first)
        assert algorithm.AlgorithmFamilyCodeSequence[0].CodeValue == codes.DCM.ArtificialIntelligence.value
    uids = [f"{SERIES}.{k + 1}" for k in range(len(values))]
    pixels = hd.seg.segread(study / "out" / "seg.dcm").get_pixels_by_source_instance(uids)
    np.testing.assert_array_equal(pixels.transpose(3, 0, 1, 2), [values == 1, values == 2, values > 0])
    structures, _ = export(
        study, "--model", str(model), "--label", "2", "--label", "1", "--roi-name", "n", "--overwrite"
    )
    assert [roi.ROIName for roi in structures.StructureSetROISequence] == ["n", "IGTV_nnunet_cipa"]


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (("--model", "nowhere"), 1, "--model nowhere: not a folder"),
        (("--model", "."), 1, "has no fold_*/checkpoint_final.pth; there is none"),
        (("--colour", "red"), 2, "--colour red: give red, green and blue"),
        (("--roi-name", "a", "--roi-name", "a"), 2, "--roi-name a: is given twice"),
        (("--roi-name", "a", "--roi-name", "b"), 2, "--roi-name: 2 are given for 1 labels"),
        (("--structure-set-label", "x" * 17), 1, "give 1 to 16 printable ASCII"),
        (("--description", "x" * 65), 1, "give 1 to 64 printable ASCII"),
        (("--provenance", "nowhere"), 1, "--provenance nowhere: not a folder"),
    ],
)
def test_options_that_cannot_be(study, capsys, options, status, said):
    argv = ["export-dicom", *(str(study / name) for name in ("mask.nii.gz", "ct", "out")), *options]
    try:
        ended = main(argv)
    except SystemExit as error:
        ended = error.code
    assert ended == status
    assert said in " ".join(capsys.readouterr().err.split())
    assert not (study / "out").exists()


def test_a_label_that_nobody_asked_about_is_told(study, capsys):
    values = sitk.GetArrayFromImage(mask_on(GRID))
    values[3, 2:4, 2:6] = 2
    image = sitk.GetImageFromArray(values)
    image.CopyInformation(GRID)
    sitk.WriteImage(image, study / "mask.nii.gz")
    export(study)
    assert "mask.nii.gz: holds 2 too, which is not exported; choose it with --label" in capsys.readouterr().err
    structures, _ = export(study, "--label", "1", "--label", "2", "--overwrite")
    assert len(structures.StructureSetROISequence) == 2
    assert "holds 2" not in capsys.readouterr().err
    export(study, "--label", "1", "--overwrite")
    assert "holds 2" not in capsys.readouterr().err


@pytest.mark.parametrize(("labels", "status"), [({"GTV": 7}, 1), ({"GTV": 7, "IGTV": 1}, 0), ({"GTV": 2, "n": 1}, 0)])
def test_a_dataset_json_of_other_masks_does_not_make_an_empty_region_of_one(study, capsys, labels, status):
    (study / "dataset.json").write_text(json.dumps({"labels": {"background": 0, **labels}}))
    argv = ["export-dicom", *(str(study / name) for name in ("mask.nii.gz", "ct", "out"))]
    assert main(argv) == status
    assert ("no voxel has label GTV, so there is nothing to export" in capsys.readouterr().err) == bool(status)


@pytest.mark.parametrize("keyword", ["SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID", "SOPInstanceUID"])
def test_what_is_not_a_uid_is_not_referred_to(study, capsys, keyword):
    with pydicom.config.disable_value_validation():
        write_ct(
            study / "ct", GRID, edit=lambda piece, k: setattr(piece, keyword, f"1.2.3 x {k * (keyword[1] == 'O')}")
        )
    argv = ["export-dicom", *(str(study / name) for name in ("mask.nii.gz", "ct", "out"))]
    assert main(argv) == 1
    assert f"{keyword} '1.2.3 x" in capsys.readouterr().err
    assert not (study / "out").exists()


def test_itk_reads_the_segment_of_lesions_apart_where_the_ct_is(study):
    """Frames left out would put the second lesion beside the first."""
    values = np.zeros(GRID.GetSize()[::-1], dtype=np.uint8)
    values[0, 4:9, 5:10] = values[4, 2:4, 2:4] = 1
    image = sitk.GetImageFromArray(values)
    image.CopyInformation(GRID)
    sitk.WriteImage(image, study / "mask.nii.gz")
    export(study)
    read = sitk.ReadImage(study / "out" / "seg.dcm")
    assert sitk.GetArrayViewFromImage(read).astype(bool).sum() == values.sum()
    on_the_ct = sitk.Resample(read, GRID, sitk.Transform(), sitk.sitkNearestNeighbor)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(on_the_ct) > 0, values > 0)


def test_readers_that_round_to_whole_pixels_get_the_mask(study):
    """As rt-utils does it: indices rounded, and the polygon with its border filled."""
    from skimage.draw import polygon2mask

    structures, _ = export(study)
    expected = sitk.GetArrayFromImage(mask_on(GRID)) > 0
    for contour in structures.ROIContourSequence[0].ContourSequence:
        points = np.reshape(np.array(contour.ContourData, dtype=float), (-1, 3))
        index = np.array([GRID.TransformPhysicalPointToContinuousIndex(point) for point in points.tolist()])
        whole = np.rint(index)
        mask = polygon2mask(expected.shape[1:], whole[:, 1::-1])
        np.testing.assert_array_equal(mask, expected[int(whole[0, 2])])
        assert np.abs(np.abs(index[:, :2] - whole[:, :2]).max(axis=1) - 0.48).max() < 1e-3


def test_new_instances_each_time(study):
    first, second = export(study), export(study, "--overwrite")
    uids = {made.SOPInstanceUID for made in (*first, *second)} | {made.SeriesInstanceUID for made in (*first, *second)}
    assert len(uids) == 8
    assert all(uid.is_valid and uid != generate_uid() for uid in uids)


def test_the_folds_and_weights_that_predicted_are_told_alone(study, capsys):
    model = study / "trainer__plans__2d"
    for fold, file in (("fold_0", "checkpoint_final.pth"), ("fold_all", "checkpoint_best.pth")):
        (model / fold).mkdir(parents=True)
        (model / fold / file).write_bytes(fold.encode())
    chosen = ["--model", str(model), "--folds", "all", "--checkpoint"]
    structures, _ = export(study, *chosen, "checkpoint_best.pth")
    assert [words.split()[0] for words in structures.SoftwareVersions[2:]] == ["fold_all"]
    argv = [
        "export-dicom",
        *(str(study / name) for name in ("mask.nii.gz", "ct", "o")),
        *chosen,
        "checkpoint_final.pth",
    ]
    assert main(argv) == 1
    assert "has no fold_all/checkpoint_final.pth; there is fold_0" in capsys.readouterr().err


def test_a_label_that_dicom_has_no_letters_for_gets_a_name_by_hand(study, capsys):
    (study / "dataset.json").write_text(json.dumps({"labels": {"background": 0, "Läsion": 1}}), encoding="utf-8")
    argv = ["export-dicom", *(str(study / name) for name in ("mask.nii.gz", "ct", "o"))]
    assert main(argv) == 1
    assert "label Läsion: --roi-name 'Läsion_nnunet_cipa': give 1 to 64 printable ASCII" in capsys.readouterr().err
    assert main([*argv, "--roi-name", "Lesion"]) == 0
