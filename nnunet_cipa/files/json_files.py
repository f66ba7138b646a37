"""JSON files, and what to do about those that cannot be read."""

import json
from pathlib import Path
from typing import Any

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.atomic import write_text

_REMEDY = "run the step that writes it again, to its end"


def read_json(path: Path, remedy: str = _REMEDY) -> Any:
    """Read a JSON file.

    Raises
    ------
    CIPAError
        If it is not there, cannot be read or is not JSON; the message ends with the remedy.
    """
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise CIPAError(f"{path}: no such file; {remedy}") from error
    except OSError as error:
        raise CIPAError(f"{path}: cannot be read ({error.strerror}); check the file and its permissions") from error
    except (ValueError, RecursionError) as error:
        raise CIPAError(f"{path}: is not valid JSON ({error}); {remedy}") from error


def read_object(path: Path, remedy: str = _REMEDY) -> dict[str, Any]:
    """Read a JSON file that holds an object.

    Raises
    ------
    CIPAError
        If it does not, as ``read_json``.
    """
    content = read_json(path, remedy)
    if not isinstance(content, dict):
        raise CIPAError(f"{path}: holds a {type(content).__name__} where an object is expected; {remedy}")
    return content


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file, which appears under its name only when it is whole; its folders are made."""
    write_text(path, json.dumps(content, indent=2) + "\n")
