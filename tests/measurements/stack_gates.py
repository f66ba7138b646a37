"""What the scans along z of a trained CIPAStack do, as in docs/evidence.md.

python -m tests.measurements.stack_gates FOLDER SEED [--row stack-gtv-x10]

FOLDER is one in which ``python -m tests.measurements.evidence run`` trained the row. The held-out patients are
segmented by the network as it is and with all gates of its scans at zero, which leaves single slices.
"""

import torch

from tests.measurements.evidence.phantoms import Phantoms
from tests.measurements.evidence.trained_row import load, mean_dice, read_words


def main(folder, seed, row):
    """Print the gates, and the Dice with and without the scans."""
    phantoms = Phantoms.of_folder(folder)
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
    main(**vars(read_words(__doc__, "stack-gtv")))
