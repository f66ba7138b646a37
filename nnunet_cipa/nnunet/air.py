"""Stored intensities of air, as a model's plans and dataset.json tell them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.nnunet.channels import find_modalities
from nnunet_cipa.nnunet.intensities import find_intensities, find_window

# Denser than air with its noise, thinner than lung.
DENSEST_AIR_HU = -900.0
_LOGIT = 10.0  # nnU-Net weighs it by up to 10 and adds it up in 16 bits


@dataclass(frozen=True)
class Air:
    """What is air, and what is predicted there.

    Attributes
    ----------
    limits : (float, float)
        Highest stored value of air in each channel: at most -900 HU in the CT, and in both channels at most the half
        per cent that is lowest in the tumours of the training set.
    logits : tuple of float
        Of the background, for each output of the network.
    """

    limits: tuple[float, float]
    logits: tuple[float, ...]


def find_air(plans: Mapping[str, Any], schemes: Sequence[str], dataset_json: dict[str, Any], outputs: int) -> Air:
    """Return what air is to a model.

    Parameters
    ----------
    plans : dict
        With nnU-Net's statistics of the tumours.
    schemes : sequence of str
        Normalisation of the channels, as the configuration names it.
    dataset_json : dict
        As the converters write it.
    outputs : int
        Of the network.

    Raises
    ------
    CIPAError
        If they do not tell it, as where the image is normalised by its own mean.
    """
    modalities = find_modalities(dataset_json)
    for modality, scheme in zip(modalities, schemes, strict=True):
        if scheme != "NoNormalization":
            raise CIPAError(f"the {modality} is normalised by {scheme}, after which air has no value that is known")
    window, ranges = find_window(dataset_json, "hu_window"), find_intensities(dataset_json).get("intensity_range")
    if window is None or ranges is None:
        raise CIPAError("dataset.json has no hu_window or no intensity_range, which would tell how air is stored")
    lowest, highest = ranges[modalities.index("CT")]
    densest = lowest + (DENSEST_AIR_HU - window[0]) / (window[1] - window[0]) * (highest - lowest)
    if densest < lowest:
        raise CIPAError(f"the CT is stored from {window[0]:g} HU on, which does not tell air from tissue")
    limits = [_lowest_of_tumours(plans, channel) for channel in ("0", "1")]
    limits[modalities.index("CT")] = min(limits[modalities.index("CT")], densest)
    regions = any(isinstance(value, list) for value in dataset_json["labels"].values())
    first = -_LOGIT if regions else _LOGIT
    return Air((limits[0], limits[1]), (first, *[-_LOGIT] * (outputs - 1)))


def _lowest_of_tumours(plans: Mapping[str, Any], channel: str) -> float:
    try:
        return float(plans["foreground_intensity_properties_per_channel"][channel]["percentile_00_5"])
    except (KeyError, TypeError, ValueError) as error:
        raise CIPAError("the plans have no percentile_00_5 of the tumours' intensities") from error
