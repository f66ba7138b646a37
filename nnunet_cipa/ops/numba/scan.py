"""The scan of sequences by the numba kernels."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from nnunet_cipa.ops.arguments import Gradients, ScanArguments
from nnunet_cipa.ops.numba.layout import CHUNK, LANES, Floats, KernelGradients, KernelInputs, Layout
from nnunet_cipa.ops.numba.memory import empty
from nnunet_cipa.ops.numba.threads import run_tasks


def saved_shape(arguments: ScanArguments) -> tuple[int, ...]:
    """Shape of what the forward pass keeps: the packed state before each chunk."""
    layout = Layout(arguments)
    batch, _, length = arguments.u.shape
    return ((length + CHUNK - 1) // CHUNK, batch, layout.blocks, layout.parts, LANES)


def forward(arguments: ScanArguments) -> tuple[Tensor, Tensor, Tensor]:
    """Return y (b, d, l), the last state (b, d, n) and the packed state before each chunk."""
    from nnunet_cipa.ops.numba.kernels.forward import forward_kernel  # noqa: PLC0415 - imports numba, which takes a second

    job = _prepare(arguments)
    y = empty(*arguments.u.shape)
    saved = empty(*saved_shape(arguments))
    state = empty(*saved.shape[1:])
    outputs = (y.numpy(), saved.numpy(), state.numpy())
    kernel = forward_kernel(job.layout.width, job.decaying)
    run_tasks(lambda first, last: kernel(first, last, job.splits, job.inputs, *outputs), job.tasks, work=job.work)
    return y, job.layout.unpack_channels(state), saved


def backward(grad_y: Tensor, grad_last_state: Tensor, saved: Tensor, arguments: ScanArguments) -> Gradients:
    """Return the gradients of u, delta, A, B, C, D and delta_bias, in float32."""
    from nnunet_cipa.ops.numba.kernels.backward import backward_kernel  # noqa: PLC0415 - imports numba, which takes a second

    job = _prepare(arguments)
    layout, inputs = job.layout, job.inputs
    u, delta = empty(*arguments.u.shape), empty(*arguments.u.shape)
    A = torch.zeros(saved.shape[1:])
    B = torch.zeros(layout.partial_sums(arguments.B, job.splits), *inputs.B.shape)
    C = torch.zeros(layout.partial_sums(arguments.C, job.splits), *inputs.C.shape)
    D = torch.zeros(*arguments.u.shape[:2], LANES)
    grads = KernelGradients(*(x.numpy() for x in (u, delta, A, B, C, D)))
    # The kernel writes over the adjoint state.
    adjoint = layout.pack_channels(grad_last_state.float()).clone(memory_format=torch.contiguous_format).numpy()
    kept = (_floats(grad_y), saved.numpy(), adjoint, grads)
    kernel = backward_kernel(layout.width, job.decaying)
    run_tasks(lambda first, last: kernel(first, last, job.splits, inputs, *kept), job.tasks, work=job.work)
    return (
        u,
        delta,
        layout.unpack_channels(A.sum(0)),
        layout.unpack_matrix_gradient(B.sum(0), arguments.B),
        layout.unpack_matrix_gradient(C.sum(0), arguments.C),
        None if arguments.D is None else D.sum((0, 2)),
        None if arguments.delta_bias is None else delta.sum((0, 2)),
    )


class _Job(NamedTuple):
    """One call, ready for a kernel."""

    layout: Layout
    inputs: KernelInputs
    decaying: bool
    splits: int
    tasks: int
    work: int


def _prepare(arguments: ScanArguments) -> _Job:
    """Pack a call and divide it.

    Two tasks a thread even out what others take from each; each costs the backward pass gradients of B and C of its
    own.
    """
    layout = Layout(arguments)
    u, delta, A, B, C, D, delta_bias, delta_softplus = arguments
    inputs = KernelInputs(
        _floats(u),
        _floats(delta),
        _floats(layout.pack_channels(A.float() * math.log2(math.e))),
        _floats(layout.pack_matrix(B.float())),
        _floats(layout.pack_matrix(C.float())),
        _floats(torch.empty(0) if D is None else D),
        _floats(torch.empty(0) if delta_bias is None else delta_bias),
        delta_softplus,
    )
    decaying = delta_softplus and bool((A <= 0).all())
    wanted = -(-2 * torch.get_num_threads() // max(u.shape[0] * layout.groups, 1))
    splits = min(wanted, layout.blocks_per_group)
    tasks = u.shape[0] * layout.groups * splits
    return _Job(layout, inputs, decaying, splits, tasks, u.numel() * layout.states)


def _floats(tensor: Tensor) -> Floats:
    array: Floats = tensor.detach().float().contiguous().numpy()
    return array
