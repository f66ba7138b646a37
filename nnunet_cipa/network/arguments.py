"""Checks of the network's arguments."""

from collections.abc import Sequence

from nnunet_cipa.network.sim import BRANCHES

STRIDE = 32
MODALITIES = ("CT", "PET")
SLICES = (1, 3, 5)
SIMS = (None, "input", "features")


def check_channels(input_channels: int, num_classes: int, deep_supervision: bool, modalities: Sequence[str]) -> None:
    """Refuse other inputs than one CT and one PET channel, and other outputs than one map of classes.

    Raises
    ------
    ValueError
        With the argument's name and value.
    """
    if input_channels != len(MODALITIES):
        raise ValueError(f"CIPA reads CT and PET, so input_channels is {len(MODALITIES)}, not {input_channels}")
    if num_classes < 1:
        raise ValueError(f"num_classes is {num_classes}; it has to be at least 1")
    if deep_supervision:
        raise ValueError("CIPA has one output and no deep supervision; use a trainer of nnunet_cipa")
    if sorted(modalities) != sorted(MODALITIES):
        raise ValueError(f"modalities {tuple(modalities)} must be CT and PET, in the order of the input's channels")


def check_slices(slices: int, sim: str | None, sim_branches: Sequence[str], sim_learnable: bool) -> None:
    """Refuse numbers of slices and settings of SIM that do not exist or would have no effect.

    Raises
    ------
    ValueError
        With the argument's name and value.
    """
    if slices not in SLICES:
        raise ValueError(f"slices is {slices}; choose one of {', '.join(map(str, SLICES))}")
    if sim not in SIMS:
        raise ValueError(f"sim is {sim!r}; choose one of {', '.join(map(repr, SIMS))}")
    known = set(sim_branches) <= set(BRANCHES) and len(set(sim_branches)) == len(sim_branches)
    if isinstance(sim_branches, str) or not sim_branches or not known:
        raise ValueError(f"sim_branches is {sim_branches!r}; choose one or more of {', '.join(BRANCHES)}")
    if sim is None and (sim_learnable or len(sim_branches) < len(BRANCHES)):
        raise ValueError("sim_learnable and sim_branches are settings of SIM, and sim is None; choose a sim")


def check_patch_size(patch_size: Sequence[int]) -> tuple[int, int]:
    """Return (H, W) as integers.

    Raises
    ------
    ValueError
        If they are not two positive multiples of 32.
    """
    if len(patch_size) != 2 or any(side < STRIDE or side % STRIDE for side in patch_size):
        raise ValueError(f"patch_size {tuple(patch_size)} must be (H, W), each a positive multiple of {STRIDE}")
    return int(patch_size[0]), int(patch_size[1])
