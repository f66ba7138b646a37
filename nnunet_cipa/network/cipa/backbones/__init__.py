"""The encoders that CIPA can have, by name."""

from pkgutil import resolve_name
from typing import TYPE_CHECKING

from nnunet_cipa.network.cipa.variants import get_variant

if TYPE_CHECKING:
    from nnunet_cipa.network.cipa.encoding import Encoder

_CIPA = "nnunet_cipa.network.cipa"
BACKBONES = {  # CIPA's own first; imported when one is built, as torchvision takes a while
    "vmamba": f"{_CIPA}.encoder:VMambaEncoder",
    "resnet50": f"{_CIPA}.backbones.resnet50:ResNet50Encoder",
    "swin_t": f"{_CIPA}.backbones.swin:TwoStreamSwinEncoder",
    "swin_t_shared": f"{_CIPA}.backbones.swin:SharedSwinEncoder",
}
_OTHERS = ("tiny", "nano")  # variants of those that are not VMamba


def build_encoder(backbone: str, variant: str, in_channels: int) -> "Encoder":
    """Build an encoder with new weights.

    Parameters
    ----------
    backbone : str
        One of ``BACKBONES``.
    variant : str
        One of ``VARIANTS``, whose widths the features have.
    in_channels : int
        Channels of an image.

    Raises
    ------
    ValueError
        If there is no such backbone or variant, or the backbone does not have the variant.
    """
    sizes = get_variant(variant)
    if backbone not in BACKBONES:
        raise ValueError(f"backbone is {backbone!r}; choose one of {', '.join(BACKBONES)}")
    if backbone != "vmamba" and variant not in _OTHERS:
        raise ValueError(f"backbone {backbone!r} has no variant {variant!r}; choose one of {', '.join(_OTHERS)}")
    encoder: Encoder = resolve_name(BACKBONES[backbone])(sizes, in_channels)
    return encoder
