"""CIPA, the whole network."""

from collections.abc import Callable, Iterable, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from nnunet_cipa.network.arguments import MODALITIES, check_channels, check_patch_size, check_slices
from nnunet_cipa.network.crm import CRM
from nnunet_cipa.network.dcim import DCIM
from nnunet_cipa.network.decoder import CVSSDecoder
from nnunet_cipa.network.encoder import INPUT_CHANNELS, VMambaEncoder
from nnunet_cipa.network.feature_sim import FeatureSIM
from nnunet_cipa.network.fusion import Fusion
from nnunet_cipa.network.intensities import Intensities
from nnunet_cipa.network.precision import preferred_autocast
from nnunet_cipa.network.recomputing import Recomputing
from nnunet_cipa.network.sim import BRANCHES, InputSIM
from nnunet_cipa.network.variants import Variant, get_variant
from nnunet_cipa.network.windows import gather_windows, index_windows, split_windows

PIXELS_AT_ONCE = 2**20


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
        Neighbouring slices that the network reads: 1, 3 or 5. One slice is repeated for the three channels of the
        encoder, three are its channels, and for five its patch embedding has five.
    variant : str
        "tiny", "small", "base" or "nano".
    sim : None, "input" or "features"
        The slice interaction module: none; on the slices before the encoder; or on the features of slices that are
        encoded one by one, at each stage.
    sim_branches : sequence of str
        Which of SIM's branches are switched on, of "channel", "spatial" and "relation".
    sim_learnable : bool
        Learn the weights of SIM's branches instead of keeping 0.3, 0.3 and 0.4.
    crm, dcim : bool
        Switches of the paper's ablation.
    region_size : int
        Side of DCIM's regions: 2, 4 or 8.
    modalities : sequence of str
        Order of the input's channels, a permutation of ("CT", "PET").
    offset : sequence of float
        What is added to each channel of the input before anything else.
    intensity_range : None or sequence of (float, float)
        Lowest and highest value of each channel of the input; a prediction on values far outside warns once.

    Raises
    ------
    ValueError
        If an argument, or the shape of an input, is none that the network is defined for.

    Notes
    -----
    Source: arXiv 2503.17261 (CVPR 2025) and the released weights; where the two differ, the weights win. Slices and
    SIM: arXiv 2509.22841.

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
        sim_branches: Sequence[str] = BRANCHES,
        sim_learnable: bool = False,
        modalities: Sequence[str] = MODALITIES,
        offset: Sequence[float] = (0.0, 0.0),
        intensity_range: Sequence[Sequence[float]] | None = None,
    ) -> None:
        super().__init__()
        check_channels(input_channels, num_classes, deep_supervision, modalities)
        check_slices(slices, sim, sim_branches, sim_learnable)
        self.patch_size = check_patch_size(patch_size)
        self.slices = slices
        self.modalities = tuple(modalities)
        self.intensities = Intensities(modalities, offset, intensity_range)
        sizes = get_variant(variant)
        self.encoder = VMambaEncoder(sizes, INPUT_CHANNELS if sim == "features" else max(slices, INPUT_CHANNELS))
        self.sim = _for_each_modality(InputSIM, slices, sim_branches, sim_learnable) if sim == "input" else None
        self.feature_sims = (
            nn.ModuleList(
                _for_each_modality(FeatureSIM, slices, channels, sim_branches, sim_learnable)
                for channels in sizes.widths
            )
            if sim == "features"
            else None
        )
        self.fusions = nn.ModuleList(self._build_fusion(sizes, level, crm, dcim, region_size) for level in range(4))
        self.decoder = CVSSDecoder(sizes, num_classes)

    def _build_fusion(self, sizes: Variant, level: int, crm: bool, dcim: bool, region_size: int) -> Fusion:
        stride = 4 * 2**level
        positions = self.patch_size[0] // stride * (self.patch_size[1] // stride)
        return Fusion(
            CRM(positions, sizes.crm_width, sizes.d_state) if crm else None,
            DCIM(sizes.widths[level], region_size, sizes.d_state) if dcim else None,
        )

    def set_activation_checkpointing(self, enabled: bool) -> None:
        """Compute the VSS blocks and DCIM's scans again in the backward pass, or keep what they need for it.

        Off at first. Memory and time of training depend on it; weights, logits and gradients do not.
        """
        for module in self.modules():
            if isinstance(module, Recomputing):
                module.recompute = enabled

    def forward(self, x: Tensor) -> Tensor:
        """Compute logits.

        Parameters
        ----------
        x : Tensor
            (B, 2 * slices, H, W), modality by modality with the slices in order, or a stack (B, 2, D, H, W) of which
            every slice becomes a centre. Missing neighbours, beyond the stack or slices of zeros, are copies of the
            nearest slice.

        Returns
        -------
        Tensor
            (B, num_classes, H, W) or (B, num_classes, D, H, W).

        Raises
        ------
        ValueError
            If ``x`` has another shape, or another size than ``patch_size`` while there is a CRM; in evaluation, if it
            has values that are not finite.
        """
        self._check_input(x)
        if not self.training:
            self.intensities.check(x)
        with preferred_autocast(x.device):
            if x.ndim == 5:
                batch, _, depth = x.shape[:3]
                planes, index = index_windows(x, self.slices)
                index, place = index.unique(dim=0, return_inverse=True)
                return self._segment_planes(planes, index)[place].unflatten(0, (batch, depth)).transpose(1, 2)
            if self.slices == 1 and self.feature_sims is None:
                return self.decoder(self.fuse(self.encode(x)))
            return self._segment_planes(*split_windows(x, self.slices))

    def encode(self, x: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Encode CT and PET as one batch.

        Parameters
        ----------
        x : Tensor
            (B, 2 * slices, H, W), with SIM on the input if there is one; (B, 2, H, W), each slice by itself, if SIM is
            on the features.

        Returns
        -------
        list of (Tensor, Tensor)
            CT and PET, each (B, H/s, W/s, C), at s = 4, 8, 16, 32.
        """
        images = self.intensities(x)
        if self.sim is not None:
            images = {name: self.sim[name](image) for name, image in images.items()}
        pair = torch.cat([images[name] for name in MODALITIES])
        features = self.encoder(pair.repeat(1, self.encoder.in_channels // pair.shape[1], 1, 1))
        return [feature.chunk(2) for feature in features]

    def fuse(self, features: list[tuple[Tensor, Tensor]]) -> list[Tensor]:
        """Fuse CT and PET, each (B, H/s, W/s, C), to one feature of that shape at each stage."""
        return [fusion(ct, pet) for fusion, (ct, pet) in zip(self.fusions, features, strict=True)]

    def _segment_planes(self, planes: Tensor, index: Tensor) -> Tensor:
        """Segment the centres of the windows (B, S) of planes (N, 2, H, W): logits (B, num_classes, H, W).

        Outside training a few windows are done at a time, so that memory does not grow with their number.
        """
        at_once = len(index) if self.training else max(1, PIXELS_AT_ONCE // planes[0, 0].numel())
        parts = index.split(at_once)
        if self.feature_sims is None:
            return torch.cat([self.decoder(self.fuse(self.encode(gather_windows(planes, part)))) for part in parts])
        encoded = [self.encode(some) for some in planes.split(len(planes) if self.training else at_once)]
        stages = [tuple(torch.cat(parts) for parts in zip(*stage, strict=True)) for stage in zip(*encoded, strict=True)]
        return torch.cat([self.decoder(self.fuse(self._interact(stages, part))) for part in parts])

    def _interact(self, stages: list[tuple[Tensor, ...]], index: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Let the features of each window's slices interact, to those of its centre."""
        assert self.feature_sims is not None  # noqa: S101
        return [
            (sims["CT"](ct[index]), sims["PET"](pet[index]))
            for sims, (ct, pet) in zip(cast("Iterable[nn.ModuleDict]", self.feature_sims), stages, strict=True)
        ]

    def _check_input(self, x: Tensor) -> None:
        channels = {4: len(MODALITIES) * self.slices, 5: len(MODALITIES)}
        if x.ndim not in channels or x.shape[1] != channels[x.ndim]:
            of_each = f"{self.slices} slice(s) of {' and '.join(self.modalities)}"
            raise ValueError(
                f"the input has shape {tuple(x.shape)}; {of_each} are (B, {channels[4]}, H, W), or "
                f"(B, {channels[5]}, D, H, W) for a stack"
            )
        size = tuple(x.shape[-2:])
        if self.fusions[0].crm is not None and size != self.patch_size:
            raise ValueError(f"the input is {size} and the network was built for patch_size {self.patch_size}")
        check_patch_size(size)


def _for_each_modality(make: Callable[..., nn.Module], *arguments: object) -> nn.ModuleDict:
    return nn.ModuleDict({name: make(*arguments) for name in MODALITIES})
