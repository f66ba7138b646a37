from .options import PredictOptions
from .outcome import Outcome
from .predicted import Predicted
from .run import predict_patients, predict_study

__all__ = ["Outcome", "PredictOptions", "Predicted", "predict_patients", "predict_study"]
