"""The function that the network calls."""

from typing import Any, Literal, overload

import torch
from torch import Tensor
from torch.nn import functional as F

from nnunet_cipa.ops.arguments import ScanTraits, check_arguments, compute_dtype
from nnunet_cipa.ops.choice import choose_backend
from nnunet_cipa.ops.registry import plain_scan_of
from nnunet_cipa.ops.scan_op import scan_op


@overload
def selective_scan(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = ...,
    z: Tensor | None = ...,
    delta_bias: Tensor | None = ...,
    delta_softplus: bool = ...,
    return_last_state: Literal[False] = ...,
    backend: str | None = ...,
) -> Tensor: ...
@overload
def selective_scan(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = ...,
    z: Tensor | None = ...,
    delta_bias: Tensor | None = ...,
    delta_softplus: bool = ...,
    *,
    return_last_state: Literal[True],
    backend: str | None = ...,
) -> tuple[Tensor, Tensor]: ...
def selective_scan(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    z: Tensor | None = None,
    delta_bias: Tensor | None = None,
    delta_softplus: bool = False,
    return_last_state: bool = False,
    backend: str | None = None,
) -> Tensor | tuple[Tensor, Tensor]:
    """Run the selective scan of Mamba.

    With dt = softplus(delta + delta_bias): h_t = exp(dt_t A) h_{t-1} + dt_t B_t u_t, y_t = C_t h_t + D u_t
    (Gu and Dao 2023, arXiv 2312.00752, algorithm 2 and section 3.2). Arguments, shapes and result are those
    of mamba-ssm's ``selective_scan_fn`` for real A. Computed in float32, or in float64 if any argument is.

    Parameters
    ----------
    u, delta : Tensor
        Input and step size before bias and softplus, (b, d, l).
    A : Tensor
        State matrix, (d, n), one diagonal a channel.
    B, C : Tensor
        (d, n), (b, n, l), or (b, g, n, l) where each of g groups of d / g channels has its own.
    D : Tensor, optional
        Skip connection, (d,).
    z : Tensor, optional
        Gate, (b, d, l): y is multiplied by silu(z).
    delta_bias : Tensor, optional
        (d,), added to delta.
    delta_softplus : bool
        Whether dt is the softplus of delta (with its bias) or delta itself.
    return_last_state : bool
        Whether to return h after the last step too.
    backend : str, optional
        A name of ``available_backends``. Default: what ``NNUNET_CIPA_SCAN_BACKEND`` names, else the best that
        the tensors' device has.

    Returns
    -------
    Tensor or tuple of Tensor
        y (b, d, l) in the type of u; with ``return_last_state`` also h (b, d, n) in the type computed in.

    Raises
    ------
    CIPAError
        If shapes, types or devices do not fit, or the backend asked for is unknown or cannot take the call.
    """
    arguments = check_arguments(u, delta, A, B, C, D, z, delta_bias, delta_softplus=delta_softplus)
    constant = B.dim() == 2 or C.dim() == 2
    dtype = compute_dtype(arguments)  # torch.compile of torch 2.8 cannot trace the property
    chosen = choose_constant_backend(backend, u.device.type, dtype, A.shape[1], constant, return_last_state)
    plain = plain_scan_of(chosen)
    if plain is None:
        y, last_state, _ = scan_op(*arguments, chosen)
    else:
        y, last_state = plain(arguments)
    if z is not None:
        y = y * F.silu(z.to(y.dtype))
    y = y.to(u.dtype)
    return (y, last_state) if return_last_state else y


@torch.compiler.assume_constant_result
def choose_constant_backend(name: str | None, *traits: Any) -> str:
    """Choose once while torch.compile traces: the choice is then part of the compiled graph."""
    return choose_backend(name, ScanTraits(*traits))
