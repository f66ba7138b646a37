"""Facts in a weights file on the network that its weights are of, as plain values."""

import json
from dataclasses import dataclass
from typing import Any

from nnunet_cipa.nnunet.intensities import KEYS

_JSON = ("patch_size", "slices", "arch_kwargs", "labels", "regions_class_order", "intensities", "mirror_axes")
_TEXT = ("trainer", "network", "configuration")


@dataclass(frozen=True)
class Facts:
    """What is known of a network; None where the file does not say.

    Attributes
    ----------
    patch_size : (int, int) or None
        (H, W).
    trainer, network : str or None
        Names of the trainer and of the network's class.
    arch_kwargs : dict or None
        The network's arguments in the plans.
    labels : dict or None
        As in dataset.json.
    regions_class_order : list or None
        As in dataset.json; labels are regions if it is there.
    slices : int or None
        Neighbouring slices that the network reads.
    intensities : dict or None
        What dataset.json says of stored intensities (see ``nnunet_cipa.nnunet.intensities.KEYS``).
    configuration : str or None
        Name of the configuration in the plans; only checkpoints of nnU-Net have it.
    mirror_axes : tuple of int or None
        Axes along which nnU-Net mirrors when it predicts; None for no mirroring too.
    """

    patch_size: tuple[int, int] | None = None
    trainer: str | None = None
    network: str | None = None
    arch_kwargs: dict[str, Any] | None = None
    labels: dict[str, Any] | None = None
    regions_class_order: list[Any] | None = None
    slices: int | None = None
    intensities: dict[str, Any] | None = None
    configuration: str | None = None
    mirror_axes: tuple[int, ...] | None = None

    @property
    def has_regions(self) -> bool:
        """Whether labels are regions."""
        return self.regions_class_order is not None


def facts_of_checkpoint(content: Any) -> Facts:
    """Find them in a checkpoint of nnU-Net, or in a file of ``write_checkpoint``: patch size and slices alone."""
    configuration = _look_up(content, "init_args", "configuration")
    architecture = _look_up(content, "init_args", "plans", "configurations", configuration, "architecture")
    dataset_json = _look_up(content, "init_args", "dataset_json")
    return _check(
        {
            "patch_size": _look_up(content, "patch_size"),
            "slices": _look_up(content, "slices"),
            "trainer": _look_up(content, "trainer_name"),
            "network": _look_up(architecture, "network_class_name"),
            "arch_kwargs": _look_up(architecture, "arch_kwargs"),
            "labels": _look_up(dataset_json, "labels"),
            "regions_class_order": _look_up(dataset_json, "regions_class_order"),
            "intensities": {key: dataset_json[key] for key in KEYS if key in dataset_json}
            if isinstance(dataset_json, dict)
            else None,
            "configuration": configuration,
            "mirror_axes": _look_up(content, "inference_allowed_mirroring_axes"),
        }
    )


def facts_of_metadata(metadata: dict[str, str]) -> Facts:
    """Find them in the metadata of a safetensors file."""
    found: dict[str, Any] = {key: metadata.get(key) for key in _TEXT}
    for key in _JSON:
        try:
            found[key] = json.loads(metadata.get(key, "null"))
        except (ValueError, RecursionError):
            found[key] = None
    return _check(found)


def metadata_of(facts: Facts) -> dict[str, str]:
    """Return what is known as the metadata of a safetensors file: texts, and everything else in JSON."""
    values = {key: getattr(facts, key) for key in (*_TEXT, *_JSON)}
    return {
        key: value if key in _TEXT else json.dumps(value, sort_keys=False)
        for key, value in values.items()
        if value is not None
    }


def _check(found: dict[str, Any]) -> Facts:
    """Keep what has the type that it should have, and nothing but plain values: the file may be anybody's."""
    arch_kwargs = _plain(found["arch_kwargs"], dict)
    return Facts(
        patch_size=_two_sides(found["patch_size"]) or _two_sides(_look_up(arch_kwargs, "patch_size")),
        trainer=_name(found["trainer"]),
        network=_name(found["network"]),
        arch_kwargs=arch_kwargs,
        labels=_plain(found["labels"], dict),
        regions_class_order=_plain(found["regions_class_order"], list),
        slices=_count(found["slices"] if arch_kwargs is None else arch_kwargs.get("slices", 1)),
        intensities=_plain(found["intensities"], dict) or None,
        configuration=_name(found["configuration"]),
        mirror_axes=_axes(found["mirror_axes"]),
    )


def _plain(value: Any, kind: type) -> Any:
    """Return the value as it is after JSON; None if it is of another type or not plain."""
    if not isinstance(value, kind):
        return None
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        return None


def _name(value: Any) -> str | None:
    return value if isinstance(value, str) and value.isprintable() else None


def _count(value: Any) -> int | None:
    return value if type(value) is int and value > 0 else None


def _axes(value: Any) -> tuple[int, ...] | None:
    if isinstance(value, list | tuple) and value and all(type(axis) is int and 0 <= axis < 3 for axis in value):
        return tuple(value)
    return None


def _two_sides(value: Any) -> tuple[int, int] | None:
    if isinstance(value, list) and len(value) == 2 and all(type(side) is int and side > 0 for side in value):
        return value[0], value[1]
    return None


def _look_up(content: Any, *keys: Any) -> Any:
    """Follow keys through nested dictionaries; None where one is missing."""
    for key in keys:
        content = content.get(key) if isinstance(content, dict) and isinstance(key, str) else None
    return content
