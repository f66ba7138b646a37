"""DCIM, the dynamic cross-modality interaction module: PET regions guide CT details."""

import torch.nn.functional as F
from torch import Tensor, nn

from nnunet_cipa.network.cipa.dcim_variants import DCIM_VARIANTS, DCIMVariant
from nnunet_cipa.network.layers.basic import ChannelsLast, conv_bn_relu
from nnunet_cipa.network.layers.recomputing import Recomputing
from nnunet_cipa.network.layers.ss2d import SS2D

REGION_SIZES = (2, 4, 8)


def pet_stem(channels: int, region_size: int) -> ChannelsLast:
    """Reduce PET to one token a region, by as many stride-2 convolutions as the region size asks for.

    Only the stem for 4 x 4 is published. Those for 2 x 2 and 8 x 8 drop and repeat a stride-2 convolution; with them
    the parameter counts are those of the paper's table 5 (54.92 and 54.82 million).
    """
    c16, c8, c4 = channels // 16, channels // 8, channels // 4
    layers = {
        2: [(channels, c8, 1), (c8, c4, 2)],
        4: [(channels, c16, 1), (c16, c8, 2), (c8, c4, 2)],
        8: [(channels, c16, 1), (c16, c8, 2), (c8, c8, 2), (c8, c4, 2)],
    }[region_size]
    return ChannelsLast(*(m for layer in [*layers, (c4, channels, 1)] for m in conv_bn_relu(*layer)))


class DCIM(Recomputing):
    """Dynamic cross-modality interaction: scans CT inside regions and PET over regions, and adds the two.

    Parameters
    ----------
    channels : int
        C of both features.
    region_size : int
        Side r of a region in pixels of the feature map: 2, 4 or 8.
    d_state : int
        States of the scans.
    variant : DCIMVariant
        The modality of each branch, and which of them scan.

    Raises
    ------
    ValueError
        If ``region_size`` is another.

    Notes
    -----
    Source: arXiv 2503.17261, section 3.3. The local block's LayerNorm runs over a whole region's r * r * C values, as
    in the released network. ``ct_stem`` and ``pet_stem`` are named after what the paper's module has in the local and
    in the region branch, whatever a variant sends there.
    """

    def __init__(
        self, channels: int, region_size: int, d_state: int, variant: DCIMVariant = DCIM_VARIANTS["pet_ct"]
    ) -> None:
        super().__init__()
        if region_size not in REGION_SIZES:
            raise ValueError(f"region_size is {region_size}; choose one of {', '.join(map(str, REGION_SIZES))}")
        self.region_size = region_size
        self.variant = variant
        self.ct_stem = ChannelsLast(*conv_bn_relu(channels, channels // 4), *conv_bn_relu(channels // 4, channels))
        self.pet_stem = pet_stem(channels, region_size)
        if variant.scans_windows:
            self.local_norm = nn.LayerNorm(region_size**2 * channels)
            self.local_scan = SS2D(channels, d_state)
        if variant.scans_regions:
            self.region_norm = nn.LayerNorm(channels)
            self.region_scan = SS2D(channels, d_state)

    def forward(self, ct: Tensor, pet: Tensor) -> Tensor:
        """Map two features (B, H, W, C) of any H and W to one; sides are padded with zeros to whole regions."""
        height, width = ct.shape[1:3]
        padding = (0, 0, 0, -width % self.region_size, 0, -height % self.region_size)
        pair = {"CT": F.pad(ct, padding), "PET": F.pad(pet, padding)}
        local = pair[self.variant.local]
        regions = self.pet_stem(pair[self.variant.region])
        windows = self._to_windows(self.ct_stem(local))
        if self.variant.scans_regions:
            regions = self.run(self._scan_regions, regions)
        if self.variant.scans_windows:
            windows = self.run(self._scan_windows, windows)
        windows = windows + regions.reshape(-1, 1, 1, regions.shape[-1])
        return self._from_windows(windows, local)[:, :height, :width]

    def _scan_regions(self, regions: Tensor) -> Tensor:
        return regions + self.region_scan(self.region_norm(regions))

    def _scan_windows(self, windows: Tensor) -> Tensor:
        return windows + self.local_scan(self.local_norm(windows.flatten(1)).view(windows.shape))

    def _to_windows(self, x: Tensor) -> Tensor:
        """(B, H, W, C) to (B * H/r * W/r, r, r, C)."""
        batch, height, width, channels = x.shape
        r = self.region_size
        cells = x.reshape(batch, height // r, r, width // r, r, channels)
        return cells.transpose(2, 3).reshape(-1, r, r, channels)

    def _from_windows(self, windows: Tensor, like: Tensor) -> Tensor:
        """Put windows back in place, into the shape of ``like``."""
        batch, height, width, channels = like.shape
        r = self.region_size
        cells = windows.reshape(batch, height // r, width // r, r, r, channels)
        return cells.transpose(2, 3).reshape(like.shape)
