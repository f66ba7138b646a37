from .adapting import adapt_weights as adapt_weights
from .exporting import export_weights as export_weights
from .importing import import_weights as import_weights
from .release import load_cipa_release as load_cipa_release
from .stock import export_stock as export_stock
from .vmamba import load_encoder as load_encoder, load_vmamba_release as load_vmamba_release
