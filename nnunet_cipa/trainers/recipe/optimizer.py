"""Parameter groups for weight decay."""

from collections.abc import Iterable

from torch import nn

_NO_DECAY = ("bias", "A_logs", "Ds")


def parameter_groups(
    parameters: Iterable[tuple[str, nn.Parameter]], weight_decay: float, rate: float
) -> list[dict[str, object]]:
    """Split named parameters into those with weight decay and those without: biases, norms, scales, A_logs and Ds."""
    decay: list[nn.Parameter] = []
    no_decay: list[nn.Parameter] = []
    for name, parameter in parameters:
        exempt = parameter.ndim <= 1 or name.endswith(_NO_DECAY)
        (no_decay if exempt else decay).append(parameter)
    return [
        {"params": decay, "weight_decay": weight_decay, "lr": rate},
        {"params": no_decay, "weight_decay": 0.0, "lr": rate},
    ]
