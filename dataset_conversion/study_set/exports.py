"""Series, structure sets, segmentations and registrations of each patient of a DICOM study set."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nnunet_cipa.dataset_conversion.study_set.region_sets import RegionSet, read_region_set
from nnunet_cipa.dataset_conversion.study_set.set_choice import OPTION, SetWish
from nnunet_cipa.dicom.drawn_on import series_named
from nnunet_cipa.dicom.files import Headers, StructureFile
from nnunet_cipa.dicom.series.grouping import Candidate, group_series
from nnunet_cipa.errors import CIPAError, refuse


@dataclass(frozen=True)
class Export:
    """What was exported of one patient, or of one of a patient's studies."""

    series: tuple[Candidate, ...]
    structures: tuple[StructureFile, ...]
    registrations: tuple[StructureFile, ...] = ()

    @property
    def paths(self) -> tuple[Path, ...]:
        """Of all files."""
        images = (header.path for series in self.series for header in series.headers)
        return (*images, *(file.path for file in (*self.structures, *self.registrations)))

    def of_study(self, uid: str, structures: tuple[StructureFile, ...] = ()) -> "Export":
        """Return what counts of a study.

        Series of other studies that share the frame of reference of its CT count too where it has none of that kind.
        """
        own = [one for one in self.series if one.study_uid == uid]
        frames = {one.frame_of_reference_uid for one in own if one.modality == "CT"}
        there = {one.modality for one in own}
        beside = (one for one in self.series if one.frame_of_reference_uid in frames and one.modality not in there)
        return Export((*own, *beside), structures, self.registrations)

    def read_sets(self) -> list[RegionSet]:
        """Read the structure sets and segmentations, copies of one file once.

        Raises
        ------
        CIPAError
            If there is none, or one is damaged.
        """
        if not self.structures:
            raise CIPAError("no RTSTRUCT; export the one with the contours, or a SEG")
        read = (read_region_set(file) for file in self.structures)
        # Archives and folders hold copies of a file
        return list({one.sha256: one for one in read}.values())


def by_patient(source: Path, headers: Headers) -> dict[str, Export]:
    """Return what was exported of each patient, by PatientID.

    Raises
    ------
    CIPAError
        If there is nobody.
    """
    series = defaultdict(list)
    structures, registrations = defaultdict(list), defaultdict(list)
    for candidate in group_series(headers.images):
        series[candidate.patient_id].append(candidate)
    for file in headers.structures:
        structures[file.patient_id].append(file)
    for file in headers.registrations:
        registrations[file.patient_id].append(file)
    exports = {
        patient_id: Export(tuple(series[patient_id]), tuple(structures[patient_id]), tuple(registrations[patient_id]))
        for patient_id in sorted({*series, *structures})
    }
    if not exports:
        refuse(headers.problems.values())
        others = f" but {sum(headers.others.values())} other DICOM files" if headers.others else ""
        raise CIPAError(
            f"{source}: holds no CT, PET, RTSTRUCT or SEG in DICOM, and no folder with NIfTI files, as convert lucid "
            f"reads them{others}; give the folder that holds the patients"
        )
    return exports


def pet_studies(export: Export) -> set[str]:
    """Return the UIDs of the studies that have a PET."""
    return {one.study_uid for one in export.series if one.modality == "PT"}


def without_id(export: Export | None) -> Iterator[str]:
    """Return what to say of files without PatientID, if there are any."""
    if export is not None:
        # A series is of nobody if its first file is, whatever the others say
        images = [header.path for series in export.series for header in series.headers if not header.patient_id]
        paths = [*images, *(file.path for file in export.structures)]
        yield (
            f"{paths[0]}: has no PatientID, nor have {len(paths) - 1} other files, so whose they are is "
            "not known; give all files of a patient the same one, as pseudonym"
        )


def whose_images(exports: Mapping[str, Export], patient_id: str) -> str:
    """Return which other patient's images the files of one without images name, to be added to what is wrong."""
    own = exports[patient_id]
    if own.series or not own.structures:
        return ""
    try:
        references = [one.references(index) for one in own.read_sets() for index in range(len(one.names))]
    except CIPAError:
        # What is wrong with the file is what this would be added to
        return ""
    for other, export in exports.items():
        if any(series_named(one, export.series) for one in references):
            return f"; it names images of PatientID {other}: if the two are one patient, give them one PatientID"
    return ""


def check_wanted(exports: Mapping[str, Export], series_uids: Sequence[str], structure_sets: Sequence[str]) -> None:
    """Refuse UIDs of series and structure sets that are of nobody.

    Raises
    ------
    CIPAError
        If there are such.
    """
    files = [file for export in exports.values() for file in (*export.structures, *export.registrations)]
    series = {one.series_uid for export in exports.values() for one in export.series}
    series |= {file.series_uid for file in files}
    sets = {uid for file in files for uid in (file.sop_instance_uid, file.series_uid, file.study_uid)}
    refuse(
        f"{option} {uid}: no such {kind} was found; correct it"
        for option, kind, uids, there in (
            ("--series", "series", series_uids, series),
            (OPTION, "structure set", SetWish.of(structure_sets).uids, sets),
        )
        for uid in uids
        if uid not in there
    )
