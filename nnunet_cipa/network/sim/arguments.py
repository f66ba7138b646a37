"""Checks of the settings of the slice interaction module."""

from collections.abc import Sequence

from nnunet_cipa.network.sim.branches import BRANCHES

SIMS = (None, "encoder", "input", "features")
STAGES = (0, 1, 2, 3)


def check_sim(
    sim: str | None, branches: Sequence[str], learnable: bool, stages: Sequence[int] = STAGES, shared: bool = False
) -> None:
    """Refuse settings of SIM that do not exist or would have no effect.

    Raises
    ------
    ValueError
        With the argument's name and value.
    """
    if sim not in SIMS:
        raise ValueError(f"sim is {sim!r}; choose one of {', '.join(map(repr, SIMS))}")
    known = set(branches) <= set(BRANCHES) and len(set(branches)) == len(branches)
    if isinstance(branches, str) or not branches or not known:
        raise ValueError(f"sim_branches is {branches!r}; choose one or more of {', '.join(BRANCHES)}")
    if sim is None and (learnable or len(branches) < len(BRANCHES)):
        raise ValueError("sim_learnable and sim_branches are settings of SIM, and sim is None; choose a sim")
    if not stages or not set(stages) <= set(STAGES) or len(set(stages)) < len(stages):
        raise ValueError(f"sim_stages is {stages!r}; choose one or more of {', '.join(map(str, STAGES))}")
    if sim != "encoder" and (shared or len(stages) < len(STAGES)):
        raise ValueError(f'sim_stages and sim_shared are settings of sim="encoder", and sim is {sim!r}')
