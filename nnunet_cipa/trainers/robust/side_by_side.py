"""Folds that are trained at the same time, on one preprocessed data set and into one folder of results."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from nnunet_cipa.nnunet.folders import SPLITS

START = ".start_"


class SideBySideTraining(nnUNetTrainer):
    """nnU-Net's folds, of which several may start at once.

    nnU-Net writes in place: splits_final.json where it is missing, and at each start the plans.json, dataset.json and
    dataset_fingerprint.json that all folds of a model share. Who reads them meanwhile, another fold or a prediction,
    reads a part, and a kill leaves a part.
    """

    preprocessed_dataset_folder_base: str
    output_folder_base: str

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

    def on_train_start(self) -> None:
        """Start as nnU-Net does; what it writes to the folder that all folds share appears there whole."""
        folder = Path(self.output_folder_base)
        beside = folder / f"{START}{self.fold}_{self.local_rank}"
        # Of a start of this fold that was killed
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True)
        self.output_folder_base = str(beside)
        try:
            super().on_train_start()
            for path in list(beside.iterdir()):
                path.replace(folder / path.name)
        finally:
            self.output_folder_base = str(folder)
            shutil.rmtree(beside, ignore_errors=True)

    def _save_debug_information(self) -> None:
        """Save the trainer's attributes, with the folder where the results are going to be."""
        before, self.output_folder_base = self.output_folder_base, str(Path(self.output_folder).parent)
        try:
            super()._save_debug_information()
        finally:
            self.output_folder_base = before
