"""How far nnU-Net's tiles are from one pass over the whole case, as in docs/trainers.md.

python -m tests.measurements.tile_ends
"""

import copy

import torch

from tests.trainers import test_stacks
from tests.trainers.conftest import DATASET, PLANS
from tests.trainers.test_neighbours import make_predictor, weight_of_tiles

DEPTHS = {
    "nnUNetTrainerCIPASIM": (1, 2, 17, 64, 130, 160, 161, 162, 180, 240, 400),
    "nnUNetTrainerCIPASIM_features": (1, 2, 17, 64, 65, 66, 80, 160),
    "nnUNetTrainerCIPAStack": (1, 17, 256, 257, 260, 280, 300, 384, 512),
}


@torch.no_grad()
def largest_difference(name: str, depth: int, step: float) -> float:
    """Return that of the logits, on noise, where the tiles have any weight in float16."""
    if name == "nnUNetTrainerCIPAStack":
        predictor = test_stacks.make_predictor(step, test_stacks.Nano)
    else:
        plans, dataset_json = copy.deepcopy(PLANS), copy.deepcopy(DATASET)
        predictor = make_predictor(name, plans, dataset_json, use_mirroring=False, tile_step_size=step)
    volume = torch.randn(2, depth, 32, 32, generator=torch.Generator().manual_seed(0))
    difference = predictor.predict_sliding_window_return_logits(volume).float() - predictor.network(volume[None])[0]
    return float(torch.where(weight_of_tiles(predictor, depth) > 6e-6, difference.abs().amax(0), 0).max())


if __name__ == "__main__":
    for name, depths in DEPTHS.items():
        for step in (0.5, 0.9, 1.0):
            found = (f"{depth}: {largest_difference(name, depth, step):.3f}" for depth in depths)
            print(f"{name}, steps of {step}: {', '.join(found)}", flush=True)
