"""The branches of the slice interaction module: what a new one needs is a row here, and its layers."""

from collections.abc import Callable
from typing import NamedTuple

from torch import nn

from nnunet_cipa.network.sim.on_features import WindowChannelAttention, WindowRelation, WindowSpatialAttention
from nnunet_cipa.network.sim.on_maps import MapChannelAttention, MapRelation, MapSpatialAttention
from nnunet_cipa.network.sim.on_slices import SliceAttention, SliceRelation, SpatialAttention


class Branch(NamedTuple):
    """One branch.

    Attributes
    ----------
    weight : float
        Its weight in the sum, where that is not learned.
    initial_factor : float
        What a new branch multiplies its input by.
    on_slices : callable
        Makes its layers for S slices.
    on_maps : callable
        Makes its layers for the C feature maps of a stage.
    on_features : callable
        Makes its layers for S slices with C channels each.
    """

    weight: float
    initial_factor: float
    on_slices: Callable[[int], nn.Module]
    on_maps: Callable[[int], nn.Module]
    on_features: Callable[[int, int], nn.Module]


BRANCHES = {
    "channel": Branch(0.3, 0.5, SliceAttention, MapChannelAttention, WindowChannelAttention),
    "spatial": Branch(
        0.3, 0.5, lambda _: SpatialAttention(), lambda _: MapSpatialAttention(), lambda *_: WindowSpatialAttention()
    ),
    "relation": Branch(0.4, 0.0, SliceRelation, MapRelation, WindowRelation),
}
