"""The command that measures the same again, from the settings: without paths, and with all defaults spelt out."""

import shlex
from dataclasses import fields
from typing import Any


def command_line(subject: str, settings: Any) -> str:
    """Spell out a command.

    Parameters
    ----------
    subject : str
        "scan", "network" or "patient".
    settings : dataclass
        Its fields are the options; a tuple of tuples is an option that is given several times.
    """
    words = ["nnunet-cipa", "bench", subject]
    for field in fields(settings):
        value, flag = getattr(settings, field.name), f"--{field.name.replace('_', '-')}"
        if isinstance(value, bool):
            words += [flag] if value else []
        elif isinstance(value, str | int):
            words += [flag, str(value)]
        elif all(isinstance(item, tuple) for item in value):
            words += [word for item in value for word in (flag, *map(str, item))]
        else:
            words += [flag, *map(str, value)]
    return shlex.join(words)
