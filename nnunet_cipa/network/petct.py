"""Base class of the networks: slices of CT and PET in, with or without neighbours, one map of logits out."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from nnunet_cipa.network.arguments import MODALITIES, check_network_channels, check_patch_size, check_slices
from nnunet_cipa.network.layers.intensities import Intensities
from nnunet_cipa.network.layers.precision import predicts_in_bfloat16, preferred_autocast
from nnunet_cipa.network.layers.recomputing import Recomputing
from nnunet_cipa.network.layers.windows import gather_windows, index_windows, split_windows

PIXELS_AT_ONCE = 2**20


class PETCTNetwork(nn.Module, ABC):
    """A network that segments slices of CT and PET, by themselves or with their neighbours.

    A subclass has an ``encoder`` and the method ``segment``, and takes further arguments after ``patch_size``.

    Parameters
    ----------
    input_channels : int
        Number of modalities; has to be 2.
    num_classes : int
        Output channels.
    deep_supervision : bool
        Has to be False: there is one output. The argument is there because nnU-Net passes it.
    patch_size : (int, int)
        (H, W) in pixels, multiples of ``stride``.
    slices : int
        Neighbouring slices that the network reads, one of ``admitted_slices``.
    modalities : sequence of str
        Order of the input's channels, a permutation of ("CT", "PET").
    offset : sequence of float
        What is added to each channel of the input before anything else.
    intensity_range : None or sequence of (float, float)
        Lowest and highest value of each channel of the input; a prediction on values far outside warns once.

    Attributes
    ----------
    stride : int
        Sides of a patch are multiples of it.
    admitted_slices : tuple of int
        The numbers of slices that the network can read.
    head : str
        Name of the layer whose tensors have the classes as their first axis.
    keeps_corners : bool
        Whether ``position_grid``'s tensors are resampled with the corners' values in place, as the original's are.
    reads_windows : bool
        Whether the logits of a slice in a stack depend on nothing but the window of ``slices`` round it.
    reads_spacing : bool
        Whether the distance of slices in mm is an argument, ``spacing_z``, which a trainer takes from the plans.
    encoder : nn.Module
        What pre-trained weights are loaded into, and what a trainer can freeze or train at another rate.

    Raises
    ------
    ValueError
        If an argument, or the shape of an input, is none that the network is defined for.
    """

    stride: ClassVar[int] = 32
    admitted_slices: ClassVar[tuple[int, ...]] = (1, 3)
    head: ClassVar[str] = "decoder.head"
    keeps_corners: ClassVar[bool] = False
    reads_windows: ClassVar[bool] = True
    reads_spacing: ClassVar[bool] = False
    encoder: nn.Module

    def __init__(
        self,
        input_channels: int,
        num_classes: int,
        deep_supervision: bool = False,
        *,
        patch_size: Sequence[int],
        slices: int = 1,
        modalities: Sequence[str] = MODALITIES,
        offset: Sequence[float] = (0.0, 0.0),
        intensity_range: Sequence[Sequence[float]] | None = None,
    ) -> None:
        super().__init__()
        check_network_channels(type(self).__name__, input_channels, num_classes, deep_supervision, modalities)
        self.patch_size = check_patch_size(patch_size, self.stride)
        self.slices = check_slices(slices, self.admitted_slices)
        self.modalities = tuple(modalities)
        self.intensities = Intensities(modalities, offset, intensity_range)

    @classmethod
    def admit(cls, patch_size: Sequence[int]) -> list[int]:
        """Return the smallest (H, W) of at least that size that the network takes."""
        return [-(-int(side) // cls.stride) * cls.stride for side in patch_size]

    def head_tensors(self) -> dict[str, Tensor]:
        """Return name -> tensor of the head, whose first axis are the classes."""
        return {name: tensor for name, tensor in self.state_dict().items() if name.startswith(f"{self.head}.")}

    def initial_gains(self) -> dict[str, float]:
        """Return tensors that carry the inverse of what new layers after them multiply by, each with that factor."""
        return {}

    def slice_modules(self) -> list[nn.Module]:
        """Return the modules that join neighbouring slices, which what is pre-trained on single slices has not."""
        return []

    def pretrained_name(self, name: str) -> str | None:  # noqa: ARG002
        """Return what a tensor is called in the file, of elsewhere, that the encoder starts from, if it has it."""
        return None

    def position_grid(self, name: str, patch_size: tuple[int, int]) -> tuple[int, int] | None:  # noqa: ARG002
        """Return (rows, columns) of the grid that the second last axis of a tensor runs over, row by row.

        A network of another patch size has its tensor resampled. None for a tensor without such an axis.
        """
        return None

    @property
    def stacks_slices(self) -> bool:
        """Whether the slices are the channels of the encoder's input."""
        return self.slices > 1

    @property
    def image_slices(self) -> int:
        """The slices that are the channels of the encoder's input, where it ``stacks_slices``."""
        return self.slices

    @abstractmethod
    def segment(self, x: Tensor) -> Tensor:
        """Map windows (B, 2 * slices, H, W), as ``forward`` takes them, to logits (B, num_classes, H, W).

        ``self.intensities(x)`` takes them apart into {"CT": (B, slices, H, W), "PET": (B, slices, H, W)}.
        """

    def set_activation_checkpointing(self, enabled: bool) -> None:
        """Compute what is ``Recomputing`` again in the backward pass, or keep what it needs for that.

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
            If ``x`` has a shape that the network does not take; in evaluation, if it has values that are not finite.
        """
        self._check_shape(x)
        self.check_size((x.shape[-2], x.shape[-1]))
        if not self.training:
            self.intensities.check(x)
        if not self.training and predicts_in_bfloat16(x.device):
            with torch.autocast("cpu", torch.bfloat16):
                return self._segment_any(x).float()
        with preferred_autocast(x.device):
            return self._segment_any(x)

    def planes_at_once(self, planes: Tensor) -> int:
        """Return how many planes to compute at a time: outside training few, so that memory does not grow with them."""
        return len(planes) if self.training else max(1, PIXELS_AT_ONCE // planes[0, 0].numel())

    def check_size(self, size: tuple[int, int]) -> None:
        """Refuse an input of a size (H, W) that the network cannot take.

        Raises
        ------
        ValueError
            With the size.
        """
        check_patch_size(size, self.stride)

    def segment_stacks(self, stacks: Tensor) -> Tensor:
        """Map stacks (B, 2, D, H, W) to logits (B, num_classes, D, H, W), every slice as the centre of a window."""
        batch, _, depth = stacks.shape[:3]
        planes, index = index_windows(stacks, self.slices)
        index, place = index.unique(dim=0, return_inverse=True)
        return self._segment_windows(planes, index)[place].unflatten(0, (batch, depth)).transpose(1, 2)

    def segment_planes(self, planes: Tensor, parts: Sequence[Tensor]) -> Tensor:
        """Segment the centres of windows (B, S) of planes (N, 2, H, W), part by part: logits (B, num_classes, H, W)."""
        return torch.cat([self.segment(gather_windows(planes, part)) for part in parts])

    def _segment_any(self, x: Tensor) -> Tensor:
        if x.ndim == 5:
            return self.segment_stacks(x)
        if self.slices == 1:
            return self.segment(x)
        return self._segment_windows(*split_windows(x, self.slices))

    def _segment_windows(self, planes: Tensor, index: Tensor) -> Tensor:
        return self.segment_planes(planes, index.split(self.planes_at_once(planes)))

    def _check_shape(self, x: Tensor) -> None:
        channels = {4: len(MODALITIES) * self.slices, 5: len(MODALITIES)}
        if x.ndim not in channels or x.shape[1] != channels[x.ndim]:
            of_each = f"{self.slices} slice(s) of {' and '.join(self.modalities)}"
            raise ValueError(
                f"the input has shape {tuple(x.shape)}; {of_each} are (B, {channels[4]}, H, W), or "
                f"(B, {channels[5]}, D, H, W) for a stack"
            )


def reach(network: nn.Module) -> int:
    """Return how many neighbours on each side a slice of a stack depends on; 0 if it depends on more than a window."""
    if isinstance(network, PETCTNetwork) and network.reads_windows:
        return network.slices // 2
    return 0
