"""What the attention to neighbours of a trained nnUNetTrainerCIPASIM_dynamic does, as in docs/evidence.md.

python -m tests.measurements.attended_neighbours FOLDER SEED [--row dynamic-gtv-x10]

FOLDER is one in which ``python -m tests.measurements.evidence run`` trained the row. The held-out patients are
segmented by the network as it is, and with the encoder's weights for the composed slices at zero, which leaves three
slices.
"""

import torch

from nnunet_cipa.network.cipa.encoder import PATCH_EMBED
from tests.measurements.evidence.phantoms import Phantoms
from tests.measurements.evidence.trained_row import load, mean_dice, read_words


def main(folder, seed, row):
    """Print weights of slices, how much the encoder reads of what is composed, and the Dice with and without it."""
    phantoms = Phantoms.of_folder(folder)
    predictor = load(phantoms, row, seed)
    means, elsewhere = [], []

    def look(*call):
        weights = call[-1]
        means.append(weights.mean((0, 1, 3, 4)))
        elsewhere.append((weights.argmax(2) > 0).float().mean())

    hook = predictor.network.neighbour_attention.register_forward_hook(look)
    with_attention = mean_dice(predictor, phantoms)
    hook.remove()
    (weights,) = predictor.list_of_parameters
    embed = weights[PATCH_EMBED]
    ratio = embed[:, [0, 4]].std() / embed[:, [1, 3]].std()
    weights[PATCH_EMBED] = embed.clone()
    weights[PATCH_EMBED][:, [0, 4]] = 0
    without = mean_dice(predictor, phantoms)
    first, second, third = torch.stack(means).mean(0).tolist()
    print(
        f"seed {seed}: scale {weights['neighbour_attention.log_scale'].exp().item():.1f}; weights of the first, second "
        f"and third neighbour {first:.2f}, {second:.2f}, {third:.2f}"
    )
    print(f"the nearest has not the largest weight in {torch.stack(elsewhere).mean():.2f} of the pixels")
    print(f"weights of the patch embedding for composed slices: {ratio:.2f} of those for the nearest")
    print(f"Dice {with_attention:.4f} with them, {without:.4f} without")


if __name__ == "__main__":
    main(**vars(read_words(__doc__, "dynamic-gtv")))
