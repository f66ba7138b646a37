"""``nnunet-cipa convert pclt20k``."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

from nnunet_cipa.dataset_conversion.pclt20k.options import Options
from nnunet_cipa.dataset_conversion.pipeline.conversion import Conversion
from nnunet_cipa.options import Option


def convert(source: Path, options: Options, *, statistics: Annotated[Path | None, Option("DIR")] = None) -> Conversion:
    """Write PCLT20K (PNG triples, train.txt, test.txt) to $nnUNet_raw/DatasetNNN_NAME, one case per patient.

    Everything is checked before anything is written. PCLT20K is for non-commercial research.

    Parameters
    ----------
    source
        Folder with train.txt, test.txt and the patients.
    statistics
        Write figures and a table of the slices to DIR.
    """
    from nnunet_cipa.dataset_conversion.pclt20k.convert import convert_pclt20k  # noqa: PLC0415 - slow to import

    if statistics is None:
        return convert_pclt20k(source, options)
    from nnunet_cipa.dataset_conversion.pclt20k.tumour_statistics import write_statistics  # noqa: PLC0415 - as above

    statistics.mkdir(parents=True, exist_ok=True)
    conversion = convert_pclt20k(source, options)
    write_statistics(statistics, conversion.patients)
    return replace(conversion, told=(*conversion.told, f"statistics in {statistics}"))
