"""The networks that ``bench network`` knows: what nnU-Net plans, the forms of CIPA, and the comparators."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nnunet_cipa.network.cipa.backbones import BACKBONES
from nnunet_cipa.network.cipa.dcim_variants import DCIM_VARIANTS
from nnunet_cipa.network.comparators import names


@dataclass(frozen=True)
class CipaForm:
    """A form of CIPA.

    Attributes
    ----------
    architecture : dict
        Arguments of the network.
    reads_slices, recompute, compiled : bool
        Whether it reads a number of slices, has activation checkpointing, and is compiled by torch.compile.
    backend : str or None
        Another scan backend.
    network : str
        Name of its class.
    is_stack : bool
        Whether the slices of its input have an axis of their own, rather than being channels.
    slices : int
        That it reads, where their number is fixed.
    """

    architecture: Mapping[str, Any] = field(default_factory=dict)
    reads_slices: bool = False
    recompute: bool = False
    backend: str | None = None
    compiled: bool = False
    network: str = "CIPA"
    is_stack: bool = False
    slices: int = 1


NNUNET = ("plain", "resenc-l")
CIPA_FORMS = {
    "cipa": CipaForm(),
    "cipa-checkpointing": CipaForm(recompute=True),
    "cipa-unfused": CipaForm(backend="torch"),
    "cipa-compiled": CipaForm(compiled=True),
    "cipa-25d": CipaForm(reads_slices=True),
    "cipa-sim": CipaForm({"sim": "encoder"}, reads_slices=True),
    "cipa-sim-input": CipaForm({"sim": "input"}, reads_slices=True),
    "cipa-features": CipaForm({"sim": "features"}, reads_slices=True),
    "cipa-stack": CipaForm({"spacing_z": 3.0}, reads_slices=True, network="CIPAStack", is_stack=True),
    "cipa-sim-dynamic": CipaForm({"sim": "encoder", "spacing_z": 3.0}, network="CIPADynamic", slices=7),
    **{f"cipa-{name}": CipaForm({"backbone": name}) for name in list(BACKBONES)[1:]},
    **{f"cipa-{name}": CipaForm({"dcim_variant": name}) for name in list(DCIM_VARIANTS)[1:]},
}
COMPARATORS = tuple(names())
NETWORKS = (*NNUNET, *CIPA_FORMS, *COMPARATORS)

# The networks that ``bench patient`` knows: CIPA by its trainers, nnU-Net's in two dimensions, and its 3d_fullres.
PATIENT_TRAINERS = {
    "cipa": "nnUNetTrainerCIPA",
    "cipa-25d": "nnUNetTrainerCIPA25D",
    "cipa-sim": "nnUNetTrainerCIPASIM",
}
PATIENT_NETWORKS = (*PATIENT_TRAINERS, *NNUNET, "3d_fullres")
