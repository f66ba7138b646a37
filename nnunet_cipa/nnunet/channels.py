"""Input channels of CT and PET, as dataset.json tells them."""

from typing import Any

from nnunet_cipa.errors import CIPAError

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
    channels = dataset_json.get("channel_names")
    if isinstance(channels, dict) and len(channels) > 2:
        raise CIPAError(
            f"dataset.json: channel_names is {channels}, and CIPA reads two channels, one CT and one PET; nnU-Net "
            "gives a network every channel of a data set, so make one without the others"
        )
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
