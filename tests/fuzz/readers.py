"""All readers that are fuzzed, by name."""

from tests.fuzz.dicom_readers import CtSeries, PetSeries, Structures
from tests.fuzz.export_reader import Export
from tests.fuzz.links_readers import DicomLinks, NiftiLinks, Pclt20kLinks
from tests.fuzz.nifti_reader import NiftiVolume
from tests.fuzz.pclt20k_readers import Lists, Png
from tests.fuzz.plans_readers import Cases, Plans
from tests.fuzz.public_sets_readers import AutopetFolders, AutopetThird, GroupTable, Hecktor
from tests.fuzz.record_readers import BenchmarkRecord, ConversionRecord
from tests.fuzz.seg_readers import Registrations, Segmentations
from tests.fuzz.study_set_readers import StudySetLists
from tests.fuzz.suv_override_reader import SuvOverrideTable
from tests.fuzz.weights_readers import Arrays, Checkpoint, Safetensors

READERS = {
    "PCLT20K lists": Lists,
    "PNG": Png,
    "DICOM CT": CtSeries,
    "DICOM PET": PetSeries,
    "RTSTRUCT": Structures,
    "SEG": Segmentations,
    "REG": Registrations,
    "NIfTI": NiftiVolume,
    "checkpoint": Checkpoint,
    "safetensors": Safetensors,
    "NumPy arrays": Arrays,
    "plans": Plans,
    "dataset.json": Cases,
    "PCLT20K links": Pclt20kLinks,
    "NIfTI links": NiftiLinks,
    "DICOM links": DicomLinks,
    "study set lists": StudySetLists,
    "autoPET folders": AutopetFolders,
    "autoPET III": AutopetThird,
    "HECKTOR": Hecktor,
    "group table": GroupTable,
    "SUV override": SuvOverrideTable,
    "benchmark record": BenchmarkRecord,
    "conversion record": ConversionRecord,
    "export": Export,
}
