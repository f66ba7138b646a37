from .convert import Conversion as Conversion, convert_lucid as convert_lucid
from .options import Options as Options, choose_roi as choose_roi
