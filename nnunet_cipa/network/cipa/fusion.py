"""Fusion of CT and PET to one feature at each stage."""

from torch import Tensor, nn

from nnunet_cipa.network.cipa.crm import CRM
from nnunet_cipa.network.cipa.dcim import DCIM


class Fusion(nn.Module):
    """CT + PET + DCIM(rectified CT, rectified PET), with the features before rectification in the sum.

    Parameters
    ----------
    crm : CRM or None
        Rectification; without it the features go into DCIM as they are.
    dcim : DCIM or None
        Interaction; without it the fused feature is the sum of the rectified features.
    further : nn.Module or None
        A fusion (B, C, H, W) of what the encoder makes, which is added.

    Notes
    -----
    Source: arXiv 2503.17261, figure 4 and table 4. The released network adds the features before rectification, not the
    rectified ones. What the paper's ablation without DCIM adds is not published; were it the features before
    rectification, CRM would have no effect at all.
    """

    def __init__(self, crm: CRM | None, dcim: DCIM | None, further: nn.Module | None = None) -> None:
        super().__init__()
        self.crm = crm
        self.dcim = dcim
        self.further = further

    def forward(self, ct: Tensor, pet: Tensor) -> Tensor:
        """Fuse two features (B, H, W, C) to one of that shape."""
        rectified = (ct, pet) if self.crm is None else self.crm(ct, pet)
        fused = rectified[0] + rectified[1] if self.dcim is None else ct + pet + self.dcim(*rectified)
        if self.further is None:
            return fused
        return fused + self.further(ct.permute(0, 3, 1, 2), pet.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
