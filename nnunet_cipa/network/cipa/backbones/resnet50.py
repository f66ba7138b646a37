"""ResNet-50 as CIPA's encoder. The layers are torchvision's."""

from typing import ClassVar

from torch import Tensor, nn
from torchvision.models.resnet import Bottleneck, ResNet

from nnunet_cipa.network.cipa.encoding import SharedEncoder
from nnunet_cipa.network.cipa.variants import Variant

WIDTHS = (256, 512, 1024, 2048)
DEPTHS = {96: (3, 4, 6, 3)}  # by the first width of the features
FEW = (1, 1, 1, 1)


class ResNet50Encoder(SharedEncoder):
    """ResNet-50, the output of each stage projected to CIPA's width by one 1 x 1 convolution.

    Parameters
    ----------
    sizes : Variant
        Widths of the features: ResNet-50 for "tiny"; "nano" has one block a stage.
    in_channels : int
        Channels of an image.

    Notes
    -----
    Source: He et al., Deep Residual Learning for Image Recognition, CVPR 2016. How CIPA (ResNet-50) of table 2 of arXiv
    2503.17261 is composed is not published; this is what has its number of parameters. That batch normalisation sees CT
    and PET as one batch is ours; because of it nothing in here is computed again in the backward pass.
    """

    image_layers: ClassVar[tuple[str, ...]] = ("trunk.conv1.weight",)
    output_layers: ClassVar[tuple[str, ...]] = ("projections.{}",)

    def __init__(self, sizes: Variant, in_channels: int) -> None:
        super().__init__(in_channels)
        network = ResNet(Bottleneck, list(DEPTHS.get(sizes.width, FEW)))
        self.trunk = nn.Sequential()
        for name, layer in network.named_children():
            if name not in {"avgpool", "fc"}:
                self.trunk.add_module(name, layer)
        if in_channels != network.conv1.in_channels:
            self.trunk.conv1 = nn.Conv2d(in_channels, network.conv1.out_channels, 7, 2, 3, bias=False)
            nn.init.kaiming_normal_(self.trunk.conv1.weight, mode="fan_out", nonlinearity="relu")
        self.projections = nn.ModuleList(
            nn.Conv2d(theirs, ours, 1, bias=False) for theirs, ours in zip(WIDTHS, sizes.widths, strict=True)
        )

    def pretrained_name(self, name: str) -> str | None:
        """Return the name in torchvision's file of ResNet-50, which may have no counts of batches."""
        part, _, rest = name.partition(".")
        return rest if part == "trunk" and not rest.endswith("num_batches_tracked") else None

    def forward(self, x: Tensor) -> list[Tensor]:
        """Map images (B, in_channels, H, W), sides multiples of 32, to features (B, H/s, W/s, C), s = 4, 8, 16, 32."""
        features: list[Tensor] = []
        for name, layer in self.trunk.named_children():
            x = layer(x)
            if name.startswith("layer"):
                features.append(self.projections[len(features)](x).permute(0, 2, 3, 1))
        return features
