"""Prediction that leaves out tiles and slices of pure air."""

import os
import warnings
from pathlib import Path
from typing import Any

import torch
from nnunetv2.utilities.plans_handling.plans_handler import ConfigurationManager
from torch import Tensor, nn

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.json_files import read_object
from nnunet_cipa.network.petct import reach
from nnunet_cipa.nnunet.air import Air, find_air

AIR_VARIABLE = "NNUNET_CIPA_SKIP_AIR"


def skip_air(
    network: nn.Module,
    plans: dict[str, Any],
    settings: ConfigurationManager,
    dataset_json: dict[str, Any],
    outputs: int,
) -> None:
    """Let a network give background for tiles of pure air, and for a tile's first and last slices that are, unseen.

    A slice is air if all its pixels are in CT and PET, so a network that would see a tumour there sees none.
    Where the model does not tell what air is, a warning says so, and all is computed.
    """
    try:
        air = find_air(plans, settings.configuration["normalization_schemes"], dataset_json, outputs)
    except CIPAError as error:
        warnings.warn(f"air is not left out: {error}", stacklevel=2)
        return
    network.forward = _WithoutAir(network, air)  # so that weights keep their names


def skip_air_as_told(network: nn.Module, plans: dict[str, Any], settings: ConfigurationManager, outputs: int) -> None:
    """Do so if ``NNUNET_CIPA_SKIP_AIR`` names the trained model's folder, whose dataset.json tells what is stored.

    Raises
    ------
    CIPAError
        If there is no such file in the folder.
    """
    folder = os.environ.get(AIR_VARIABLE)
    if not folder:
        return
    path = Path(folder) / "dataset.json"
    if not path.is_file():
        raise CIPAError(f"{AIR_VARIABLE} is {folder}: there is no {path}; give the trained model's folder, or unset it")
    skip_air(network, plans, settings, read_object(path), outputs)


class _WithoutAir:
    """A network's forward pass on what is not air; in training on everything."""

    def __init__(self, network: nn.Module, air: Air) -> None:
        self._network, self._air, self._forward = network, air, network.forward
        self._reach = reach(network)

    def __call__(self, x: Tensor) -> Any:
        if self._network.training or torch.compiler.is_compiling():
            return self._forward(x)
        air = self._is_air(x)
        if x.ndim == 5 and self._reach and len(x) == 1 and not air.all():
            return self._of_slices(x, air[0])
        whole = air.flatten(1).all(1)
        if not whole.any():
            return self._forward(x)
        logits = self._background(x)
        if not whole.all():
            logits[~whole] = self._forward(x[~whole]).to(logits.dtype)
        return logits

    def _is_air(self, x: Tensor) -> Tensor:
        """Return which slices of stacks (B, 2, D, H, W) are air, (B, D), or which windows (B, 2 * S, H, W), (B, 1)."""
        channels = x if x.ndim == 5 else x.unflatten(1, (2, -1)).amax(2, keepdim=True)
        limits = x.new_tensor(self._air.limits)[:, None]
        return (channels.amax((-2, -1)) <= limits).all(1)

    def _of_slices(self, x: Tensor, air: Tensor) -> Tensor:
        """Predict from the first slice that is not air to the last, with their neighbours."""
        filled = (~air).nonzero().flatten().tolist()
        first, last = max(0, filled[0] - self._reach), min(len(air), filled[-1] + 1 + self._reach)
        logits = self._background(x)
        kept = slice(filled[0], filled[-1] + 1)
        logits[:, :, kept] = self._forward(x[:, :, first:last])[:, :, kept.start - first : kept.stop - first]
        return logits

    def _background(self, x: Tensor) -> Tensor:
        logits = x.new_tensor(self._air.logits, dtype=torch.float32)
        shape = (len(x), len(logits), *x.shape[2:])
        return logits.view(1, -1, *[1] * (x.ndim - 2)).expand(shape).clone()
