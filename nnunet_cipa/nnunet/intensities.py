"""Stored intensities, as dataset.json tells them."""

from collections.abc import Callable
from typing import Any

from nnunet_cipa.errors import CIPAError, shown

_CHANNELS = ("0", "1")


def find_intensities(dataset_json: dict[str, Any]) -> dict[str, Any]:
    """Return ``offset`` and ``intensity_range`` of the network, in the channels' order, as far as they are there.

    The converters write both for intensities that nnU-Net leaves alone: what is stored has zero as its lowest value,
    and ``intensity_offset`` is what the network adds. A data set without the keys is read as it is stored.

    Parameters
    ----------
    dataset_json : dict
        The content of dataset.json.

    Raises
    ------
    CIPAError
        If a key holds no numbers for the two channels.
    """
    found: dict[str, Any] = {}
    if "intensity_offset" in dataset_json:
        found["offset"] = _of_channels(dataset_json, "intensity_offset", _is_number, "a number")
    if "intensity_range" in dataset_json:
        found["intensity_range"] = _of_channels(dataset_json, "intensity_range", _is_range, "[lowest, highest]")
    return found


def _of_channels(dataset_json: dict[str, Any], key: str, is_right: Callable[[object], bool], what: str) -> list[Any]:
    values = dataset_json[key]
    if not isinstance(values, dict) or values.keys() != set(_CHANNELS) or not all(map(is_right, values.values())):
        raise CIPAError(
            f'dataset.json: {key} is {shown(values)}; it has to be {{"0": {what}, "1": {what}}}, as the conversion '
            "wrote it: convert the data set again"
        )
    return [values[channel] for channel in _CHANNELS]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")


def _is_range(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_number, value)) and value[0] < value[1]
