"""Cost of a network: parameters and multiply-adds, counted without computing anything."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnunet_cipa.evaluation.report.content import Cost
from nnunet_cipa.files.json_files import read_object

if TYPE_CHECKING:
    from torch import nn

# torch takes seconds to import, so it is imported where it is used


def count_cost(model: Path, configuration: str) -> Cost:
    """Count the network that the plans of a trained model describe.

    Parameters
    ----------
    model : Path
        ``TRAINER__PLANS__CONFIGURATION`` with plans.json and dataset.json, as training leaves it.
    configuration : str
        Name of the configuration.

    Raises
    ------
    CIPAError
        If one of these files is damaged.

    Notes
    -----
    Multiply-adds as ``count_multiply_adds`` counts them.
    """
    for name in ("plans.json", "dataset.json"):
        if not (model / name).is_file():
            return Cost(problem=f"{name} is missing in the model's folder")
    plans, dataset = read_object(model / "plans.json"), read_object(model / "dataset.json")
    try:
        network, channels, patch = _build(plans, dataset, configuration)
    # plans may name any class of any package; the report then says why its cost is not known
    except Exception as error:  # noqa: BLE001
        return Cost(problem=_tell(error))
    from nnunet_cipa.network.multiply_adds import count_multiply_adds  # noqa: PLC0415

    parameters = sum(parameter.numel() for parameter in network.parameters())
    try:
        return Cost(parameters, patch, count_multiply_adds(network, (1, channels, *patch)))
    # a network may compute with values that tensors without content do not have
    except Exception as error:  # noqa: BLE001
        return Cost(parameters, patch, problem=_tell(error))


def _tell(error: Exception) -> str:
    return f"not counted, {type(error).__name__}: {str(error).partition('. ')[0]}"


def _build(
    plans: dict[str, Any], dataset: dict[str, Any], configuration: str
) -> "tuple[nn.Module, int, tuple[int, ...]]":
    """Build the network; returns it with the number of its channels and the size of its input."""
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer  # noqa: PLC0415

    from nnunet_cipa.network import PETCTNetwork  # noqa: PLC0415
    from nnunet_cipa.trainers.target import Training  # noqa: PLC0415

    training = Training(nnUNetTrainer, plans, configuration, dataset)
    network, channels = training.build_network(), training.input_channels
    if isinstance(network, PETCTNetwork):  # with neighbouring slices the plans' patch is a tile of them
        return network, channels * network.slices, network.patch_size
    return network, channels, training.patch_size
