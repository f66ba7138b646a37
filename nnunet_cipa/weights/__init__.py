"""Weights from elsewhere: the released CIPA network, VMamba's ImageNet encoder, and what nnU-Net can load of them."""

from nnunet_cipa.weights.adapting import adapt_weights
from nnunet_cipa.weights.exporting import export_weights
from nnunet_cipa.weights.importing import import_weights
from nnunet_cipa.weights.release import load_cipa_release
from nnunet_cipa.weights.stock import export_stock
from nnunet_cipa.weights.vmamba import load_encoder, load_vmamba_release

__all__ = [
    "adapt_weights",
    "export_stock",
    "export_weights",
    "import_weights",
    "load_cipa_release",
    "load_encoder",
    "load_vmamba_release",
]
