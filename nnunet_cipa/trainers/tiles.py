"""nnU-Net's sliding window in fewer passes of the network: no slice twice, and several slices at a time on a GPU."""

import itertools
from collections.abc import Iterable, Iterator, Sequence

import torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.inference.sliding_window_prediction import compute_gaussian
from torch import Tensor, nn
from torch._dynamo import OptimizedModule
from tqdm import tqdm

from nnunet_cipa.network import petct

# Of a tile in (channels, z, y, x); a plane has a number in the place of the first slice.
_Slicer = tuple[slice, slice | int, slice, slice]


class TilePredictor(nnUNetPredictor):
    """Predicts what nnU-Net's predictor does, on a CPU but for the rounding of a slice by its place in a batch.

    Tiles overlap along the slices too. A network on windows of neighbours gives a slice the same logits in each tile
    that holds its window, so they are kept from one tile to the next. What is computed is computed in the batches that
    it has in a whole tile, as batches of another length are rounded otherwise; a slice that is kept had another place
    in its batch, which some processors' BLAS rounds otherwise too. Cases with slices of zeros, which the networks take
    out of the batches, and other networks are predicted by nnU-Net's own loop.

    On a GPU a two-dimensional configuration is predicted several slices at a time.
    """

    @property
    def plain_network(self) -> nn.Module:
        """The network as it was before torch compiled it."""
        network = self.network
        if isinstance(network, OptimizedModule):
            network = network._orig_mod  # noqa: SLF001 - where torch keeps what it has compiled
        return network

    def _internal_predict_sliding_window_return_logits(
        self, data: Tensor, slicers: Sequence[_Slicer], do_on_device: bool = True
    ) -> Tensor:
        """Predict tiles, and average them where they overlap as nnU-Net does."""
        data = data.to(self.device if do_on_device else "cpu")
        if len(self.configuration_manager.patch_size) == 2:
            if self.device.type == "cuda":
                return self._average(data, self._planes(data, slicers), len(slicers))
        elif self._shares_slices(data):
            return self._average(data, self._stacks(data, slicers), len(slicers))
        logits: Tensor = super()._internal_predict_sliding_window_return_logits(data, slicers, do_on_device)
        return logits

    def _shares_slices(self, data: Tensor) -> bool:
        return petct.reach(self.plain_network) > 0 and all(bool(plane.any()) for plane in data.unbind(1))

    def _at_once(self) -> int:
        """Return how many slices are a batch; the networks on windows take as many of a tile."""
        height, width = self.configuration_manager.patch_size[-2:]
        return max(1, petct.PIXELS_AT_ONCE // (height * width))

    def _average(self, data: Tensor, predicted: Iterable[tuple[_Slicer, Tensor]], count: int) -> Tensor:
        """Average tiles by nnU-Net's weights, and in its order of sums in 16 bits."""
        tile = tuple(self.configuration_manager.patch_size)
        weight = torch.ones(tile, dtype=torch.half, device=data.device)
        if self.use_gaussian:
            weight = compute_gaussian(tile, sigma_scale=1 / 8, value_scaling_factor=10, device=data.device)
        heads = self.label_manager.num_segmentation_heads
        logits = torch.zeros((heads, *data.shape[1:]), dtype=torch.half, device=data.device)
        total = torch.zeros(data.shape[1:], dtype=torch.half, device=data.device)
        for slicer, found in tqdm(predicted, total=count, disable=not self.allow_tqdm):
            logits[slicer] += found.mul_(weight)
            total[slicer[1:]] += weight
        torch.div(logits, total, out=logits)
        if torch.isinf(logits).any():
            raise RuntimeError("the network's logits are too large for nnU-Net's sums in 16 bits; check its weights")
        return logits

    def _planes(self, data: Tensor, slicers: Sequence[_Slicer]) -> Iterator[tuple[_Slicer, Tensor]]:
        for first in range(0, len(slicers), self._at_once()):
            batch = slicers[first : first + self._at_once()]
            found = self._predict(torch.stack([data[slicer] for slicer in batch])).to(data.device)
            yield from zip(batch, found, strict=True)

    def _stacks(self, data: Tensor, slicers: Sequence[_Slicer]) -> Iterator[tuple[_Slicer, Tensor]]:
        """Predict tiles (z, y, x) in nnU-Net's order, from the first slice on."""
        starts = sorted({_along(slicer).start for slicer in slicers})
        following = dict(itertools.pairwise(starts))
        kept: dict[tuple[int, int], Tensor] = {}
        for slicer in slicers:
            start, place = _along(slicer).start, (slicer[2].start, slicer[3].start)
            found = self._stack(data[slicer], kept.pop(place, None)).to(data.device)
            if start in following:
                kept[place] = self._shared(found, following[start] - start)
            yield slicer, found

    def _margin(self) -> int:
        """Return the slices of so many whole batches that a window is not wider than they are on one side."""
        batch = self._at_once()
        return -(-petct.reach(self.plain_network) // batch) * batch

    def _shared(self, found: Tensor, first: int) -> Tensor:
        """Return of a tile's logits (classes, slices, H, W) what the next tile, from ``first`` on, may have too."""
        batch = self._at_once()
        whole = found.shape[1] // batch * batch - petct.reach(self.plain_network)
        return found[:, first : max(first, whole)].clone()

    def _stack(self, tile: Tensor, kept: Tensor | None) -> Tensor:
        """Predict a tile (channels, slices, H, W), of whose logits the first are known but for the margin."""
        batch, margin = self._at_once(), self._margin()
        known = 0 if kept is None else kept.shape[1] // batch * batch
        if kept is None or known <= 3 * margin:  # as many slices are computed as are saved
            return self._predict(tile[None])[0]
        head = self._predict(tile[None, :, : 2 * margin])[0, :, :margin]
        tail = self._predict(tile[None, :, known - margin :])[0, :, margin:]
        return torch.cat((head, kept[:, margin:known].to(head.device), tail), dim=1)

    def _predict(self, tiles: Tensor) -> Tensor:
        """Return the mean of the mirrored passes."""
        logits: Tensor = self._internal_maybe_mirror_and_predict(tiles.contiguous().to(self.device))
        return logits


def _along(slicer: _Slicer) -> slice:
    assert isinstance(slicer[1], slice)  # noqa: S101 - that of a stack
    return slicer[1]
