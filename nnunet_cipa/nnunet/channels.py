"""Input channels of CT and PET, as dataset.json tells them."""

from collections.abc import Sized
from typing import Any

from nnunet_cipa.errors import CIPAError, shown

_SPELLINGS = {"CT": "CT", "PET": "PET", "PT": "PET"}


def find_modalities(dataset_json: dict[str, Any]) -> tuple[str, ...]:
    """Return the modality of each input channel, ("CT", "PET") or ("PET", "CT").

    The key ``modalities`` that the converters write wins over nnU-Net's ``channel_names``, whose values choose the
    normalisation and so may say "noNorm" for both.

    Parameters
    ----------
    dataset_json : dict
        The content of dataset.json.

    Raises
    ------
    CIPAError
        If the channels are not one CT and one PET; the message says what was found.
    """
    key = "modalities" if "modalities" in dataset_json else "channel_names"
    names = dataset_json.get(key, {})
    modalities: tuple[str, ...] = ()
    if isinstance(names, dict) and names.keys() == {"0", "1"}:
        modalities = tuple(_SPELLINGS.get(str(names[index]).upper(), "") for index in ("0", "1"))
    if sorted(modalities) != ["CT", "PET"]:
        raise CIPAError(
            f"dataset.json: {key} is {names}, and CIPA needs one CT and one PET channel; if the data are that, set "
            '"modalities": {"0": "CT", "1": "PET"} (in the order of the channels) in dataset.json, in the data set\'s '
            "folders of nnUNet_preprocessed, from which nnU-Net trains, and of nnUNet_raw"
        )
    return modalities


def check_channels(dataset_json: dict[str, Any]) -> None:
    """Refuse a data set of which nnU-Net gives a network other than two channels.

    Raises
    ------
    CIPAError
        With what was found.
    """
    # nnU-Net counts these, the first as its version 1 had them
    counted = "modality" if "modality" in dataset_json else "channel_names"
    channels = dataset_json.get(counted)
    count = len(channels) if isinstance(channels, Sized) else 0
    if count > 2 or (count < 2 and "modalities" in dataset_json):
        raise CIPAError(
            f"dataset.json: {counted} is {shown(channels)}, and CIPA reads two channels, one CT and one PET; nnU-Net "
            "gives a network every channel of a data set, so make one with these two alone"
        )
