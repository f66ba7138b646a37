"""What a forward pass of CIPA keeps for the backward pass, in MiB by module, each storage once and without the weights.

``python -m tests.measurements.kept_memory tiny 512``
"""

import sys
from collections import Counter

import torch
from torch import Tensor, nn

from nnunet_cipa.network import CIPA

LINES = 25


class Kept:
    """Tensors that are kept while it is entered, by the class of each module that is being computed."""

    def __init__(self, network: nn.Module) -> None:
        self.tensors: dict[int, Tensor] = {p.untyped_storage().data_ptr(): p for p in network.parameters()}
        self.bytes: Counter[str] = Counter()
        self._running: list[nn.Module] = []
        for module in network.modules():
            module.register_forward_pre_hook(self._enter)
            module.register_forward_hook(self._leave)

    def keep(self, tensor: Tensor) -> Tensor:
        """Count a tensor, and hold it so that its place is not used again."""
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in self.tensors:
            self.tensors[storage.data_ptr()] = tensor
            self.bytes["all"] += storage.nbytes()
            for name in {type(module).__name__ for module in self._running}:
                self.bytes[name] += storage.nbytes()
        return tensor

    def _enter(self, module: nn.Module, _inputs: object) -> None:
        self._running.append(module)

    def _leave(self, *_: object) -> None:
        self._running.pop()


def main(variant: str, side: int) -> None:
    for enabled in (False, True):
        network = CIPA(2, 2, patch_size=(side, side), variant=variant).train()
        network.set_activation_checkpointing(enabled)
        kept = Kept(network)
        with torch.autograd.graph.saved_tensors_hooks(kept.keep, lambda tensor: tensor):
            network(torch.randn(1, 2, side, side))
        print(f"activation checkpointing: {enabled}")
        for name, size in kept.bytes.most_common(LINES):
            print(f"{size / 2**20:9.1f} {name}")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
