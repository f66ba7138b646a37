"""A trained model, as far as its files tell what it was made for."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnunet_cipa.dataset_conversion.study_set.options import Storage


@dataclass(frozen=True)
class TrainedModel:
    """A trained model's folder, TRAINER__PLANS__CONFIGURATION.

    Attributes
    ----------
    folder
        Where its files are; of a zip, a temporary place.
    name, dataset
        Of the folder, and of the one that holds it: TRAINER__PLANS__CONFIGURATION and DatasetNNN_NAME.
    checkpoint
        File of the weights in each fold.
    hashes
        SHA-256 of the weights by fold, such as ``fold_0``, in the order in which they predict.
    plans, dataset_json
        Content of the files.
    fingerprint
        Content of dataset_fingerprint.json; None where it is not there, as in some zips.
    storage
        How intensities have to be stored.
    crop
        Whether its cases were cut to the patient's outline.
    """

    folder: Path
    name: str
    dataset: str
    checkpoint: str
    hashes: Mapping[str, str]
    plans: Mapping[str, Any]
    dataset_json: Mapping[str, Any]
    fingerprint: Mapping[str, Any] | None
    storage: Storage
    crop: bool

    @property
    def trainer(self) -> str:
        """Name of the trainer."""
        return self.name.split("__")[0]

    @property
    def configuration(self) -> str:
        """Name of the configuration in the plans."""
        return self.name.split("__")[2]
