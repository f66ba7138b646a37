"""CIPA whose slices are joined by scans along z."""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn

from nnunet_cipa.network.arguments import check_spacing
from nnunet_cipa.network.cipa.network import CIPA
from nnunet_cipa.network.cipa.variants import get_variant
from nnunet_cipa.network.layers.basic import for_each_modality
from nnunet_cipa.network.layers.windows import index_windows, locate_slices
from nnunet_cipa.network.stack.scan import StackScan

_Stages = list[tuple[Tensor, Tensor]]


class CIPAStack(CIPA):
    """CIPA on a stack of any number of slices, of which each is encoded once.

    At every stage ``StackScan`` joins the features of the stack's slices, for CT and for PET, before they are fused and
    decoded slice by slice. A new network gives the logits of CIPA on single slices, to the last bit, and has all its
    tensors under their names. Slices of zeros, nnU-Net's padding, are not part of a stack; where one is missing between
    others, the distance of these is that much larger.

    Parameters
    ----------
    input_channels, num_classes, deep_supervision, patch_size
        As in ``CIPA``.
    spacing_z : float
        Distance of neighbouring slices in mm.
    variant : str
        As in ``CIPA``.
    **more
        The other arguments of ``CIPA`` but for ``slices`` and what belongs to SIM.

    Raises
    ------
    ValueError
        If an argument, or the shape of an input, is none that the network is defined for.

    Examples
    --------
    >>> import torch
    >>> network = CIPAStack(2, 2, patch_size=(64, 64), variant="nano", spacing_z=2.5).eval()
    >>> network(torch.zeros(1, 2, 7, 64, 64)).shape
    torch.Size([1, 2, 7, 64, 64])
    """

    admitted_slices: ClassVar[tuple[int, ...]] = (1,)
    reads_windows: ClassVar[bool] = False
    reads_spacing: ClassVar[bool] = True

    def __init__(
        self,
        input_channels: int,
        num_classes: int,
        deep_supervision: bool = False,
        *,
        patch_size: Sequence[int],
        spacing_z: float,
        variant: str = "tiny",
        **more: Any,
    ) -> None:
        super().__init__(input_channels, num_classes, deep_supervision, patch_size=patch_size, variant=variant, **more)
        if more.get("sim") is not None:
            raise ValueError(f"sim is {more['sim']!r}; the slices of a stack are joined by scans, without SIM")
        check_spacing(spacing_z)
        sizes = get_variant(variant)
        self.stack_scans = nn.ModuleList(
            for_each_modality(StackScan, channels, sizes.d_state, spacing_z) for channels in sizes.widths
        )

    def slice_modules(self) -> list[nn.Module]:
        """Return the scans along z."""
        return [self.stack_scans]

    def segment(self, x: Tensor) -> Tensor:
        """Map single slices (B, 2, H, W), each a stack of one, to logits (B, num_classes, H, W)."""
        alone = torch.zeros(1, device=x.device)

        def join(scan: nn.Module, feature: Tensor) -> Tensor:
            return cast("Tensor", scan(feature.flatten(0, 1)[None], alone).reshape(feature.shape))

        return self.decoder(
            self.fuse(
                [
                    (join(scans["CT"], ct), join(scans["PET"], pet))
                    for scans, (ct, pet) in zip(self._scans, self.encode(x), strict=True)
                ]
            )
        )

    def segment_stacks(self, stacks: Tensor) -> Tensor:
        """Map stacks (B, 2, D, H, W) to logits (B, num_classes, D, H, W); features of all slices are held at once."""
        batch, _, depth = stacks.shape[:3]
        planes, place = index_windows(stacks, 1)
        parts = locate_slices(planes, place.view(batch, depth))
        at_once = self.planes_at_once(planes)
        stages = self.encode_planes(planes, at_once)
        for level, scans in enumerate(self._scans):
            ct, pet = (
                torch.cat([scans[name](feature[chosen], positions) for chosen, positions in parts])
                for name, feature in zip(("CT", "PET"), stages[level], strict=True)
            )
            stages[level] = ct, pet
        logits = [
            self.decoder(self.fuse([(ct[first : first + at_once], pet[first : first + at_once]) for ct, pet in stages]))
            for first in range(0, len(planes), at_once)
        ]
        return torch.cat(logits)[place[:, 0]].unflatten(0, (batch, depth)).transpose(1, 2)

    @property
    def _scans(self) -> Iterable[nn.ModuleDict]:
        return cast("Iterable[nn.ModuleDict]", self.stack_scans)
