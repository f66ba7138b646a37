"""The papers' augmentation: flips, affine, and a random crop of the patch resized back."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from batchgeneratorsv2.helpers.scalar_type import RandomScalar
from batchgeneratorsv2.transforms.base.basic_transform import BasicTransform
from batchgeneratorsv2.transforms.spatial.mirroring import MirrorTransform
from batchgeneratorsv2.transforms.spatial.spatial import SpatialTransform
from batchgeneratorsv2.transforms.utils.nnunet_masking import MaskImageTransform
from batchgeneratorsv2.transforms.utils.pseudo2d import Convert2DTo3DTransform, Convert3DTo2DTransform
from batchgeneratorsv2.transforms.utils.random import RandomTransform
from torch import Tensor

CROP = (0.7, 0.9)
P_CROP = 0.5
P_AFFINE = 0.2


class RandomResizedCropTransform(BasicTransform):
    """Crop a random part of the patch in plane and resize it back, image bilinear and segmentation nearest.

    Parameters
    ----------
    fraction : (float, float)
        Range of the crop's side over the patch's, the same for height and width.
    """

    def __init__(self, fraction: tuple[float, float] = CROP) -> None:
        super().__init__()
        self.fraction = fraction

    def get_parameters(self, **data_dict: Any) -> dict[str, slice]:
        """Draw the rows and columns to keep."""
        low, high = self.fraction
        fraction = low + (high - low) * torch.rand(()).item()
        height, width = data_dict["image"].shape[-2:]
        return {"rows": _draw_part(height, fraction), "columns": _draw_part(width, fraction)}

    def _apply_to_image(self, img: Tensor, **params: Any) -> Tensor:
        return self._resize(img[..., params["rows"], params["columns"]], img, mode="bilinear", align_corners=False)

    def _apply_to_segmentation(self, segmentation: Tensor, **params: Any) -> Tensor:
        part = segmentation[..., params["rows"], params["columns"]].float()
        return self._resize(part, segmentation, mode="nearest-exact").to(segmentation.dtype)

    @staticmethod
    def _resize(part: Tensor, like: Tensor, **how: Any) -> Tensor:
        planes = part.reshape(1, -1, *part.shape[-2:])
        return F.interpolate(planes, size=like.shape[-2:], **how).reshape(like.shape)


class SlicesToChannelsTransform(BasicTransform):
    """Make the slices of a window channels, modality by modality; the segmentation is that of the centre slice."""

    def _apply_to_image(self, img: Tensor, **params: Any) -> Tensor:
        del params
        return img.flatten(0, 1)

    def _apply_to_segmentation(self, segmentation: Tensor, **params: Any) -> Tensor:
        del params
        return segmentation[:, segmentation.shape[1] // 2]


def _draw_part(side: int, fraction: float) -> slice:
    kept = round(side * fraction)
    start = int(torch.randint(side - kept + 1, ()))
    return slice(start, start + kept)


def augmentation(
    patch_size: Sequence[int], rotation: RandomScalar, mirror_axes: Sequence[int] | None, masked: Sequence[int]
) -> list[BasicTransform]:
    """Make the transforms of a patch of one slice, (H, W), or of a window of S slices, (S, H, W).

    The slices of a window move together and in plane only, and a transform of intensities that follows changes all
    slices of a modality alike: they become channels at the end, if at all (see ``SliceWindows``).

    Parameters
    ----------
    patch_size : sequence of int
        (H, W) or (S, H, W).
    rotation : RandomScalar
        Range of the rotation in radians, as nnU-Net chose it for the patch.
    mirror_axes : sequence of int or None
        Axes of the patch that may be flipped; not the slices' axis.
    masked : sequence of int
        Input channels that are zero outside the mask of nnU-Net's normalisation.
    """
    *window, height, width = patch_size
    in_plane = _spatial_transforms((height, width), rotation, [axis - len(window) for axis in mirror_axes or ()])
    mask = [MaskImageTransform(list(masked), channel_idx_in_seg=0, set_outside_to=0)] if masked else []
    if not window:
        return [*in_plane, *mask]
    return [Convert3DTo2DTransform(), *in_plane, Convert2DTo3DTransform(), *mask]


def _spatial_transforms(
    patch_size: Sequence[int], rotation: RandomScalar, mirror_axes: Sequence[int]
) -> list[BasicTransform]:
    affine = SpatialTransform(
        list(patch_size),
        patch_center_dist_from_border=0,
        random_crop=False,
        p_elastic_deform=0,
        p_rotation=P_AFFINE,
        rotation=rotation,
        p_scaling=P_AFFINE,
        scaling=(0.7, 1.4),
        p_synchronize_scaling_across_axes=1,
        bg_style_seg_sampling=False,
        border_mode_seg="constant",
        padding_value_seg=-1,
    )
    crop = RandomTransform(RandomResizedCropTransform(), apply_probability=P_CROP)
    return [affine, crop, *([MirrorTransform(tuple(mirror_axes))] if mirror_axes else [])]
