"""Folds that are trained at the same time on one preprocessed data set."""

import tempfile
from pathlib import Path
from typing import Any

from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

SPLITS = "splits_final.json"


class SideBySideTraining(nnUNetTrainer):
    """nnU-Net's folds, where the first trainings that start may be several.

    nnU-Net makes splits_final.json where it is missing, in place: another training that starts meanwhile reads a part
    of it and ends with an error.
    """

    preprocessed_dataset_folder_base: str

    def do_split(self) -> tuple[Any, Any]:
        """Return the cases to train and to validate on; a file of splits that is missing appears whole, or not."""
        folder = Path(self.preprocessed_dataset_folder_base)
        if self.fold == "all" or (folder / SPLITS).is_file():
            return super().do_split()
        with tempfile.TemporaryDirectory(prefix=".splits_", dir=folder) as beside:
            self.preprocessed_dataset_folder_base = beside
            try:
                cases = super().do_split()
            finally:
                self.preprocessed_dataset_folder_base = str(folder)
            # The splits depend on the cases alone: who comes second replaces them by the same.
            Path(beside, SPLITS).replace(folder / SPLITS)
        return cases
