"""References to a CT, which have to be UIDs that every reader reads alike."""

import re

from nnunet_cipa.dicom.series.grouping import Series
from nnunet_cipa.errors import CIPAError, shown

# Leading zeros are not allowed, but scanners write them and nobody stumbles over them.
_UID = re.compile(r"[0-9.]{1,64}")


def check_references(series: Series) -> None:
    """Refuse a CT whose UIDs cannot be written.

    Raises
    ------
    CIPAError
        For the first that is not digits and dots, 64 at most.
    """
    uids = {
        "StudyInstanceUID": series.study_uid,
        "SeriesInstanceUID": series.series_uid,
        "FrameOfReferenceUID": series.frame_of_reference_uid,
    }
    for keyword, uid in uids.items():
        _check(keyword, uid, f"{series.slices[0].path}")
    for piece in series.slices:
        _check("SOPInstanceUID", piece.sop_instance_uid, f"{piece.path}")


def _check(keyword: str, uid: str, where: str) -> None:
    if not _UID.fullmatch(uid):
        raise CIPAError(
            f"{where}: {keyword} {shown(uid)} is not a UID, so nothing can refer to it; export the CT again"
        )
