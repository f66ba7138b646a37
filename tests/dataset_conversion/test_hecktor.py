"""HECKTOR in its layouts, made here with known values."""

import json

import numpy as np
import pytest

from nnunet_cipa.dataset_conversion.hecktor.layout import read_hecktor
from nnunet_cipa.dataset_conversion.hecktor.options import Field, Options, Region
from nnunet_cipa.dataset_conversion.study_set.convert import convert_study_set
from nnunet_cipa.dataset_conversion.study_set.options import Intensity, Storage, WithoutTumour
from nnunet_cipa.errors import CIPAError
from tests.dataset_conversion.lucid_dicom import provenance
from tests.dataset_conversion.nifti_volumes import Grid, stored

CT = Grid((24, 20, 16), (1.0, 1.25, 3.0), (-12.0, -10.0, -24.0))
# Covers the columns from -9.5 to 8.5 mm, all rows, and the slices from -13 to 27 mm
PET = Grid((9, 20, 10), (2.0, 2.0, 4.0), (-8.5, -18.0, -11.0))
PRIMARY, NODE = ((-5, -6, -9), (1, 2, 0)), ((3, 3, 3), (6, 8, 12))
COVERED = (slice(3, 21), slice(None), slice(4, 16))
PATIENTS = ["CHUM-001", "CHUM-002", "MDA-010", "USZ-7"]


def convert(source, **options):
    chosen = Options(**{"processes": 1, "storage": Storage(Intensity.RAW), **options})
    return convert_study_set(lambda: read_hecktor(source, chosen), chosen)


def label(grid=CT):
    return grid.box(*PRIMARY) + grid.box(*NODE, value=2)


@pytest.fixture(params=["2022", "2025"])
def source(request, tmp_path):
    """Four patients of three centres, in imagesTr and labelsTr or in a folder each."""
    root = tmp_path / "hecktor"
    for seed, name in enumerate(PATIENTS, start=1):
        images, labels = ("imagesTr", "labelsTr") if request.param == "2022" else (name, name)
        CT.save(root / images / f"{name}__CT.nii.gz", CT.hu(seed))
        PET.save(root / images / f"{name}__PT.nii.gz", PET.suv(seed))
        CT.save(root / labels / f"{name}.nii.gz", label())
    return root


@pytest.mark.parametrize(("region", "values"), [(Region.BOTH, (1, 2)), (Region.GTVP, (1,)), (Region.GTVN, (2,))])
def test_chosen_regions_on_the_part_that_both_cover(source, raw, region, values):
    conversion = convert(source, region=region)
    ct = stored(conversion.folder / "imagesTr" / "CHUM-001_0000.nii.gz")
    np.testing.assert_array_equal(ct, CT.hu(1)[COVERED])
    mask = np.isin(label(), values)[COVERED]
    np.testing.assert_array_equal(stored(conversion.folder / "labelsTr" / "CHUM-001.nii.gz"), mask)
    y = CT.centres[1][COVERED]
    pet = stored(conversion.folder / "imagesTr" / "CHUM-001_0001.nii.gz")
    # A ramp in y, which linear interpolation keeps
    np.testing.assert_allclose(pet, 3.1 + 0.05 * y, atol=2e-6)
    recorded = provenance(conversion.folder, "CHUM-001")["values"]["GTV"]
    assert recorded["region"] == region.value
    assert recorded["cut"] == {"offset": [3, 0, 4], "size": [18, 20, 12], "original_size": [24, 20, 16]}


def test_the_whole_ct_where_the_pet_covers_most_of_it(source, raw):
    with pytest.raises(CIPAError, match=r"CHUM-001__PT.nii.gz: covers 5"):
        convert(source, field=Field.CT)
    wide = Grid((16, 20, 16), (2.0, 2.0, 4.0), (-15.0, -18.0, -30.0))
    for seed, name in enumerate(PATIENTS, start=1):
        (path,) = source.rglob(f"{name}__PT.nii.gz")
        wide.save(path, wide.suv(seed))
    conversion = convert(source, field=Field.CT)
    np.testing.assert_array_equal(stored(conversion.folder / "imagesTr" / "CHUM-001_0000.nii.gz"), CT.hu(1))


def nearest(ct, pet):
    """For each CT coordinate along an axis the PET's nearest, and whether there is one alone."""
    apart = np.abs(np.subtract.outer(ct, pet))
    first, second = np.sort(apart, axis=1)[:, :2].T
    return apart.argmin(axis=1), second - first > 1e-6


