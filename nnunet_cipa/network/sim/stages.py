"""SIM at the stages of the encoder: on the feature maps of both modalities, or on those of a window's slices."""

from collections.abc import Iterable, Sequence
from typing import Any, cast

from torch import Tensor, nn

from nnunet_cipa.network.arguments import MODALITIES
from nnunet_cipa.network.layers.basic import for_each_modality
from nnunet_cipa.network.sim.sim import EncoderSIM, FeatureSIM

_BOTH = "both"
_Pairs = list[tuple[Tensor, Tensor]]


class EncoderSIMs(nn.ModuleDict):
    """``EncoderSIM`` of CT and PET at some stages, under the numbers of the stages.

    Parameters
    ----------
    widths : sequence of int
        Channels of all stages.
    stages : iterable of int
        Those that have a SIM.
    shared : bool
        One for both modalities instead of one for each.
    **settings
        ``branches`` and ``learnable`` of ``EncoderSIM``.
    """

    def __init__(self, widths: Sequence[int], stages: Iterable[int], shared: bool, **settings: Any) -> None:
        def make(channels: int) -> EncoderSIM:
            return EncoderSIM(channels, **settings)

        super().__init__(
            {
                str(level): nn.ModuleDict({_BOTH: make(widths[level])})
                if shared
                else for_each_modality(make, widths[level])
                for level in sorted(stages)
            }
        )

    def forward(self, features: _Pairs) -> _Pairs:
        """Map CT and PET (B, H, W, C) of all stages to the same shapes; stages without a SIM stay as they are."""
        return [self._refine(level, *pair) for level, pair in enumerate(features)]

    def _refine(self, level: int, ct: Tensor, pet: Tensor) -> tuple[Tensor, Tensor]:
        if str(level) not in self:
            return ct, pet
        sims = cast("nn.ModuleDict", self[str(level)])
        ct_sim, pet_sim = (sims[name if name in sims else _BOTH] for name in MODALITIES)
        return ct_sim(ct), pet_sim(pet)


class FeatureSIMs(nn.ModuleList):
    """``FeatureSIM`` of CT and PET at every stage.

    Parameters
    ----------
    slices : int
        S.
    widths : sequence of int
        Channels of the stages.
    **settings
        ``branches`` and ``learnable`` of ``FeatureSIM``.
    """

    def __init__(self, slices: int, widths: Sequence[int], **settings: Any) -> None:
        super().__init__(
            for_each_modality(lambda channels: FeatureSIM(slices, channels, **settings), channels)
            for channels in widths
        )

    def forward(self, stages: Iterable[Sequence[Tensor]], index: Tensor) -> _Pairs:
        """Map features (N, H, W, C) of slices to those of the centres of windows, whose slices are ``index`` (B, S)."""
        return [
            (sims["CT"](ct[index]), sims["PET"](pet[index]))
            for sims, (ct, pet) in zip(cast("Iterable[nn.ModuleDict]", self), stages, strict=True)
        ]
