"""``nnunet-cipa phantom``."""

from pathlib import Path

from nnunet_cipa.cli.command import Command, Group
from nnunet_cipa.dataset_conversion.phantoms.options import LucidPhantomOptions, PhantomOptions


def pclt20k(out: Path, options: PhantomOptions) -> None:
    """Write synthetic thorax PET/CT slices with lung tumours in the layout of PCLT20K.

    Parameters
    ----------
    out
        A new or empty folder.
    """
    from nnunet_cipa.dataset_conversion.phantoms.pclt20k import (  # noqa: PLC0415 - SciPy is slow to import
        make_pclt20k_phantom,
        spacing,
    )

    slices = make_pclt20k_phantom(out, options)
    print(f"{options.patients} patients, {slices} slices in {out}")
    print(f"voxels of {' x '.join(f'{side:.4g}' for side in spacing(options.size, options.slices))} mm")


def lucid(out: Path, options: LucidPhantomOptions) -> None:
    """Write synthetic thorax PET/CT volumes with lung tumours that move with breathing, for convert lucid.

    CT at one phase, PET over the cycle, GTV at the CT's phase, IGTV over the cycle.

    Parameters
    ----------
    out
        A new or empty folder.
    """
    from nnunet_cipa.dataset_conversion.phantoms.lucid import make_lucid_phantom  # noqa: PLC0415 - SciPy is slow

    make_lucid_phantom(out, options)
    print(f"{options.patients} patients of {options.slices} slices in {out}, synthetic")


COMMAND = Group(
    "phantom",
    "make a synthetic study set in the layout of a data set",
    "DATASET",
    (
        Command("pclt20k", "synthetic thorax PET/CT in the layout of convert pclt20k", pclt20k),
        Command("lucid", "synthetic thorax PET/CT in the layout of convert lucid", lucid),
    ),
)
