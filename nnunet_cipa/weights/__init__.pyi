from .adapting import adapt_weights
from .exporting import export_weights
from .importing import import_weights
from .pretrained import load_pretrained_encoder
from .release import load_cipa_release
from .stock import export_stock
from .vmamba import load_encoder, load_vmamba_release

__all__ = [
    "adapt_weights",
    "export_stock",
    "export_weights",
    "import_weights",
    "load_cipa_release",
    "load_encoder",
    "load_pretrained_encoder",
    "load_vmamba_release",
]
