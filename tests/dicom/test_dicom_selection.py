"""One CT and one PET are chosen, or the error lists what there is to choose from."""

import pytest

from nnunet_cipa.dicom.files import scan_folder
from nnunet_cipa.dicom.series.grouping import group_series
from nnunet_cipa.dicom.series.selection import select_ct, select_pet
from nnunet_cipa.errors import CIPAError

NAC = ["DECY", "NORM"]


@pytest.fixture
def candidates(write, tmp_path):
    def make(*series):
        for index, (modality, uid, values) in enumerate(series):
            write(modality, slices=3, folder=f"dicom/{index}", series_uid=uid, **values)
        return group_series(scan_folder(tmp_path / "dicom").images)

    return make


def test_corrected_is_told_from_not_corrected(candidates):
    found = candidates(("CT", "1.1", {}), ("PT", "1.2", {"CorrectedImage": NAC}), ("PT", "1.3", {}))
    assert select_pet(found).series_uid == "1.3"
    assert select_ct(found).series_uid == "1.1"


def test_several_are_listed(candidates):
    found = candidates(("PT", "1.2", {"SeriesDescription": "AC fast"}), ("PT", "1.3", {"SeriesDescription": "AC slow"}))
    with pytest.raises(CIPAError, match=r"2 PET.*--series.*1\.2 \(AC fast, 3 slices\).*1\.3 \(AC slow, 3 slices\)"):
        select_pet(found)
    assert select_pet(found, "1.3").series_uid == "1.3"


def test_frame_of_reference_of_the_ct_goes_first(candidates):
    found = candidates(("PT", "1.2", {"FrameOfReferenceUID": "1.9.1"}), ("PT", "1.3", {"FrameOfReferenceUID": "1.9.2"}))
    assert select_pet(found, frame_of_reference_uid="1.9.2").series_uid == "1.3"
    with pytest.raises(CIPAError, match="2 PET series"):
        select_pet(found, frame_of_reference_uid="1.9.3")


def test_one_of_another_frame_is_left_to_be_refused(candidates):
    found = candidates(("PT", "1.2", {"FrameOfReferenceUID": "1.9.1"}))
    assert select_pet(found, frame_of_reference_uid="1.9.3").series_uid == "1.2"


def test_none_is_corrected(candidates):
    found = candidates(("PT", "1.2", {"CorrectedImage": NAC}))
    with pytest.raises(CIPAError, match=r"no PET.*1\.2 .*3 slices\), not corrected for attenuation"):
        select_pet(found)
    with pytest.raises(CIPAError, match=r"1\.2 .*not corrected for attenuation cannot give SUV"):
        select_pet(found, "1.2")


def test_chosen_one_is_not_there(candidates):
    found = candidates(("CT", "1.1", {}), ("PT", "1.2", {}))
    with pytest.raises(CIPAError, match=r"no PET series 1\.1; there is: 1\.2"):
        select_pet(found, "1.1")


def test_projections_are_no_candidates(candidates):
    found = candidates(("PT", "1.2", {"SeriesType": ["WHOLE BODY", "REPROJECTION"]}), ("PT", "1.3", {}))
    assert select_pet(found).series_uid == "1.3"


def test_localizers_are_no_candidates(candidates):
    found = candidates(("CT", "1.2", {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}), ("CT", "1.3", {}))
    assert select_ct(found).series_uid == "1.3"


def test_no_series_at_all(candidates):
    found = candidates(("CT", "1.1", {}))
    with pytest.raises(CIPAError, match="no PET series that can be used; there is: none"):
        select_pet(found)
