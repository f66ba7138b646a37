"""A trained model, as far as its files tell what it was made for."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from nnunet_cipa.dataset_conversion.study_set.options import Storage
from nnunet_cipa.dicom.export.model import Model
from nnunet_cipa.dicom.export.rois import Labels, find_labels


@dataclass(frozen=True)
class TrainedModel:
    """A trained model.

    Attributes
    ----------
    folder
        Where its files are; of a zip, a temporary place.
    trainer, configuration
        Their names, as its weights were saved with.
    dataset
        Name of the data set that it was trained on, as its folder or its plans tell it.
    checkpoint
        File of the weights in each fold.
    hashes
        SHA-256 of the weights by fold, such as ``fold_0``, in the order in which they predict.
    plans, dataset_json
        Content of the files.
    fingerprint
        Content of dataset_fingerprint.json; None where it is not there.
    storage
        How intensities have to be stored.
    crop
        Whether its cases were cut to the patient's outline.
    mirror_axes
        Axes of mirror images, as its weights were saved with.
    """

    folder: Path
    trainer: str
    configuration: str
    dataset: str
    checkpoint: str
    hashes: Mapping[str, str]
    plans: Mapping[str, Any]
    dataset_json: Mapping[str, Any]
    fingerprint: Mapping[str, Any] | None
    storage: Storage
    crop: bool
    mirror_axes: tuple[int, ...] | None = None

    @property
    def name(self) -> str:
        """TRAINER__PLANS__CONFIGURATION."""
        return f"{self.trainer}__{self.plans['plans_name']}__{self.configuration}"

    @cached_property
    def labels(self) -> Labels:
        """Name -> values of the mask, without background."""
        return find_labels(self.dataset_json)

    @property
    def paths(self) -> dict[str, Path]:
        """Files of the weights by fold."""
        return {fold: self.folder / fold / self.checkpoint for fold in self.hashes}

    @property
    def named(self) -> Model:
        """The model in the words that DICOM has room for."""
        return Model(self.name, self.dataset, self.checkpoint, dict(self.hashes))
