"""Networks whose cost is known, in the form that plans describe."""

import torch
from torch import nn

from nnunet_cipa.ops import selective_scan


class OneConvolution(nn.Module):
    def __init__(self, input_channels, num_classes, deep_supervision=False):
        super().__init__()
        self.convolution = nn.Conv2d(input_channels, num_classes, 3, padding=1)

    def forward(self, image):
        return self.convolution(image)


class OneScan(OneConvolution):
    """A scan of 6 channels with 5 states along the pixels, and nothing else that is counted."""

    def forward(self, image):
        pixels = image.flatten(2)
        length, like = pixels.shape[2], {"device": image.device, "dtype": image.dtype}
        u = torch.zeros(1, 6, length, **like)
        B = torch.zeros(1, 5, length, **like)
        return selective_scan(u, u, torch.zeros(6, 5, **like), B, B, backend="torch")


class Asks(OneConvolution):
    """Looks at a value, which tensors without content do not have."""

    def forward(self, image):
        return self.convolution(image) if float(image.sum()) > 0 else image
