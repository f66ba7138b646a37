from .measured import LabelLesions, PatientLesions, measure_lesions
from .report import write_measurements
from .table import lesion_table, write_lesions

__all__ = [
    "LabelLesions",
    "PatientLesions",
    "lesion_table",
    "measure_lesions",
    "write_lesions",
    "write_measurements",
]
