from .by_slice import SliceMeasures, measure_slices
from .folds import read_folds
from .intervals import Mean, bootstrap_mean
from .leakage import LeakageAudit, audit_leakage
from .lesions import Lesions, match_lesions
from .measures import Measures, measure
from .metrics import METRICS, Metric
from .organs import false_positive_ml
from .overlap import Overlap, count_overlap, dice
from .paired import Comparison, compare, holm
from .patients import read_patients
from .positions import dice_by_position, lesion_ends
from .report import (
    CaseResult,
    Command,
    Page,
    Verdict,
    score_case,
    write_page,
)
from .scoring import Model, Score, Study, score_folds
from .settings import Settings
from .statistics import Statistics, compute_statistics
from .strata import Stratum, volume_strata
from .surfaces import (
    SurfaceDistances,
    hausdorff95,
    surface_distances,
)
from .threshold import PetThreshold, fit_pet_threshold
from .volumes import (
    Volume,
    check_same_geometry,
    read_mask,
    read_volume,
)

__all__ = [
    "METRICS",
    "CaseResult",
    "Command",
    "Comparison",
    "LeakageAudit",
    "Lesions",
    "Mean",
    "Measures",
    "Metric",
    "Model",
    "Overlap",
    "Page",
    "PetThreshold",
    "Score",
    "Settings",
    "SliceMeasures",
    "Statistics",
    "Stratum",
    "Study",
    "SurfaceDistances",
    "Verdict",
    "Volume",
    "audit_leakage",
    "bootstrap_mean",
    "check_same_geometry",
    "compare",
    "compute_statistics",
    "count_overlap",
    "dice",
    "dice_by_position",
    "false_positive_ml",
    "fit_pet_threshold",
    "hausdorff95",
    "holm",
    "lesion_ends",
    "match_lesions",
    "measure",
    "measure_slices",
    "read_folds",
    "read_mask",
    "read_patients",
    "read_volume",
    "score_case",
    "score_folds",
    "surface_distances",
    "volume_strata",
    "write_page",
]
