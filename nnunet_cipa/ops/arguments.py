"""The arguments of one scan: checked, and in the one layout that every backend reads."""

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor

from nnunet_cipa.errors import CIPAError

# of u, delta, A, B, C, D and delta_bias
Gradients = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor | None, Tensor | None]


def compute_dtype(tensors: Iterable[object]) -> torch.dtype:
    """Type a scan is computed in: float64 if any tensor is, else float32."""
    wide = any(isinstance(x, Tensor) and x.dtype == torch.float64 for x in tensors)
    return torch.float64 if wide else torch.float32


class ScanTraits(NamedTuple):
    """What a backend must know of a call before it says whether it can take it; plain constants only."""

    device_type: str
    compute_dtype: torch.dtype
    state_size: int
    constant_matrices: bool
    return_last_state: bool


class ScanArguments(NamedTuple):
    """Arguments of the op behind ``selective_scan``; z is applied outside of it.

    u, delta: (b, d, l). A: (d, n). B, C: (b, g, n, l), or (b, d, n, 1) where constant along the sequence.
    D, delta_bias: (d,) or None.
    """

    u: Tensor
    delta: Tensor
    A: Tensor
    B: Tensor
    C: Tensor
    D: Tensor | None
    delta_bias: Tensor | None
    delta_softplus: bool

    @property
    def compute_dtype(self) -> torch.dtype:
        """Type the scan is computed in: float64 if any argument is, else float32."""
        return compute_dtype(self)

    @property
    def groups(self) -> int:
        """Number of channel groups that share B and C."""
        return min(self.B.shape[1], self.C.shape[1])

    def varies(self, matrix: Tensor) -> bool:
        """Return whether B or C is (b, groups, n, l), not (b, d, n, 1)."""
        return bool(matrix.shape[1] == self.groups and matrix.shape[3] == self.u.shape[2])

    def converted(self) -> "ScanArguments":
        """Return the same arguments with every tensor in ``compute_dtype``."""
        dtype = self.compute_dtype
        return ScanArguments(*(x.to(dtype) if isinstance(x, Tensor) else x for x in self))  # type: ignore[arg-type]


def check_arguments(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    z: Tensor | None,
    delta_bias: Tensor | None,
    *,
    delta_softplus: bool,
) -> ScanArguments:
    """Check shapes, types and devices as ``selective_scan`` documents them, and bring B and C to four axes.

    Raises
    ------
    CIPAError
        In one line that names the argument, its shape or type, and what it must be.
    """
    tensors = {"u": u, "delta": delta, "A": A, "B": B, "C": C, "D": D, "z": z, "delta_bias": delta_bias}
    for name, tensor in tensors.items():
        if tensor is None:
            continue
        if not tensor.is_floating_point():
            raise CIPAError(f"selective_scan: {name} is {tensor.dtype}; it must be a real floating-point tensor")
        if tensor.device != u.device:
            raise CIPAError(f"selective_scan: {name} is on {tensor.device} but u on {u.device}; move it there")
    if u.dim() != 3 or A.dim() != 2:
        raise CIPAError(
            f"selective_scan: u has shape {tuple(u.shape)} and A {tuple(A.shape)}; they must be (b, d, l) and (d, n)"
        )
    (batch, channels, length), states = u.shape, A.shape[1]
    if channels == 0 or states == 0 or A.shape[0] != channels:
        raise CIPAError(
            f"selective_scan: A has shape {tuple(A.shape)}; "
            f"it must be (d, n) with d = {channels} as in u, both at least 1"
        )
    wanted = {"delta": u.shape, "z": u.shape, "D": (channels,), "delta_bias": (channels,)}
    for name, shape in wanted.items():
        tensor = tensors[name]
        if tensor is not None and tuple(tensor.shape) != tuple(shape):
            raise CIPAError(f"selective_scan: {name} has shape {tuple(tensor.shape)}; it must be {tuple(shape)}")
    constant = B.dim() == 2 or C.dim() == 2
    B = _four_axes("B", B, (batch, channels, states, length))
    C = _four_axes("C", C, (batch, channels, states, length))
    if not constant and B.shape[1] != C.shape[1]:
        B, C = _same_groups(B, C)
    return ScanArguments(u, delta, A, B, C, D, delta_bias, delta_softplus)


def _four_axes(name: str, matrix: Tensor, sizes: tuple[int, int, int, int]) -> Tensor:
    batch, channels, states, length = sizes
    shape = tuple(matrix.shape)
    if shape == (channels, states):
        return matrix[None, :, :, None].expand(batch, channels, states, 1)
    if shape == (batch, states, length):
        return matrix[:, None]
    fits = len(shape) == 4 and (shape[0], *shape[2:]) == (batch, states, length)
    if not fits or shape[1] == 0 or channels % shape[1]:
        raise CIPAError(
            f"selective_scan: {name} has shape {shape}; it must be (d, n) = {(channels, states)}, "
            f"(b, n, l) = {(batch, states, length)} or (b, g, n, l) with g a divisor of {channels}"
        )
    return matrix


def _same_groups(B: Tensor, C: Tensor) -> tuple[Tensor, Tensor]:
    groups = max(B.shape[1], C.shape[1])
    if groups % B.shape[1] or groups % C.shape[1]:
        raise CIPAError(
            f"selective_scan: B has shape {tuple(B.shape)} and C {tuple(C.shape)}; "
            "the number of groups of one must divide that of the other"
        )
    return B.repeat_interleave(groups // B.shape[1], dim=1), C.repeat_interleave(groups // C.shape[1], dim=1)
