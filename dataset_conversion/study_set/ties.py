"""Registrations of a patient, which tie frames of reference together."""

from collections.abc import Sequence
from dataclasses import dataclass

from nnunet_cipa.dicom.files import StructureFile
from nnunet_cipa.dicom.registration.chain import between
from nnunet_cipa.dicom.registration.file import Registration, read_registration
from nnunet_cipa.dicom.registration.rigid import Rigid
from nnunet_cipa.dicom.series.grouping import Candidate
from nnunet_cipa.errors import CIPAError


@dataclass(frozen=True)
class Ties:
    """Registrations of a patient, of which only those that are asked for are read.

    Attributes
    ----------
    files
        REG files, deformable ones too.
    candidates
        The patient's series.
    wanted
        UIDs of ``--series``: registrations of these series alone count, if there are any.
    """

    files: Sequence[StructureFile] = ()
    candidates: Sequence[Candidate] = ()
    wanted: Sequence[str] = ()

    def between(self, frame: str, other: str) -> Rigid | None:
        """Return what takes coordinates of a frame to another; None if no registration is there for the two.

        Raises
        ------
        CIPAError
            If a registration is damaged or not rigid, or two do not agree.
        """
        return between(self._read(), frame, other)

    @property
    def why_not(self) -> str:
        """What to say of the registrations where none helped."""
        if not self._rigid:
            return " (there is a deformable REG, which cannot be applied)" if self.files else ""
        frames = sorted({frame for one in self._read() for frame in (one.frame_of_reference_uid, *one.of_frames)})
        return f" ({self._rigid[0].path} ties others together: {', '.join(frames)})"

    @property
    def _rigid(self) -> list[StructureFile]:
        found = [one for one in self.files if one.kind == "REG"]
        return [one for one in found if one.series_uid in self.wanted] or found

    def _read(self) -> list[Registration]:
        headers = (header for one in self.candidates for header in one.headers)
        frames = {header.sop_instance_uid: header.frame_of_reference_uid for header in headers} if self._rigid else {}
        found, faults = [], []
        for file in self._rigid:
            try:
                found.append(read_registration(file.path, frames))
            except CIPAError as error:
                faults.append(str(error))
        if faults:
            raise CIPAError("; ".join(faults))
        return found
