"""One patient of a DICOM study set: which series and regions are the case's volumes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from nnunet_cipa.dataset_conversion.study_set.image import check_axial_directions
from nnunet_cipa.dataset_conversion.study_set.options import ORGANS
from nnunet_cipa.dataset_conversion.study_set.regions import Region
from nnunet_cipa.dataset_conversion.study_set.registered import REGISTRATION
from nnunet_cipa.dataset_conversion.study_set.study_set import Facts, Reading
from nnunet_cipa.dicom.registration.rigid import Rigid
from nnunet_cipa.dicom.rtstruct.options import MissingSlices
from nnunet_cipa.dicom.series.ct import read_ct
from nnunet_cipa.dicom.series.grouping import Series
from nnunet_cipa.dicom.suv.pet import read_pet
from nnunet_cipa.dicom.suv.rules import SuvRules
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.hashes import file_hash, files_hash


@dataclass(frozen=True)
class DicomPatient:
    """A CT, a PET and regions that belong together.

    Attributes
    ----------
    name, part
        Of the case; ``train`` or ``test``.
    ct, pet
        Sorted and checked series.
    regions
        The region of each mask, by the name of the volume.
    notes
        What the user should know of how a volume was chosen, by its name (see ``Reading``).
    suv
        What counts in computing SUV, beside the headers.
    missing_slices
        What to do where slices of a region were left out.
    patient
        Name of the patient, where there may be several studies of one; empty for ``name``.
    facts
        What the provenance says of how a volume was chosen, by its name.
    pet_to_ct
        From the PET's frame of reference to the CT's, if they are two.
    """

    name: str
    part: str
    ct: Series
    pet: Series
    regions: Mapping[str, Region]
    notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    suv: SuvRules = field(default_factory=SuvRules)
    missing_slices: MissingSlices = MissingSlices.REFUSE
    patient: str = ""
    facts: Mapping[str, Facts] = field(default_factory=dict)
    pet_to_ct: Rigid | None = None

    @property
    def subject(self) -> str:
        """Whose study it is."""
        return self.patient or self.name

    def where(self, volume: str) -> str:
        """Return which series or region a volume is."""
        if volume in self.regions:
            return self.regions[volume].name
        series = self._series(volume)
        return f"{series.slices[0].path.parent}: {volume} series {series.series_uid}"

    def read(self, volume: str) -> Reading:
        """Read a volume, and how its values came about."""
        found = self._mask(volume) if volume in self.regions else self._image(volume)
        facts = {**found.facts, **self.facts.get(volume, {})}
        return replace(found, facts=facts, notes=(*self.notes.get(volume, ()), *found.notes))

    def sha256(self, volume: str) -> str:
        """Hash the file of a region, or those of a series in the order of its slices."""
        if volume in self.regions:
            return self.regions[volume].sha256
        return files_hash(slice_.path for slice_ in self._series(volume).slices)

    def _image(self, volume: str) -> Reading:
        found = Reading(read_ct(self.ct)) if volume == "CT" else Reading(*read_pet(self.pet, self.suv))
        found = replace(found, notes=(*self._series(volume).notes, *found.notes))
        if volume == "CT":
            check_axial_directions(found.image, self.where(volume))
        if volume == "CT" or self.pet_to_ct is None:
            return found
        moved = {"degrees": self.pet_to_ct.degrees, "shift_mm": self.pet_to_ct.shift_mm}
        return replace(found, image=self.pet_to_ct.moved(found.image), facts={**found.facts, REGISTRATION: moved})

    def _mask(self, volume: str) -> Reading:
        region = self.regions[volume]
        if file_hash(region.path) != region.sha256:
            raise CIPAError(f"{region.name}: changed during the conversion; run it again")
        return region.mask(self.ct, self.missing_slices, may_be_empty=volume in ORGANS)

    def _series(self, volume: str) -> Series:
        return {"CT": self.ct, "PET": self.pet}[volume]
