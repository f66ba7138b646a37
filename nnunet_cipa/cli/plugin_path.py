"""``nnunet-cipa plugin-path``."""

from nnunet_cipa.cli.command import Command
from nnunet_cipa.plugin import plugin_path


def print_path() -> None:
    """Print the one directory to put in nnUNet_extTrainer: export nnUNet_extTrainer="$(nnunet-cipa plugin-path)"."""
    print(plugin_path())


COMMAND = Command("plugin-path", "print the directory to put in nnUNet_extTrainer", print_path)
