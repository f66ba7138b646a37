"""Stored intensities, as dataset.json tells them."""

from collections.abc import Callable, Mapping
from typing import Any

from nnunet_cipa.errors import CIPAError, shown

_CHANNELS = ("0", "1")
# Keys of dataset.json by which the converters say what is stored.
KEYS = ("intensity", "hu_window", "suv_range")
_READY = ("paper", "window")
# Of PCLT20K, whose dataset.json did not have it always; its SUV are not published.
PAPER_HU = [-1200.0, -200.0]


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


def describe_mismatch(source: Mapping[str, Any], target: Mapping[str, Any]) -> str | None:
    """Return how the stored intensities of two data sets differ, as far as both say what they are, or None.

    Parameters
    ----------
    source, target : mapping
        ``KEYS`` of their dataset.json; what is not there is not compared, such as the SUV of PCLT20K.
    """
    kinds = [_kind(facts) for facts in (source, target)]
    if None in kinds:
        return None
    if kinds[0] != kinds[1]:
        return f"--intensity {source['intensity']} and --intensity {target['intensity']}"
    if not kinds[0]:
        return None
    for key, option in (("hu_window", "--hu-window"), ("suv_range", "--suv-range")):
        ours, theirs = (find_window(facts, key) for facts in (source, target))
        if ours is not None and theirs is not None and ours != theirs:
            return f"{option} {ours[0]:g} {ours[1]:g} and {option} {theirs[0]:g} {theirs[1]:g}"
    return None


def _kind(facts: Mapping[str, Any]) -> bool | None:
    """Return whether intensities are ready for the network, or for nnU-Net to normalise; None if nothing is said."""
    return {**dict.fromkeys(_READY, True), "raw": False}.get(str(facts.get("intensity")))


def find_window(facts: Mapping[str, Any], key: str) -> list[float] | None:
    """Return ``hu_window`` or ``suv_range`` of dataset.json, or None if it does not say."""
    value = facts.get(key)
    if value is None and key == "hu_window" and facts.get("intensity") == "paper":
        return PAPER_HU
    if not isinstance(value, list | tuple):
        return None
    return [float(limit) for limit in value] if _is_range([*value]) else None


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
