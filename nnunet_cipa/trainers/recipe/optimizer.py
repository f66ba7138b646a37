"""Parameter groups for weight decay and learning rates."""

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


def rated_groups(
    network: nn.Module, own_rates: Iterable[tuple[Iterable[nn.Module], float]], weight_decay: float, rate: float
) -> list[dict[str, object]]:
    """Split the parameters of a network that are trained by their rate, and each part as ``parameter_groups`` does.

    Parameters
    ----------
    network : nn.Module
        What is left of it has ``rate``.
    own_rates : iterable of (modules, float)
        Modules of the network with the factor of their rate, in the order of the groups.
    weight_decay, rate : float
        As in ``parameter_groups``.
    """
    left = {
        id(parameter): (name, parameter) for name, parameter in network.named_parameters() if parameter.requires_grad
    }
    groups = []
    for modules, factor in (*own_rates, ([network], 1.0)):
        found = [id(parameter) for module in modules for parameter in module.parameters()]
        groups += parameter_groups([left.pop(key) for key in found if key in left], weight_decay, factor * rate)
    return groups
