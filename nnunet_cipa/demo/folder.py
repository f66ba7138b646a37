"""The folder of a demo, and the environment of its commands."""

import json
import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from nnunet_cipa import __version__
from nnunet_cipa.demo.layout import Demo
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.nnunet.folders import VARIABLES
from nnunet_cipa.trainers.encoder_file import ENCODER_VARIABLE

MARKER = "demo.json"
_MAKER = "nnunet_cipa demo"
OWN_FOLDERS = (
    "phantom_pclt20k", "phantom_lucid", *VARIABLES, "predictions", "predictions_nnunet", "trainers", "rows", "logs",
    "report",
)  # fmt: skip


def child_environment(parent: Mapping[str, str], variables: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the commands: the caller's without what steers nnU-Net there, then the demo's own.

    What they print appears in their logs at once, as the progress of a training is read there.
    """
    kept = {
        name: value for name, value in parent.items() if not name.startswith("nnUNet_") and name != ENCODER_VARIABLE
    }
    programs, path = str(Path(sys.executable).parent), kept.get("PATH", os.defpath)
    if programs not in path.split(os.pathsep):
        path = f"{programs}{os.pathsep}{path}"
    return {**kept, "PATH": path, "PYTHONUNBUFFERED": "1", **variables}


def export_lines(demo: Demo, environment: Mapping[str, str]) -> list[str]:
    """Return the lines that set the variables in a shell."""
    lines = [f"export {name}={shlex.quote(value)}" for name, value in demo.variables.items()]
    if environment["PATH"] != os.environ.get("PATH"):
        lines.insert(0, f'export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"')
    return lines


def prepare_folder(demo: Demo, *, overwrite: bool) -> None:
    """Make the folders, after those of an earlier demo, which belong to the demo with all they hold, were removed."""
    out = demo.out
    if out.exists() and not out.is_dir():
        raise CIPAError(f"{out}: is a file; give a new folder")
    if out.exists() and any(out.iterdir()):
        if not _holds_demo(out):
            raise CIPAError(f"{out}: is not empty and holds no earlier demo; give a new folder")
        if not overwrite:
            raise CIPAError(f"{out}: holds an earlier demo; give --overwrite to replace it, or a new folder")
        for name in OWN_FOLDERS:
            if (out / name).exists():
                shutil.rmtree(out / name)
    for name in (*VARIABLES, "logs"):
        (out / name).mkdir(parents=True, exist_ok=True)
    facts = {"made_by": f"{_MAKER} {__version__}", "options": asdict(demo.options)}
    (out / MARKER).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def _holds_demo(out: Path) -> bool:
    try:
        facts = json.loads((out / MARKER).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return False
    return isinstance(facts, dict) and str(facts.get("made_by", "")).startswith(_MAKER)
