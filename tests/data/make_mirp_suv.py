"""Makes mirp_suv.tsv: what the package mirp 2.7.0 gives for the PET slices in the source distribution of pysuv 0.1.0.

pip install mirp==2.7.0
python make_mirp_suv.py pysuv-0.1.0/tests/data/idc_vendor_samples > mirp_suv.tsv
"""

import sys
import warnings
from pathlib import Path

from mirp.data_import.import_image import import_image

warnings.simplefilter("ignore")
root = Path(sys.argv[1])
print("file", "highest_suv", "mean_suv", sep="\t")
for path in sorted(root.rglob("*.dcm")):
    try:
        (image,) = import_image(str(path))
        image.complete()
        image.load_data()
        values = image.image_data.astype(float)
        print(path.relative_to(root), f"{values.max():.7g}", f"{values.mean():.7g}", sep="\t")
    except (ValueError, NotImplementedError):
        print(path.relative_to(root), "refused", "refused", sep="\t")
