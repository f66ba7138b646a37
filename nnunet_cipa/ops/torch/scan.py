"""The selective scan in PyTorch on any device: chunks of the sequence, a log-step scan inside each.

Memory beyond inputs and outputs is a few tensors (chunk, b, d, n) in both passes, and one state a chunk is
kept for the backward pass. Nothing is divided by a decay, so long chunks and strong decays are safe.
"""

import torch
from torch import Tensor

from nnunet_cipa.ops.arguments import Gradients, ScanArguments
from nnunet_cipa.ops.torch.chunk import Chunk, grouped, scan_, time_last


def saved_shape(arguments: ScanArguments) -> tuple[int, ...]:
    """Shape of what the forward pass keeps: the state before each chunk."""
    u, A = arguments.u, arguments.A
    chunk = _chunk_size(u)
    return ((u.shape[2] + chunk - 1) // chunk, u.shape[0], u.shape[1], A.shape[1])


def forward(arguments: ScanArguments) -> tuple[Tensor, Tensor, Tensor]:
    """Return y (b, d, l), the last state (b, d, n) and the state before each chunk."""
    arguments = arguments.converted()
    u, A, D = arguments.u, arguments.A, arguments.D
    y = torch.empty_like(u, memory_format=torch.contiguous_format)
    saved = u.new_empty(saved_shape(arguments))
    state = u.new_zeros(*u.shape[:2], A.shape[1])
    for index, start in enumerate(range(0, u.shape[2], _chunk_size(u))):
        saved[index] = state
        chunk = Chunk(arguments, slice(start, start + _chunk_size(u)))
        states = chunk.states(state)
        y[:, :, chunk.span] = time_last((states * chunk.C).sum(-1))
        state = states[-1].flatten(1, 2).clone()  # a view would keep the chunk alive
    if D is not None:
        y.addcmul_(D[:, None], u)
    return y, state, saved


def backward(grad_y: Tensor, grad_last_state: Tensor, saved: Tensor, arguments: ScanArguments) -> Gradients:
    """Return the gradients of u, delta, A, B, C, D and delta_bias, in the type of the computation.

    The adjoint g_t = C_t dy_t + exp(dt_{t+1} A) g_{t+1} is the same scan run backwards, over states computed again
    from the one that was kept before the chunk.
    """
    arguments = arguments.converted()
    u, _, A, B, C, D, delta_bias, _ = arguments
    grad_y = grad_y.to(u.dtype)
    grad_u, grad_delta = (torch.empty_like(u, memory_format=torch.contiguous_format) for _ in range(2))
    grad_A, grad_B, grad_C = (torch.zeros(x.shape, dtype=u.dtype, device=u.device) for x in (A, B, C))
    grad_D = None if D is None else torch.zeros_like(D)
    carry = grouped(grad_last_state.to(u.dtype), arguments.groups)
    for index, start in reversed(list(enumerate(range(0, u.shape[2], _chunk_size(u))))):
        chunk = Chunk(arguments, slice(start, start + _chunk_size(u)))
        out = chunk.time_first(grad_y)[..., None]
        states = chunk.states(saved[index])
        if grad_D is not None:
            grad_D += (out[..., 0] * chunk.u).sum((0, 1)).flatten()
        chunk.add_matrix_gradient(grad_C, out * states)
        adjoint = out * chunk.C
        adjoint[-1] += carry
        scan_(chunk.decay, adjoint, reverse=True)
        carry = chunk.decay[0] * adjoint[0]

        before = torch.cat([grouped(saved[index], arguments.groups)[None], states[:-1]])
        exponent = before.mul_(adjoint).mul_(chunk.decay)
        grad_A += (exponent * chunk.dt[..., None]).sum((0, 1)).flatten(0, 1)
        grad_input = (adjoint * chunk.B).sum(-1)
        chunk.add_matrix_gradient(grad_B, adjoint.mul_((chunk.dt * chunk.u)[..., None]))
        grad_u[:, :, chunk.span] = time_last(grad_input * chunk.dt)
        grad_dt = (exponent * chunk.A).sum(-1) + grad_input * chunk.u
        grad_delta[:, :, chunk.span] = time_last(grad_dt * chunk.dt_slope)
    if D is not None:
        grad_u.addcmul_(D[:, None], grad_y)
    grad_bias = None if delta_bias is None else grad_delta.sum((0, 2))
    return grad_u, grad_delta, grad_A, grad_B, grad_C, grad_D, grad_bias


def _chunk_size(u: Tensor) -> int:
    """Give the steps of a chunk: few on a CPU, for its caches; more where each operation costs a launch."""
    return 32 if u.device.type == "cpu" else 128
