from .by_slice import SliceMeasures as SliceMeasures, measure_slices as measure_slices
from .folds import read_folds as read_folds
from .intervals import Mean as Mean, bootstrap_mean as bootstrap_mean
from .leakage import LeakageAudit as LeakageAudit, audit_leakage as audit_leakage
from .lesions import Lesions as Lesions, match_lesions as match_lesions
from .measures import Measures as Measures, measure as measure
from .metrics import METRICS as METRICS, Metric as Metric
from .organs import false_positive_ml as false_positive_ml
from .overlap import Overlap as Overlap, count_overlap as count_overlap, dice as dice
from .paired import Comparison as Comparison, compare as compare, holm as holm
from .patients import read_patients as read_patients
from .positions import dice_by_position as dice_by_position, lesion_ends as lesion_ends
from .report import (
    CaseResult as CaseResult,
    Command as Command,
    Page as Page,
    Verdict as Verdict,
    score_case as score_case,
    write_page as write_page,
)
from .scoring import Model as Model, Score as Score, Study as Study, score_folds as score_folds
from .settings import Settings as Settings
from .statistics import Statistics as Statistics, compute_statistics as compute_statistics
from .strata import Stratum as Stratum, volume_strata as volume_strata
from .surfaces import (
    SurfaceDistances as SurfaceDistances,
    hausdorff95 as hausdorff95,
    surface_distances as surface_distances,
)
from .threshold import PetThreshold as PetThreshold, fit_pet_threshold as fit_pet_threshold
from .volumes import (
    Volume as Volume,
    check_same_geometry as check_same_geometry,
    read_mask as read_mask,
    read_volume as read_volume,
)
