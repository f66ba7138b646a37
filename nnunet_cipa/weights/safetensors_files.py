"""Reading and writing safetensors: tensors, and what the file says of their network."""

from pathlib import Path

from torch import Tensor

from nnunet_cipa import __version__
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.atomic import replacing
from nnunet_cipa.weights.facts import Facts, facts_of_metadata, metadata_of

SUFFIX = ".safetensors"


def read_safetensors(path: Path) -> tuple[dict[str, Tensor], Facts]:
    """Read tensors and metadata.

    Raises
    ------
    CIPAError
        If it is not such a file, or not all of it.
    """
    from safetensors import SafetensorError, safe_open  # noqa: PLC0415 - only needed for this format

    try:
        with safe_open(path, "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, facts_of_metadata(file.metadata() or {})  # noqa: SIM118 - no mapping
    except (SafetensorError, UnicodeDecodeError) as error:
        raise CIPAError(f"{path}: is truncated or no safetensors file; download it again") from error


def write_safetensors(weights: dict[str, Tensor], facts: Facts, path: Path) -> None:
    """Write tensors, what is known of their network, and this package's version; whole or not at all."""
    from safetensors.torch import save  # noqa: PLC0415 - as above

    separate = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in weights.items()}
    content = save(separate, {"format": "pt", "nnunet_cipa": __version__, **metadata_of(facts)})
    with replacing(path) as file:
        file.write(content)
