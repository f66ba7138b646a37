"""The nano variant of a trainer, as a module that nnU-Net finds by nnUNet_extTrainer.

``python -m tests.measurements.nano FOLDER TRAINER ...`` writes them and prints their names.
"""

import argparse
from pathlib import Path


def nano_name(trainer: str, **settings: int) -> str:
    """Return the name of a trainer's nano variant with further settings of its network."""
    return "_".join((trainer, "nano", *(f"{name}{value}" for name, value in settings.items())))


def write_nano(trainer: str, folder: Path, **settings: int) -> str:
    """Write a trainer with the demo's short settings and the nano variant, and return its name."""
    name, network = nano_name(trainer, **settings), {"variant": "nano", **settings}
    text = f"""from nnunet_cipa.trainers import {trainer}
from nnunet_cipa.trainers.variants.demo import Shortened


class {name}(Shortened, {trainer}):
    architecture = {{**{trainer}.architecture, **{network}}}
"""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.py").write_text(text, encoding="utf-8")
    return name


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("trainers", nargs="+", metavar="trainer", help="as nnUNetTrainerCMX")
    given = parser.parse_args()
    for each in given.trainers:
        print(write_nano(each, given.folder))
