"""The channels as dataset.json has them: nnU-Net chooses the normalisation by their names."""

from typing import Any

# What CIPA was trained on, v / 255 * 3.2 - 1.6 for a grey value v of PCLT20K, from its lowest value on.
LOWEST, WIDTH = -1.6, 3.2
READY_CHANNELS: dict[str, dict[str, Any]] = {
    "channel_names": {"0": "noNorm", "1": "noNorm"},
    "intensity_offset": {"0": LOWEST, "1": LOWEST},
    "intensity_range": {"0": [0.0, WIDTH], "1": [0.0, WIDTH]},
}
RAW_CHANNELS: dict[str, dict[str, Any]] = {"channel_names": {"0": "CT", "1": "PET"}}
