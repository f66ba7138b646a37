"""A volume to predict: a body of stored intensities with air round it."""

import torch
from torch import Tensor

# Half axes of the body over the sides of a CT's field of view: 374 x 246 of 512 x 512 pixels.
_WIDTH, _HEIGHT = 0.365, 0.24
# What convert stores for air, soft tissue and its uptake with the window of -1200 to -200 HU and 0 to 20 SUV.
_AIR, _TISSUE, _UPTAKE = 0.64, 3.2, 0.16


def draw_volume(slices: int, height: int, width: int) -> Tensor:
    """Draw CT and PET, (2, slices, height, width), with noise in the body, the same each time."""
    y, x = torch.meshgrid(torch.linspace(-0.5, 0.5, height), torch.linspace(-0.5, 0.5, width), indexing="ij")
    body = (x / _WIDTH) ** 2 + (y / _HEIGHT) ** 2 <= 1
    generator = torch.Generator().manual_seed(0)
    noise = torch.rand(slices, height, width, generator=generator)
    ct = torch.where(body, _TISSUE - 0.2 * noise, _AIR)
    return torch.stack((ct, torch.where(body, _UPTAKE * (0.5 + noise), 0)))


def crop_to_body(volume: Tensor) -> Tensor:
    """Cut a volume to the body's box in the axial plane."""
    body = (volume[0] > _AIR).any(0)
    rows, columns = (body.any(axis).nonzero().flatten() for axis in (1, 0))
    return volume[:, :, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].contiguous()
