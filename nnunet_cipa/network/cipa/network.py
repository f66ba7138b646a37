"""CIPA, the whole network."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from nnunet_cipa.network.arguments import IMAGE_CHANNELS, choose
from nnunet_cipa.network.cipa.backbones import build_encoder
from nnunet_cipa.network.cipa.crm import CRM
from nnunet_cipa.network.cipa.dcim import DCIM
from nnunet_cipa.network.cipa.dcim_variants import DCIM_VARIANTS
from nnunet_cipa.network.cipa.decoder import CVSSDecoder
from nnunet_cipa.network.cipa.encoding import Encoder
from nnunet_cipa.network.cipa.fusion import Fusion
from nnunet_cipa.network.cipa.variants import Variant, get_variant
from nnunet_cipa.network.layers.basic import for_each_modality
from nnunet_cipa.network.layers.windows import split_windows
from nnunet_cipa.network.petct import PETCTNetwork
from nnunet_cipa.network.sim.arguments import STAGES, check_sim
from nnunet_cipa.network.sim.branches import BRANCHES
from nnunet_cipa.network.sim.sim import SIM, InputSIM
from nnunet_cipa.network.sim.stages import EncoderSIMs, FeatureSIMs


class CIPA(PETCTNetwork):
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
    backbone : str
        The encoder: "vmamba" as released, "resnet50", "swin_t" (one for CT and one for PET, with FRM and FFM of CMX) or
        "swin_t_shared"; the last three with variants "tiny" and "nano" alone.
    sim : None, "encoder", "input" or "features"
        The slice interaction module: none; on the encoder's feature maps, of which the slices are the input's channels;
        on the slices before the encoder; or on the features of slices that are encoded one by one, at each stage. A new
        one changes nothing: the layers before it carry the inverse of what it multiplies by.
    sim_branches : sequence of str
        Which of SIM's branches are switched on, of "channel", "spatial" and "relation".
    sim_learnable : bool
        Learn the weights of SIM's branches instead of keeping 0.3, 0.3 and 0.4.
    sim_stages : sequence of int
        The stages of the encoder that have a SIM, of 0 to 3, with ``sim="encoder"``.
    sim_shared : bool
        One SIM for both modalities instead of one for each, with ``sim="encoder"``.
    crm, dcim : bool
        Switches of the paper's ablation.
    region_size : int
        Side of DCIM's regions: 2, 4 or 8.
    dcim_variant : str
        What DCIM's region and local branches read: "pet_ct" as published, "pet_pet", "ct_ct", "ct_pet", or, with the
        scan of one branch alone, "local_ct", "region_pet".
    **more
        ``modalities``, ``offset`` and ``intensity_range`` of ``PETCTNetwork``.

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

    admitted_slices: ClassVar[tuple[int, ...]] = (1, 3, 5)
    encoder: Encoder

    def __init__(
        self,
        input_channels: int,
        num_classes: int,
        deep_supervision: bool = False,
        *,
        patch_size: Sequence[int],
        slices: int = 1,
        variant: str = "tiny",
        backbone: str = "vmamba",
        sim: str | None = None,
        crm: bool = True,
        dcim: bool = True,
        region_size: int = 4,
        dcim_variant: str = "pet_ct",
        sim_branches: Sequence[str] = tuple(BRANCHES),
        sim_learnable: bool = False,
        sim_stages: Sequence[int] = STAGES,
        sim_shared: bool = False,
        **more: Any,
    ) -> None:
        super().__init__(input_channels, num_classes, deep_supervision, patch_size=patch_size, slices=slices, **more)
        check_sim(sim, sim_branches, sim_learnable, sim_stages, sim_shared)
        sizes = get_variant(variant)
        in_channels = IMAGE_CHANNELS if sim == "features" else max(slices, IMAGE_CHANNELS)
        self.encoder = build_encoder(backbone, variant, in_channels)
        settings: dict[str, Any] = {"branches": sim_branches, "learnable": sim_learnable}
        self.sim = for_each_modality(partial(InputSIM, **settings), slices) if sim == "input" else None
        self.encoder_sims = EncoderSIMs(sizes.widths, sim_stages, sim_shared, **settings) if sim == "encoder" else None
        self.feature_sims = FeatureSIMs(slices, sizes.widths, **settings) if sim == "features" else None
        if not dcim and dcim_variant != "pet_ct":
            raise ValueError(f"dcim_variant is {dcim_variant!r}, and dcim is False; choose one of the two")
        exchange = (
            partial(DCIM, region_size=region_size, variant=choose("dcim_variant", dcim_variant, DCIM_VARIANTS))
            if dcim
            else None
        )
        self.fusions = nn.ModuleList(self._build_fusion(sizes, level, crm, exchange) for level in range(4))
        self.decoder = CVSSDecoder(sizes, num_classes)
        with torch.no_grad():
            for name, gain in self.initial_gains().items():
                self.get_parameter(name).div_(gain)

    def initial_gains(self) -> dict[str, float]:
        """Return the tensors before SIM, each with the factor that a new SIM multiplies what it makes by."""
        gain = next((module.initial_gain for module in self.modules() if isinstance(module, SIM)), 1.0)
        if self.sim is not None:
            return {f"encoder.{name}": gain for name in self.encoder.image_layers}
        levels = STAGES if self.feature_sims is not None else map(int, self.encoder_sims or ())
        return {f"encoder.{name}": gain for level in levels for name in self.encoder.output_tensors(level)}

    def slice_modules(self) -> list[nn.Module]:
        """Return SIM, wherever it is."""
        return [module for module in (self.sim, self.encoder_sims, self.feature_sims) if module is not None]

    def pretrained_name(self, name: str) -> str | None:
        """Return what a tensor is called in the ImageNet file of the backbone, if it has it; VMamba's is imported."""
        part, _, rest = name.partition(".")
        return self.encoder.pretrained_name(rest) if part == "encoder" else None

    @property
    def stacks_slices(self) -> bool:
        """Whether the slices are the channels of the encoder's input."""
        return self.slices > 1 and self.feature_sims is None

    def _build_fusion(self, sizes: Variant, level: int, crm: bool, dcim: Callable[..., DCIM] | None) -> Fusion:
        stride = 4 * 2**level
        positions = self.patch_size[0] // stride * (self.patch_size[1] // stride)
        return Fusion(
            CRM(positions, sizes.crm_width, sizes.d_state) if crm else None,
            None if dcim is None else dcim(sizes.widths[level], d_state=sizes.d_state),
            self.encoder.make_fusion(level),
        )

    def segment(self, x: Tensor) -> Tensor:
        """Map windows (B, 2 * slices, H, W) to logits (B, num_classes, H, W)."""
        if self.feature_sims is None:
            return self.decoder(self.fuse(self.encode(x)))
        planes, index = split_windows(x, self.slices)
        return self.segment_planes(planes, [index])

    def encode(self, x: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Encode CT and PET as one batch.

        Parameters
        ----------
        x : Tensor
            (B, 2 * slices, H, W), with SIM on input or encoder if there is one; (B, 2, H, W), each slice by itself, if
            SIM is on the features.

        Returns
        -------
        list of (Tensor, Tensor)
            CT and PET, each (B, H/s, W/s, C), at s = 4, 8, 16, 32.
        """
        images = self.intensities(x)
        if self.sim is not None:
            images = {name: self.sim[name](image) for name, image in images.items()}
        features = self.encoder.encode_both(images["CT"], images["PET"])
        return features if self.encoder_sims is None else self.encoder_sims(features)

    def encode_planes(self, planes: Tensor, at_once: int) -> list[tuple[Tensor, Tensor]]:
        """Encode planes (N, 2, H, W) a few at a time, to what ``encode`` gives for all of them."""
        encoded = [self.encode(some) for some in planes.split(at_once)]
        return [
            (torch.cat([ct for ct, _ in stage]), torch.cat([pet for _, pet in stage]))
            for stage in zip(*encoded, strict=True)
        ]

    def fuse(self, features: list[tuple[Tensor, Tensor]]) -> list[Tensor]:
        """Fuse CT and PET, each (B, H/s, W/s, C), to one feature of that shape at each stage."""
        return [fusion(ct, pet) for fusion, (ct, pet) in zip(self.fusions, features, strict=True)]

    def segment_planes(self, planes: Tensor, parts: Sequence[Tensor]) -> Tensor:
        """Segment as all networks do; with SIM on features encode each plane once, whatever windows it is in."""
        if self.feature_sims is None:
            return super().segment_planes(planes, parts)
        stages = self.encode_planes(planes, len(planes) if self.training else len(parts[0]))
        return torch.cat([self.decoder(self.fuse(self.feature_sims(stages, part))) for part in parts])

    def check_size(self, size: tuple[int, int]) -> None:
        """Refuse another size than ``patch_size`` while there is a CRM, whose layers have that size."""
        if self.fusions[0].crm is not None and size != self.patch_size:
            raise ValueError(f"the input is {size} and the network was built for patch_size {self.patch_size}")
        super().check_size(size)
