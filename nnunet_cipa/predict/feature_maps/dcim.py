"""Features of DCIM's branches, as hooks see them while the network computes them."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from nnunet_cipa.network.cipa.dcim import DCIM


class Watched:
    """The features of one DCIM in the last pass of an image.

    Attributes
    ----------
    names : tuple of str
        Of the maps.
    """

    def __init__(self, dcim: DCIM) -> None:
        self.names = (f"region branch ({dcim.variant.region})", f"local branch ({dcim.variant.local})", "fused")
        self._seen: dict[str, Tensor] = {}
        # A branch is what its stem gives and, where it scans, what the scan adds to that
        parts = {"pet_stem", "region_scan", "ct_stem", "local_scan"}
        watched = {name: module for name, module in dcim.named_children() if name in parts} | {"fused": dcim}
        self._handles = [module.register_forward_hook(self._keep(name)) for name, module in watched.items()]

    def remove(self) -> None:
        """Take the hooks away."""
        for handle in self._handles:
            handle.remove()

    def maps(self) -> Tensor:
        """Return the mean over channels of the features' absolute values, (map, H, W) in the order of ``names``.

        A region's value is that of all its pixels. What was padded to whole regions is left out.
        """
        region, local, fused = self._seen["pet_stem"], self._seen["ct_stem"], self._seen["fused"]
        if "region_scan" in self._seen:
            region = region + self._seen["region_scan"]
        if "local_scan" in self._seen:
            windows = self._seen["local_scan"].unflatten(0, region.shape[1:3])
            local = local + windows.transpose(1, 2).reshape(local.shape)
        side = local.shape[1] // region.shape[1]
        strengths = [features[0].float().abs().mean(-1) for features in (region, local, fused)]
        strengths[0] = strengths[0].repeat_interleave(side, 0).repeat_interleave(side, 1)
        height, width = fused.shape[1:3]
        return torch.stack([one[:height, :width] for one in strengths])

    def _keep(self, name: str) -> Callable[[nn.Module, Any, Tensor], None]:
        def keep(_: nn.Module, __: Any, output: Tensor) -> None:
            self._seen[name] = output

        return keep


@contextlib.contextmanager
def watched(network: nn.Module) -> Iterator[list[Watched]]:
    """Watch each DCIM of a network, stage by stage, until the block ends."""
    found = [Watched(module) for module in network.modules() if isinstance(module, DCIM)]
    try:
        yield found
    finally:
        for one in found:
            one.remove()
