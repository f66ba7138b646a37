"""nnU-Net's splits_final.json."""

from pathlib import Path
from typing import Any

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.json_files import read_json


def read_splits(path: Path, remedy: str) -> list[dict[str, list[str]]]:
    """Read the cases of ``train`` and ``val`` of each fold.

    Raises
    ------
    CIPAError
        If the file is not laid out as nnU-Net's; the message ends with the remedy.
    """
    content = read_json(path, remedy)
    if not isinstance(content, list) or not content or not all(map(_is_fold, content)):
        raise CIPAError(f"{path}: is not a list of folds with the cases of train and val; {remedy}")
    return content


def _is_fold(content: Any) -> bool:
    return isinstance(content, dict) and all(
        isinstance(content.get(part), list) and all(isinstance(case, str) for case in content[part])
        for part in ("train", "val")
    )
