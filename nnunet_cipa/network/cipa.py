"""CIPA, the whole network."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from nnunet_cipa.network.crm import CRM
from nnunet_cipa.network.dcim import DCIM
from nnunet_cipa.network.decoder import CVSSDecoder
from nnunet_cipa.network.encoder import INPUT_CHANNELS, VMambaEncoder
from nnunet_cipa.network.fusion import Fusion
from nnunet_cipa.network.precision import preferred_autocast
from nnunet_cipa.network.variants import Variant, get_variant
from nnunet_cipa.network.windows import slice_windows

STRIDE = 32
MODALITIES = ("CT", "PET")


class CIPA(nn.Module):
    """Cross-modal interactive perception network with Mamba for PET/CT.

    Parameters
    ----------
    input_channels : int
        Number of modalities; has to be 2.
    num_classes : int
        Output channels.
    deep_supervision : bool
        Has to be False: CIPA has one output. The argument is there because nnU-Net passes it.
    patch_size : (int, int)
        (H, W) in pixels, multiples of 32. CRM's first layers have its size.
    slices : int
        Neighbouring slices that the network reads: 1 or 3.
    variant : str
        "tiny", "small", "base" or "nano".
    sim : None
        The slice interaction module; not part of this version.
    crm, dcim : bool
        Switches of the paper's ablation.
    region_size : int
        Side of DCIM's regions: 2, 4 or 8.
    modalities : sequence of str
        Order of the input's channels, a permutation of ("CT", "PET").

    Raises
    ------
    ValueError
        If an argument, or the shape of an input, is none that the network is defined for.

    Notes
    -----
    Source: arXiv 2503.17261 (CVPR 2025) and the released weights; where the two differ, the weights win.

    Examples
    --------
    >>> import torch
    >>> network = CIPA(2, 2, patch_size=(64, 64), variant="nano").eval()
    >>> network(torch.zeros(1, 2, 64, 64)).shape
    torch.Size([1, 2, 64, 64])
    """

    def __init__(
        self,
        input_channels: int,
        num_classes: int,
        deep_supervision: bool = False,
        *,
        patch_size: Sequence[int],
        slices: int = 1,
        variant: str = "tiny",
        sim: str | None = None,
        crm: bool = True,
        dcim: bool = True,
        region_size: int = 4,
        modalities: Sequence[str] = MODALITIES,
    ) -> None:
        super().__init__()
        _check_arguments(input_channels, num_classes, deep_supervision, slices, sim, modalities)
        self.patch_size = _check_patch_size(patch_size)
        self.slices = slices
        self.modalities = tuple(modalities)
        sizes = get_variant(variant)
        self.encoder = VMambaEncoder(sizes)
        self.fusions = nn.ModuleList(self._build_fusion(sizes, level, crm, dcim, region_size) for level in range(4))
        self.decoder = CVSSDecoder(sizes, num_classes)

    def _build_fusion(self, sizes: Variant, level: int, crm: bool, dcim: bool, region_size: int) -> Fusion:
        stride = 4 * 2**level
        positions = self.patch_size[0] // stride * (self.patch_size[1] // stride)
        return Fusion(
            CRM(positions, sizes.crm_width, sizes.d_state) if crm else None,
            DCIM(sizes.widths[level], region_size, sizes.d_state) if dcim else None,
        )

    def forward(self, x: Tensor) -> Tensor:
        """Compute logits.

        Parameters
        ----------
        x : Tensor
            (B, 2 * slices, H, W), modality by modality with the slices in order, or a stack (B, 2, D, H, W) of which
            every slice becomes a centre, missing neighbours zero.

        Returns
        -------
        Tensor
            (B, num_classes, H, W) or (B, num_classes, D, H, W).

        Raises
        ------
        ValueError
            If ``x`` has another shape, or another size than ``patch_size`` while there is a CRM.
        """
        self._check_input(x)
        if x.ndim == 5:
            batch, _, depth = x.shape[:3]
            logits = self.forward(slice_windows(x, self.slices))
            return logits.unflatten(0, (batch, depth)).transpose(1, 2)
        with preferred_autocast(x.device):
            return self.decoder(self.fuse(*self.split_modalities(x)))

    def split_modalities(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Split (B, 2 * slices, H, W) into CT and PET images of the encoder's three channels, each (B, 3, H, W)."""
        groups = dict(zip(self.modalities, x.chunk(len(MODALITIES), dim=1), strict=True))
        ct, pet = (groups[name].repeat(1, INPUT_CHANNELS // self.slices, 1, 1) for name in MODALITIES)
        return ct, pet

    def fuse(self, ct: Tensor, pet: Tensor) -> list[Tensor]:
        """Encode both images as one batch and fuse them at each stage.

        Parameters
        ----------
        ct, pet : Tensor
            (B, 3, H, W).

        Returns
        -------
        list of Tensor
            (B, H/s, W/s, C) at s = 4, 8, 16, 32.
        """
        features = self.encoder(torch.cat((ct, pet)))
        return [fusion(*feature.chunk(2)) for fusion, feature in zip(self.fusions, features, strict=True)]

    def _check_input(self, x: Tensor) -> None:
        channels = {4: len(MODALITIES) * self.slices, 5: len(MODALITIES)}
        if x.ndim not in channels or x.shape[1] != channels[x.ndim]:
            raise ValueError(
                f"the input has shape {tuple(x.shape)}; {self.slices} slice(s) of {' and '.join(self.modalities)} are "
                f"(B, {channels[4]}, H, W), or (B, {channels[5]}, D, H, W) for a stack"
            )
        size = tuple(x.shape[-2:])
        if self.fusions[0].crm is not None and size != self.patch_size:
            raise ValueError(f"the input is {size} and the network was built for patch_size {self.patch_size}")
        _check_patch_size(size)


def _check_patch_size(patch_size: Sequence[int]) -> tuple[int, int]:
    if len(patch_size) != 2 or any(side < STRIDE or side % STRIDE for side in patch_size):
        raise ValueError(f"patch_size {tuple(patch_size)} must be (H, W), each a positive multiple of {STRIDE}")
    return int(patch_size[0]), int(patch_size[1])


def _check_arguments(
    input_channels: int,
    num_classes: int,
    deep_supervision: bool,
    slices: int,
    sim: str | None,
    modalities: Sequence[str],
) -> None:
    if input_channels != len(MODALITIES):
        raise ValueError(f"CIPA reads CT and PET, so input_channels is {len(MODALITIES)}, not {input_channels}")
    if num_classes < 1:
        raise ValueError(f"num_classes is {num_classes}; it has to be at least 1")
    if deep_supervision:
        raise ValueError("CIPA has one output and no deep supervision; use a trainer of nnunet_cipa")
    if slices not in (1, INPUT_CHANNELS):
        raise ValueError(f"slices is {slices}; choose 1 or {INPUT_CHANNELS}")
    if sim is not None:
        raise ValueError(f"sim is {sim!r}; this version has no slice interaction module, so it has to be None")
    if sorted(modalities) != sorted(MODALITIES):
        raise ValueError(f"modalities {tuple(modalities)} must be CT and PET, in the order of the input's channels")
