"""Which neighbours a trained nnUNetTrainerCIPASIM_dynamic chooses, as in docs/evidence.md.

python -m tests.measurements.chosen_neighbours FOLDER SEED [--row dynamic-gtv-x10]

FOLDER is one in which ``python -m tests.measurements.evidence run`` trained the row. The held-out patients are
segmented, and choices of another than the nearest slice are counted.
"""

from tests.measurements.evidence.phantoms import Phantoms
from tests.measurements.evidence.trained_row import load, mean_dice, read_words


def main(folder, seed, row):
    """Print the scale of the content's part of a score, and how many choices are not of the nearest slice."""
    phantoms = Phantoms.of_folder(folder)
    predictor = load(phantoms, row, seed)
    chosen = []
    predictor.network.chooser.register_forward_hook(lambda *call: chosen.append(call[-1].argmax(-1).flatten()))
    dice = mean_dice(predictor, phantoms)
    other = sum(int((each > 0).sum()) for each in chosen)
    (weights,) = predictor.list_of_parameters
    print(f"seed {seed}: scale {weights['chooser.scale'].item():.3f}, Dice {dice:.4f}")
    print(f"{other} of {sum(map(len, chosen))} choices are of another than the nearest slice")


if __name__ == "__main__":
    main(**vars(read_words(__doc__, "dynamic-gtv")))
