"""The layout that Flax gives to the tensors of vision transformers, brought to that of torch."""

from torch import Tensor, cat

_PARTS = ("query", "key", "value")
_POSITIONS = "pos_embedding"
_CLASS = "cls"


def to_torch_layout(arrays: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors whose axes are in torch's order, under the same names but for what is joined.

    A convolution's kernel (H, W, in, out) becomes (out, in, H, W), and that of a linear layer (in, out) becomes
    (out, in), with the heads of an attention as one axis. Scales and offsets become vectors. An attention's ``query``,
    ``key`` and ``value`` become its ``qkv``, along the first axis. Position embeddings lose the class token's, the
    first, where there is one. A tensor of another rank stays as it is, so that what it is loaded into refuses it.

    Source: names and shapes of Google's ``R50+ViT-B_16.npz``.
    """
    tensors = {name: _reorder(name, tensor) for name, tensor in arrays.items()}
    for name in arrays:
        parts = [name.replace(f".{_PARTS[0]}.", f".{part}.") for part in _PARTS]
        if parts[0] != parts[1] and len({tensors[part].shape if part in tensors else None for part in parts}) == 1:
            joined = cat([tensors.pop(part) for part in parts])
            tensors[name.replace(f".{_PARTS[0]}.", ".qkv.")] = joined
    return tensors if _CLASS not in arrays else {name: _drop_class(name, t) for name, t in tensors.items()}


def _reorder(name: str, tensor: Tensor) -> Tensor:
    layer, _, kind = name.rpartition(".")
    if kind in {"scale", "bias"}:
        return tensor.flatten()
    if kind != "kernel":
        return tensor
    if tensor.ndim == 3:  # an attention's: (in, heads, width) of queries, keys and values, (heads, width, out) after it
        tensor = tensor.flatten(0, 1) if layer.endswith(".out") else tensor.flatten(1)
    order = {4: (3, 2, 0, 1), 2: (1, 0)}.get(tensor.ndim)
    return tensor if order is None else tensor.permute(order).contiguous()


def _drop_class(name: str, tensor: Tensor) -> Tensor:
    return tensor[:, 1:].contiguous() if name.endswith(_POSITIONS) and tensor.ndim == 3 else tensor
