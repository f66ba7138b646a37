"""Count of the state updates that a network's scans make."""

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from nnunet_cipa.ops import cross_op, scan_op  # noqa: F401 - they register the operators that are counted


class StateUpdates(TorchDispatchMode):
    """Counts b * d * l * n of every forward scan of a sequence, and of all four directions of every scan of a map.

    Calls of the backend ``reference``, which is not an operator, are not seen.
    """

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Count and go on."""
        if func is torch.ops.nnunet_cipa.selective_scan.default:
            u, _, A = args[:3]
            self.total += u.shape[0] * u.shape[2] * A.numel()
        elif func is torch.ops.nnunet_cipa.cross_scan.default:
            batch, height, width, _ = args[0].shape
            self.total += batch * height * width * args[4].numel()
        return func(*args, **(kwargs or {}))
