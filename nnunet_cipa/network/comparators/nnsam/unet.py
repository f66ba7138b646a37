"""nnU-Net's plain U-Net, one of whose skips carries more channels."""

from collections.abc import Sequence

from dynamic_network_architectures.building_blocks.plain_conv_encoder import PlainConvEncoder
from dynamic_network_architectures.building_blocks.simple_conv_blocks import StackedConvBlocks
from dynamic_network_architectures.building_blocks.unet_decoder import UNetDecoder
from dynamic_network_architectures.initialization.weight_init import InitWeights_He
from nnunetv2.experiment_planning.experiment_planners.network_topology import get_pool_and_conv_props
from torch import nn

JOINED = 3  # the skip, counted from the input's resolution
CONVOLUTIONS = 2  # of a stage
SMALLEST_MAP = 4
LAYERS = {
    "conv_bias": True,
    "norm_op": nn.InstanceNorm2d,
    "norm_op_kwargs": {"eps": 1e-5, "affine": True},
    "nonlin": nn.LeakyReLU,
    "nonlin_kwargs": {"inplace": True},
}


def plan_strides(patch_size: Sequence[int]) -> list[tuple[int, int]]:
    """Return the strides of the stages that nnU-Net plans for pixels that are square, and at least five."""
    _, strides, *_ = get_pool_and_conv_props((1.0, 1.0), patch_size, SMALLEST_MAP, 999)
    return [*strides, *[(2, 2)] * (JOINED + 2 - len(strides))]


def admit_patch(patch_size: Sequence[int]) -> list[int]:
    """Return the smallest (H, W) of at least that size that can be halved as nnU-Net plans."""
    admitted = [int(side) for side in patch_size]
    while True:
        strides = plan_strides(admitted)
        padded = [-(-side // step) * step for side, step in zip(admitted, total_stride(strides), strict=True)]
        if padded == admitted:
            return admitted
        admitted = padded


def total_stride(strides: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Return what the sides of an input are multiples of."""
    rows, columns = 1, 1
    for row, column in strides:
        rows, columns = rows * row, columns * column
    return rows, columns


def build_unet(
    input_channels: int, num_classes: int, strides: Sequence[tuple[int, int]], widths: Sequence[int], more: int
) -> tuple[PlainConvEncoder, UNetDecoder]:
    """Build encoder and decoder with nnU-Net's initial values.

    Parameters
    ----------
    input_channels, num_classes : int
        Channels of input and output.
    strides : sequence of (int, int)
        Of the stages.
    widths : sequence of int
        Channels of the stages.
    more : int
        Channels that the joined skip has beside the stage's own.
    """
    encoder = PlainConvEncoder(
        input_channels, len(strides), widths, nn.Conv2d, 3, strides, CONVOLUTIONS, return_skips=True, **LAYERS
    )
    decoder = UNetDecoder(encoder, num_classes, CONVOLUTIONS, deep_supervision=False)
    del decoder.encoder  # else its tensors are there twice
    decoder.seg_layers = decoder.seg_layers[-1:]  # the others are deep supervision's
    width = widths[JOINED]
    decoder.stages[len(strides) - JOINED - 2] = StackedConvBlocks(
        CONVOLUTIONS, nn.Conv2d, 2 * width + more, width, 3, 1, **LAYERS
    )
    for part in (encoder, decoder):
        part.apply(InitWeights_He(1e-2))
    return encoder, decoder
