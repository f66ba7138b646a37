"""Scores of predicted tumours, and the page that shows them."""

from nnunet_cipa.evaluation.by_slice import SliceMeasures, measure_slices
from nnunet_cipa.evaluation.folds import read_folds
from nnunet_cipa.evaluation.intervals import Mean, bootstrap_mean
from nnunet_cipa.evaluation.leakage import LeakageAudit, audit_leakage
from nnunet_cipa.evaluation.lesions import Lesions, match_lesions
from nnunet_cipa.evaluation.measures import Measures, measure
from nnunet_cipa.evaluation.metrics import METRICS, Metric
from nnunet_cipa.evaluation.organs import false_positive_ml
from nnunet_cipa.evaluation.overlap import Overlap, count_overlap, dice
from nnunet_cipa.evaluation.paired import Comparison, compare, holm
from nnunet_cipa.evaluation.patients import read_patients
from nnunet_cipa.evaluation.positions import dice_by_position, lesion_ends
from nnunet_cipa.evaluation.report import CaseResult, Command, Page, Verdict, score_case, write_page
from nnunet_cipa.evaluation.scoring import Model, Score, Study, score_folds
from nnunet_cipa.evaluation.statistics import Settings, Statistics, compute_statistics
from nnunet_cipa.evaluation.strata import Stratum, volume_strata
from nnunet_cipa.evaluation.surfaces import SurfaceDistances, hausdorff95, surface_distances
from nnunet_cipa.evaluation.threshold import PetThreshold, fit_pet_threshold
from nnunet_cipa.evaluation.volumes import Volume, check_same_geometry, read_mask, read_volume
from nnunet_cipa.nnunet.cases import CaseFiles, find_cases
from nnunet_cipa.nnunet.predictions import find_predictions
from nnunet_cipa.nnunet.summary import read_dice

__all__ = [
    "METRICS",
    "CaseFiles",
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
    "find_cases",
    "find_predictions",
    "fit_pet_threshold",
    "hausdorff95",
    "holm",
    "lesion_ends",
    "match_lesions",
    "measure",
    "measure_slices",
    "read_dice",
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
