"""What the scans along z of a trained CIPAStack do, as in docs/evidence.md.

python -m tests.measurements.stack_gates FOLDER SEED [--row stack-gtv-x10]

FOLDER is one in which ``python -m tests.measurements.evidence run`` trained the row. The held-out patients are
segmented by the network as it is and with all gates of its scans at zero, which leaves single slices.
"""

import argparse
import os
from pathlib import Path

import torch
from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO

from nnunet_cipa.evaluation import dice, read_mask
from nnunet_cipa.plugin import plugin_path
from tests.measurements.evidence.phantoms import Phantoms
from tests.measurements.evidence.rows import ROWS
from tests.measurements.evidence.settings import Settings
from tests.measurements.evidence.targets import IGTV
from tests.measurements.evidence.training import Trainings
from tests.measurements.trained import first_fold

STACKS = [name for name, row in ROWS.items() if row.trainer == "nnUNetTrainerCIPAStack"]


def load(phantoms, row, seed):
    """Return nnU-Net's predictor with the network of a seed; images are not mirrored, as that takes eight times."""
    trained = Trainings(phantoms).find(ROWS[row], seed)
    if trained is None or not trained.is_done:
        raise SystemExit(f"{phantoms.folder}: {row} was not trained there with seed {seed}")
    folders = [plugin_path(), phantoms.demo.own_trainers, *phantoms.folder.absolute().glob("benchmark_*/trainers")]
    os.environ["nnUNet_extTrainer"] = os.pathsep.join(map(str, folders))
    return first_fold(trained.fold.parent, mirrored=False)


def mean_dice(predictor, phantoms):
    """Return the mean Dice of the held-out patients."""
    found = []
    for case in phantoms.held_out():
        raw = phantoms.raw(IGTV)
        files = [str(raw / "imagesTr" / f"{case}_{channel:04d}.nii.gz") for channel in (0, 1)]
        predicted = predictor.predict_single_npy_array(*SimpleITKIO().read_images(files), None, None, False)
        found.append(dice(read_mask(raw / "labelsTr" / f"{case}.nii.gz").array, predicted == 1))
    return sum(found) / len(found)


def main(folder, seed, row):
    """Print the gates, and the Dice with and without the scans."""
    phantoms = Phantoms(folder, Settings.read(folder / "evidence.json"))
    predictor = load(phantoms, row, seed)
    (weights,) = predictor.list_of_parameters
    gates = [name for name in weights if name.endswith(".gate")]
    opened = torch.cat([weights[name].abs() for name in gates])
    with_scans = mean_dice(predictor, phantoms)
    for name in gates:
        weights[name] = torch.zeros_like(weights[name])
    without = mean_dice(predictor, phantoms)
    print(f"seed {seed}: gates {opened.mean():.3f} in the mean, {opened.max():.3f} at most")
    print(f"Dice {with_scans:.4f} with the scans, {without:.4f} without")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("seed", type=int)
    parser.add_argument("--row", choices=STACKS, default="stack-gtv", help=", ".join(STACKS))
    given = parser.parse_args()
    main(given.folder, given.seed, given.row)
