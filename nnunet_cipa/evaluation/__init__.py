"""Scores of predicted tumours, and the page that shows them."""

from nnunet_cipa.evaluation.cases import CaseFiles, find_cases
from nnunet_cipa.evaluation.measures import Measures, dice, hausdorff95, measure
from nnunet_cipa.evaluation.organs import false_positive_ml
from nnunet_cipa.evaluation.positions import dice_by_position, lesion_ends
from nnunet_cipa.evaluation.report import CaseResult, Command, Page, Verdict, score_case, write_page
from nnunet_cipa.evaluation.summary import read_dice
from nnunet_cipa.evaluation.threshold import PetThreshold, fit_pet_threshold
from nnunet_cipa.evaluation.volumes import Volume, check_same_geometry, read_mask, read_volume

__all__ = [
    "CaseFiles",
    "CaseResult",
    "Command",
    "Measures",
    "Page",
    "PetThreshold",
    "Verdict",
    "Volume",
    "check_same_geometry",
    "dice",
    "dice_by_position",
    "false_positive_ml",
    "find_cases",
    "fit_pet_threshold",
    "hausdorff95",
    "lesion_ends",
    "measure",
    "read_dice",
    "read_mask",
    "read_volume",
    "score_case",
    "write_page",
]
