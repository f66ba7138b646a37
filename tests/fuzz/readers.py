"""All readers that are fuzzed, by name."""

from tests.fuzz.dicom_readers import CtSeries, PetSeries, Structures
from tests.fuzz.nifti_reader import NiftiVolume
from tests.fuzz.pclt20k_readers import Lists, Png
from tests.fuzz.plans_readers import Cases, Plans
from tests.fuzz.weights_readers import Checkpoint, Safetensors

READERS = {
    "PCLT20K lists": Lists,
    "PNG": Png,
    "DICOM CT": CtSeries,
    "DICOM PET": PetSeries,
    "RTSTRUCT": Structures,
    "NIfTI": NiftiVolume,
    "checkpoint": Checkpoint,
    "safetensors": Safetensors,
    "plans": Plans,
    "dataset.json": Cases,
}
