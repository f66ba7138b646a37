"""CRM, the channel-wise rectification module."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nnunet_cipa.network.layers.recomputing import keep_inputs
from nnunet_cipa.network.layers.ss2d import SS1D


class CRM(nn.Module):
    """Channel-wise rectification: the channel maps of CT and PET are tokens of one scan, which weighs each channel.

    Parameters
    ----------
    positions : int
        H * W of the feature maps; it is fixed, as the first layers mix all positions of a map.
    width : int
        Width of a token after embedding.
    d_state : int
        States of the scan.

    Notes
    -----
    Source: arXiv 2503.17261, section 3.2. The released network returns x + w * x where the paper writes w * x; this
    follows the released network.
    """

    def __init__(self, positions: int, width: int, d_state: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(positions)
        self.embed = nn.Linear(positions, width)
        self.ss1d = SS1D(width, d_state)
        self.out_norm = nn.LayerNorm(width)
        self.score = nn.Linear(width, 1)

    def forward(self, ct: Tensor, pet: Tensor) -> tuple[Tensor, Tensor]:
        """Rectify both features, each (B, H, W, C)."""
        tokens = F.gelu(keep_inputs(self._embed, ct, pet))
        weights = self.score(self.out_norm(self.ss1d(tokens))).sigmoid()
        ct_weight, pet_weight = weights.squeeze(-1)[:, None, None].chunk(2, dim=-1)
        return ct + ct_weight * ct, pet + pet_weight * pet

    def _embed(self, ct: Tensor, pet: Tensor) -> Tensor:
        maps = torch.cat((ct, pet), dim=-1).flatten(1, 2).transpose(1, 2)
        return self.embed(self.norm(maps))
