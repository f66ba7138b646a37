"""A trained row for a measurement: its words on the command line, its network, and what that scores."""

import argparse
import os
from pathlib import Path

from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

from nnunet_cipa.evaluation import dice, read_mask
from nnunet_cipa.plugin import plugin_path
from tests.measurements.evidence.phantoms import Phantoms
from tests.measurements.evidence.rows import ROWS
from tests.measurements.evidence.targets import IGTV
from tests.measurements.evidence.training import Trainings
from tests.measurements.trained import first_fold


def read_words(description: str, row: str) -> argparse.Namespace:
    """Read FOLDER SEED [--row NAME]; the default row, or another of its trainer."""
    rows = [name for name, other in ROWS.items() if other.trainer == ROWS[row].trainer]
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("seed", type=int)
    parser.add_argument("--row", choices=rows, default=row, help=", ".join(rows))
    return parser.parse_args()


def load(phantoms: Phantoms, row: str, seed: int) -> nnUNetPredictor:
    """Return nnU-Net's predictor with the network of a seed; images are not mirrored, as that takes eight times."""
    trained = Trainings(phantoms).find(ROWS[row], seed)
    if trained is None or not trained.is_done:
        raise SystemExit(f"{phantoms.folder}: {row} was not trained there with seed {seed}")
    folders = [plugin_path(), phantoms.demo.own_trainers, *phantoms.folder.absolute().glob("benchmark_*/trainers")]
    os.environ["nnUNet_extTrainer"] = os.pathsep.join(map(str, folders))
    return first_fold(trained.fold.parent, mirrored=False)


def mean_dice(predictor: nnUNetPredictor, phantoms: Phantoms) -> float:
    """Return the mean Dice of the held-out patients."""
    found = []
    for case in phantoms.held_out():
        raw = phantoms.raw(IGTV)
        files = [str(raw / "imagesTr" / f"{case}_{channel:04d}.nii.gz") for channel in (0, 1)]
        predicted = predictor.predict_single_npy_array(*SimpleITKIO().read_images(files), None, None, False)
        found.append(dice(read_mask(raw / "labelsTr" / f"{case}.nii.gz").array, predicted == 1))
    return sum(found) / len(found)
