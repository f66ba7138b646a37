"""Which neighbours a trained nnUNetTrainerCIPASIM_dynamic chooses, as in docs/evidence.md.

python -m tests.measurements.chosen_neighbours FOLDER SEED [--row dynamic-gtv-x10]

FOLDER is one in which ``python -m tests.measurements.evidence run`` trained the row. The held-out patients are
segmented, and choices of another than the nearest slice are counted.
"""

import argparse
from pathlib import Path

from tests.measurements.evidence.phantoms import Phantoms
from tests.measurements.evidence.rows import ROWS
from tests.measurements.evidence.settings import Settings
from tests.measurements.stack_gates import load, mean_dice

DYNAMIC = [name for name, row in ROWS.items() if row.trainer == "nnUNetTrainerCIPASIM_dynamic"]


def main(folder, seed, row):
    """Print the scale of the content's part of a score, and how many choices are not of the nearest slice."""
    phantoms = Phantoms(folder, Settings.read(folder / "evidence.json"))
    predictor = load(phantoms, row, seed)
    chosen = []
    predictor.network.chooser.register_forward_hook(lambda *call: chosen.append(call[-1].argmax(-1).flatten()))
    dice = mean_dice(predictor, phantoms)
    other = sum(int((each > 0).sum()) for each in chosen)
    (weights,) = predictor.list_of_parameters
    print(f"seed {seed}: scale {weights['chooser.scale'].item():.3f}, Dice {dice:.4f}")
    print(f"{other} of {sum(map(len, chosen))} choices are of another than the nearest slice")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("seed", type=int)
    parser.add_argument("--row", choices=DYNAMIC, default="dynamic-gtv", help=", ".join(DYNAMIC))
    given = parser.parse_args()
    main(given.folder, given.seed, given.row)
