from .convert import Conversion as Conversion, convert_pclt20k as convert_pclt20k
from .options import Options as Options
from .tumour_statistics import write_statistics as write_statistics
