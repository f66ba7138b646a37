"""The networks that ``bench network`` knows: the forms of CIPA, and what nnU-Net plans."""

from typing import NamedTuple


class CipaForm(NamedTuple):
    """A form of CIPA.

    Its SIM, whether it reads a number of slices, activation checkpointing, another scan backend, torch.compile.
    """

    sim: str | None = None
    reads_slices: bool = False
    recompute: bool = False
    backend: str | None = None
    compiled: bool = False


NNUNET = ("plain", "resenc-l")
CIPA_FORMS = {
    "cipa": CipaForm(),
    "cipa-checkpointing": CipaForm(recompute=True),
    "cipa-unfused": CipaForm(backend="torch"),
    "cipa-compiled": CipaForm(compiled=True),
    "cipa-25d": CipaForm(reads_slices=True),
    "cipa-sim": CipaForm("encoder", reads_slices=True),
    "cipa-sim-input": CipaForm("input", reads_slices=True),
    "cipa-features": CipaForm("features", reads_slices=True),
}
NETWORKS = (*NNUNET, *CIPA_FORMS)
