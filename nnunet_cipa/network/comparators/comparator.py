"""Base class of the comparators, and loading of tensors under the names of their originals."""

import re
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Tensor

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.network.arguments import IMAGE_CHANNELS, MODALITIES
from nnunet_cipa.network.petct import PETCTNetwork

Pattern = tuple[str, str | Callable[[re.Match[str]], str]]


def rename(name: str, patterns: Iterable[Pattern]) -> str:
    """Replace each pattern that a name has, one after the other."""
    for pattern, theirs in patterns:
        name = re.sub(pattern, theirs, name)
    return name


class Comparator(PETCTNetwork):
    """A network from elsewhere, for CT and PET, that can take the tensors of its original."""

    def images(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Take windows (B, 2 * slices, H, W) apart into CT and PET (B, 3, H, W); a single slice is repeated."""
        images = self.intensities(x)
        ct, pet = (images[name].repeat(1, IMAGE_CHANNELS // self.slices, 1, 1) for name in MODALITIES)
        return ct, pet

    @abstractmethod
    def original_names(self, name: str) -> list[str]:
        """Return the original's names of a tensor of this network; several are its parts along the first axis."""


def load_original(network: Comparator, state_dict: Mapping[str, Tensor]) -> None:
    """Load a state dict with the names of the original.

    A head of one class, whose output goes through a sigmoid, becomes two classes, background zero and tumour as it was,
    so that the softmax over the two equals the sigmoid.

    Parameters
    ----------
    network : Comparator
        Changed in place.
    state_dict : mapping of str to Tensor
        Every tensor of the original.

    Raises
    ------
    CIPAError
        If a tensor is missing, is left over or has another shape; the network is then as it was.
    """
    loaded: dict[str, Tensor] = {}
    used: set[str] = set()
    heads = network.head_tensors()
    for name, target in network.state_dict().items():
        theirs = network.original_names(name)
        missing = [part for part in theirs if part not in state_dict]
        if missing:
            raise CIPAError(f"the state dict lacks {', '.join(missing)}, which {name} is made of; is it whole?")
        used.update(theirs)
        loaded[name] = _join({part: state_dict[part] for part in theirs}, name, target, is_head=name in heads)
    unused = sorted(state_dict.keys() - used)
    if unused:
        raise CIPAError(f"{type(network).__name__} has no place for {', '.join(unused[:5])} of the state dict")
    network.load_state_dict(loaded)


def _join(parts: Mapping[str, Tensor], name: str, target: Tensor, *, is_head: bool) -> Tensor:
    """Put the parts of a tensor of the network together, along its first axis or one before it."""
    shapes = {tuple(part.shape) for part in parts.values()}
    if len(shapes) == 1:
        joined = torch.stack(list(parts.values()))
        if is_head and (joined.shape[1], len(target)) == (1, 2):
            joined = torch.cat((torch.zeros_like(joined), joined), dim=1)
        chained = joined.flatten(0, 1) if joined.ndim > 1 else joined.squeeze(0)
        if target.ndim == 2 and chained.shape[2:] == (1, 1):  # a linear layer that the original calls a convolution
            chained = joined = chained.flatten(1)
        if target.shape in {joined.shape, chained.shape}:
            return joined.reshape(target.shape)
    raise CIPAError(
        f"{', '.join(parts)} has shape {' and '.join(map(str, shapes))}, and {name}, which is made of it, "
        f"{tuple(target.shape)}; choose the variant and the classes that it was trained with"
    )
