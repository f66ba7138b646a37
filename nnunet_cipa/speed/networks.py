"""The networks that are measured: CIPA in its forms, the comparators, and what nnU-Net plans."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import torch
from torch import nn

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.network import CIPA, VARIANTS, PETCTNetwork
from nnunet_cipa.network.comparators import network_class
from nnunet_cipa.network.dynamic.network import CIPADynamic
from nnunet_cipa.network.stack.network import CIPAStack
from nnunet_cipa.ops.choice import ENVIRONMENT_VARIABLE
from nnunet_cipa.options import UsageError
from nnunet_cipa.speed.catalogue import CIPA_FORMS, COMPARATORS, NETWORKS, NNUNET
from nnunet_cipa.speed.options import NetworkBench

_UNETS = "dynamic_network_architectures.architectures.unet"  # imported late, as GPU machines may lack it
# What nnU-Net 2.8 plans for slices of 512 x 512: eight stages, and the blocks of the stages of ResEnc-L.
_STAGES = 8
_STRIDE = 2 ** (_STAGES - 1)
_CIPAS = {network.__name__: network for network in (CIPA, CIPAStack, CIPADynamic)}
_RESIDUAL_BLOCKS = (1, 3, 4, 6, 6, 6, 6, 6)


@dataclass(frozen=True)
class NetworkSetting:
    """A network and its input.

    Attributes
    ----------
    name : str
        One of ``NETWORKS``.
    variant : str
        Of CIPA; comparators have the size that they were published with, or "nano".
    batch : int
        Pairs of images.
    patch_size : (int, int)
        (H, W).
    slices : int
        That the network reads.
    """

    name: str
    variant: str
    batch: int
    patch_size: tuple[int, int]
    slices: int

    def check(self) -> None:
        """Refuse what cannot be built, before anything is measured.

        Raises
        ------
        CIPAError
            With the setting's value.
        """
        if self.name not in NETWORKS:
            raise CIPAError(f"unknown network {self.name!r}; choose among {', '.join(NETWORKS)}")
        if self.name in NNUNET and any(side % _STRIDE or side == _STRIDE for side in self.patch_size):
            raise CIPAError(
                f"patch_size {self.patch_size} does not fit {self.name}; give multiples of {_STRIDE} from {2 * _STRIDE}"
            )
        if self.name in NNUNET and (why := nnunet_missing()):
            raise CIPAError(f"{self.name}: {why}")
        try:
            if self.name not in NNUNET:
                self._check_patch_size()
            self.build()
        except ValueError as error:
            raise CIPAError(f"{self.name}: {error}") from error
        except ImportError as error:
            raise CIPAError(f"{self.name} needs the package {error.name}: {error}; pip install nnunetv2") from error

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of the input: a window's slices are channels, those of a stack have an axis."""
        depth = (self.slices,) if self._is_stack else ()
        return (self.batch, 2 * self._window, *depth, *self.patch_size)

    @property
    def counted_shape(self) -> tuple[int, ...]:
        """The shape whose multiply-adds are those of one input: a stack's slices are a batch, as none is missing."""
        return (self.slices if self._is_stack else 1, 2 * self._window, *self.patch_size)

    def build(self) -> nn.Module:
        """Build the network with random weights, the same each time."""
        torch.manual_seed(0)
        if self.name in NNUNET:
            return _build_nnunet(self.name)
        network = self._network_class(2, 2, patch_size=self.patch_size, slices=self._window, **self._architecture)
        network.set_activation_checkpointing(self.name in CIPA_FORMS and CIPA_FORMS[self.name].recompute)
        return network

    @property
    def variant_built(self) -> str | None:
        """The variant, or None for a network that has one size."""
        return self._architecture.get("variant")

    @property
    def _is_stack(self) -> bool:
        return self.name in CIPA_FORMS and CIPA_FORMS[self.name].is_stack

    @property
    def _window(self) -> int:
        return 1 if self._is_stack else self.slices

    @property
    def _network_class(self) -> type[PETCTNetwork]:
        if self.name in COMPARATORS:
            return network_class(self.name)
        return _CIPAS[CIPA_FORMS[self.name].network]

    @property
    def _architecture(self) -> dict[str, Any]:
        if self.name in CIPA_FORMS:
            return {"variant": self.variant, **CIPA_FORMS[self.name].architecture}
        return {"variant": "nano"} if self.name in COMPARATORS and self.variant == "nano" else {}

    def _check_patch_size(self) -> None:
        height, width = self._network_class.admit(self.patch_size)
        if (height, width) != self.patch_size:
            raise ValueError(
                f"patch_size {self.patch_size} does not fit; the next that does is --patch-size {height} {width}"
            )


def slices_read(name: str, asked: tuple[int, ...]) -> tuple[int, ...]:
    """Return the numbers of slices to measure a network with: those asked for, where that is a setting of it."""
    form = CIPA_FORMS.get(name, CIPA_FORMS["cipa"])
    return asked if form.reads_slices else (form.slices,)


def check_choices(bench: NetworkBench) -> None:
    """Refuse a variant or number of slices that no network has, also where none of those that are measured reads it.

    Raises
    ------
    UsageError
        With the value and what there is.
    """
    for option, values, known in (
        ("variant", (bench.variant,), VARIANTS),
        ("slices", bench.slices, CIPA.admitted_slices),
    ):
        for value in values:
            if value not in known:
                raise UsageError(f"--{option} {value}: there is none; choose among {', '.join(map(str, known))}")


@contextmanager
def scan_backend(name: str) -> Iterator[None]:
    """Let a network's scans run by the backend that it is measured with."""
    backend = CIPA_FORMS[name].backend if name in CIPA_FORMS else None
    before = os.environ.get(ENVIRONMENT_VARIABLE)
    try:
        if backend:
            os.environ[ENVIRONMENT_VARIABLE] = backend
        yield
    finally:
        if before is None:
            os.environ.pop(ENVIRONMENT_VARIABLE, None)
        else:
            os.environ[ENVIRONMENT_VARIABLE] = before


def nnunet_missing() -> str:
    """Return why nnU-Net's networks cannot be built here, or an empty string."""
    try:
        import_module(_UNETS)
    except ImportError as error:
        return f"nnU-Net's networks need the package dynamic_network_architectures: {error}; pip install nnunetv2"
    return ""


def _build_nnunet(name: str) -> nn.Module:
    unets = import_module(_UNETS)
    common: dict[str, Any] = {
        "input_channels": 2,
        "n_stages": _STAGES,
        "features_per_stage": [min(32 * 2**stage, 512) for stage in range(_STAGES)],
        "conv_op": nn.Conv2d,
        "kernel_sizes": 3,
        "strides": [1, *[2] * (_STAGES - 1)],
        "num_classes": 2,
        "conv_bias": True,
        "norm_op": nn.InstanceNorm2d,
        "norm_op_kwargs": {"eps": 1e-5, "affine": True},
        "nonlin": nn.LeakyReLU,
        "nonlin_kwargs": {"inplace": True},
    }
    if name == "plain":
        network = unets.PlainConvUNet(n_conv_per_stage=2, n_conv_per_stage_decoder=2, **common)
    else:
        network = unets.ResidualEncoderUNet(n_blocks_per_stage=_RESIDUAL_BLOCKS, n_conv_per_stage_decoder=1, **common)
    built: nn.Module = network
    return built