def test_a_label_on_the_pets_grid_comes_to_the_cts(source, raw):
    (path,) = source.rglob("CHUM-001.nii.gz")
    PET.save(path, label(PET))
    conversion = convert(source, region=Region.GTVP)
    found = stored(conversion.folder / "labelsTr" / "CHUM-001.nii.gz")
    lines = [np.s_[:, 0, 0], np.s_[0, :, 0], np.s_[0, 0, :]]
    found_at = [nearest(CT.centres[axis][line], PET.centres[axis][line]) for axis, line in enumerate(lines)]
    at, alone = zip(*found_at, strict=True)
    expected = PET.box(*PRIMARY)[np.ix_(*at)][COVERED]
    clear = np.zeros(CT.shape, dtype=bool)
    clear[np.ix_(*alone)] = True
    assert expected[clear[COVERED]].sum() > 20
    np.testing.assert_array_equal(found[clear[COVERED]], expected[clear[COVERED]])
    assert any("brought to the CT's by nearest neighbour" in warning for warning in conversion.warnings)
    PET.save(path, label(PET)[:-1])
    with pytest.raises(CIPAError, match="neither on the grid of the CT nor on that of the PET; resample it to the CT"):
        convert(source, overwrite=True)


def test_centres_are_groups(source, raw):
    conversion = convert(source, group="centre")
    assert "non-commercial" in json.loads((conversion.folder / "dataset.json").read_text())["licence"]
    folds = json.loads((conversion.folder / "splits_final.json").read_text())
    assert [fold["val"] for fold in folds] == [["CHUM-001", "CHUM-002"], ["MDA-010"], ["USZ-7"]]
    recorded = provenance(conversion.folder, "_dataset")["folds_leave_out"]
    assert recorded == {"column": "centre", "groups": ["CHUM", "MDA", "USZ"]}


def test_patients_without_the_region_are_kept_left_out_or_refused(source, raw):
    (path,) = source.rglob("MDA-010.nii.gz")
    CT.save(path, CT.box(*NODE, value=2))
    conversion = convert(source, region=Region.GTVP)
    assert not stored(conversion.folder / "labelsTr" / "MDA-010.nii.gz").any()
    assert stored(conversion.folder / "labelsTr" / "USZ-7.nii.gz").any()
    left = convert(source, region=Region.GTVP, without_tumour=WithoutTumour.LEAVE_OUT, overwrite=True)
    assert {case.name for case in left.cases} == {"CHUM-001", "CHUM-002", "USZ-7"}
    with pytest.raises(CIPAError, match=r"MDA-010.nii.gz: is empty"):
        convert(source, region=Region.GTVP, without_tumour=WithoutTumour.REFUSE, overwrite=True)


def test_a_tumour_that_the_pet_does_not_cover_is_refused(source, raw):
    (path,) = source.rglob("MDA-010.nii.gz")
    outside = CT.box((-5, -6, -24), (1, 2, -15)) + label()
    CT.save(path, outside)
    lost = int((outside > 0).sum() - (outside > 0)[COVERED].sum())
    with pytest.raises(CIPAError, match=rf"MDA-010__PT.nii.gz: does not cover {lost} of the \d+ voxels of the tumour"):
        convert(source)


def test_labels_that_are_missing_doubled_or_of_other_values_are_refused(source, raw):
    (path,) = source.rglob("MDA-010.nii.gz")
    CT.save(path, CT.box(*PRIMARY, value=3))
    with pytest.raises(CIPAError, match=r"MDA-010.nii.gz: holds the values \[0, 3\], but HECKTOR's are 0, 1"):
        convert(source)
    path.unlink()
    with pytest.raises(CIPAError, match=r"patient MDA-010: .* has no MDA-010.nii.gz; add it, or remove the patient"):
        convert(source)
    CT.save(path, label())
    CT.save(source / "copy" / path.name, label())
    with pytest.raises(CIPAError, match=r"is the GTV of MDA-010, and so is .*; keep one of them"):
        convert(source)
    (source / "copy" / path.name).unlink()
    assert convert(source).written == 4


def test_images_without_labels_of_the_challenges_test_set_are_passed_over(source, raw):
    CT.save(source / "imagesTs" / "MDA-999__CT.nii.gz", CT.hu(1))
    assert convert(source).written == 4


def test_the_files_of_2021(tmp_path, raw):
    root = tmp_path / "hecktor_nii"
    for seed, name in enumerate(["CHGJ007", "CHUV001"], start=1):
        CT.save(root / f"{name}_ct.nii.gz", CT.hu(seed))
        PET.save(root / f"{name}_pt.nii.gz", PET.suv(seed))
        CT.save(root / f"{name}_gtvt.nii.gz", CT.box(*PRIMARY))
    with pytest.raises(CIPAError, match="has the primary tumour alone; give --roi GTVp"):
        convert(root)
    conversion = convert(root, region=Region.GTVP, group="centre", tumour_slices=True)
    inside = CT.box(*PRIMARY)[COVERED].any(axis=(0, 1))
    mask = stored(conversion.folder / "labelsTr" / "CHUV001.nii.gz")
    np.testing.assert_array_equal(mask, CT.box(*PRIMARY)[COVERED][..., inside])
    assert len(json.loads((conversion.folder / "splits_final.json").read_text())) == 2


def test_another_folder_is_refused(tmp_path, raw):
    with pytest.raises(CIPAError, match="not a folder; give the folder of HECKTOR"):
        convert(tmp_path / "nowhere")
    with pytest.raises(CIPAError, match=r"holds no files such as CHUM-001__CT.nii.gz"):
        convert(tmp_path)
