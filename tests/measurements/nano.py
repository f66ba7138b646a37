"""The nano variant of a trainer, as a module that nnU-Net finds by nnUNet_extTrainer."""

from pathlib import Path


def write_nano(trainer: str, folder: Path) -> str:
    """Write a trainer with the demo's short settings and the nano variant, and return its name."""
    name = f"{trainer}_nano"
    text = f"""from nnunet_cipa.trainers import {trainer}
from nnunet_cipa.trainers.variants.demo import Shortened


class {name}(Shortened, {trainer}):
    architecture = {{**{trainer}.architecture, "variant": "nano"}}
"""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.py").write_text(text, encoding="utf-8")
    return name
