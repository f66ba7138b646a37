"""CIPA in plans, as its trainers put it there."""

from nnunet_cipa.trainers.plans import plan_network
from nnunet_cipa.trainers.sampling import SingleSlices, SliceWindows


def plan_cipa(plans, configuration, dataset_json, architecture, depth=None):
    """Edit plans for one slice, or for windows in tiles of ``depth`` slices."""
    sampling = SingleSlices() if depth is None else SliceWindows(depth)
    plan_network(plans, configuration, dataset_json, "nnunet_cipa.network.CIPA", architecture, sampling)
