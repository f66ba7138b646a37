from .folder_options import EvaluateOptions
from .folders import evaluate_folders
from .folds import read_folds
from .images import (
    Volume,
    check_same_geometry,
    read_mask,
    read_volume,
)
from .intervals import Mean, bootstrap_mean
from .leakage import LeakageAudit, audit_leakage
from .metrics import METRICS, Metric
from .metrics.by_slice import SliceMeasures, measure_slices
from .metrics.lesions import Lesions, match_lesions
from .metrics.measures import Measures, measure
from .metrics.organs import false_positive_ml
from .metrics.overlap import Overlap, count_overlap, dice
from .metrics.positions import dice_by_position, lesion_ends
from .metrics.surfaces import (
    SurfaceDistances,
    hausdorff95,
    surface_distances,
)
from .paired import Comparison, compare, holm
from .patients import read_patients
from .scoring import Model, Score, Study, score_folds
from .settings import Settings
from .statistics import Statistics, compute_statistics
from .strata import Stratum, volume_strata
from .threshold import PetThreshold, fit_pet_threshold
from .uptake import Uptake, combine_uptake, measure_uptake

__all__ = [
    "METRICS",
    "Comparison",
    "EvaluateOptions",
    "LeakageAudit",
    "Lesions",
    "Mean",
    "Measures",
    "Metric",
    "Model",
    "Overlap",
    "PetThreshold",
    "Score",
    "Settings",
    "SliceMeasures",
    "Statistics",
    "Stratum",
    "Study",
    "SurfaceDistances",
    "Uptake",
    "Volume",
    "audit_leakage",
    "bootstrap_mean",
    "check_same_geometry",
    "combine_uptake",
    "compare",
    "compute_statistics",
    "count_overlap",
    "dice",
    "dice_by_position",
    "evaluate_folders",
    "false_positive_ml",
    "fit_pet_threshold",
    "hausdorff95",
    "holm",
    "lesion_ends",
    "match_lesions",
    "measure",
    "measure_slices",
    "measure_uptake",
    "read_folds",
    "read_mask",
    "read_patients",
    "read_volume",
    "score_folds",
    "surface_distances",
    "volume_strata",
]
