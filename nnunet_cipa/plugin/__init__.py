"""Where nnU-Net finds the trainers: the directory to put into ``nnUNet_extTrainer``."""

from pathlib import Path


def plugin_path() -> Path:
    """Return the directory that ``nnUNet_extTrainer`` has to name.

    nnU-Net puts it on ``sys.path``, imports its modules and then forgets what it imported from there. So it holds one
    module that imports the trainers from the installed package, and nothing else.
    """
    return Path(__file__).resolve().parent / "nnunet_trainers"
