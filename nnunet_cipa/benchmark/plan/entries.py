"""Entries of a comparison: trainers, and what each starts from."""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from nnunet_cipa.errors import CIPAError


class WeightSource(Enum):
    """What the weights of a new training are."""

    AS_SET = "as set"  # the encoder file in NNUNET_CIPA_ENCODER, if it is set and the trainer is one of CIPA
    INITIAL = "initial"  # drawn, whatever is set
    ENCODER = "encoder"  # the encoder file, which has to be set
    CHECKPOINT = "checkpoint"  # a file for -pretrained_weights, as it is
    ADAPTED = "adapted"  # the same after nnunet-cipa weights adapt


@dataclass(frozen=True)
class Entry:
    """A trainer as the user or a preset names it.

    Attributes
    ----------
    trainer : str
        A trainer's name in nnU-Net.
    title : str
        What a table calls it.
    source : WeightSource
        What it starts from.
    checkpoint : Path or None
        The file for ``WeightSource.CHECKPOINT`` and ``WeightSource.ADAPTED``.
    """

    trainer: str
    title: str
    source: WeightSource = WeightSource.AS_SET
    checkpoint: Path | None = None


def parse_entry(text: str, *, adapt: bool = False) -> Entry:
    """Read ``NAME`` or ``NAME:CHECKPOINT``.

    Parameters
    ----------
    text : str
        As it is given after ``--trainers``.
    adapt : bool
        Adapt the checkpoint to the trainer.

    Raises
    ------
    CIPAError
        If a part is missing or there is no such file.
    """
    name, colon, path = text.partition(":")
    if not name.isidentifier() or "__" in name or (colon and not path):
        raise CIPAError(f"--trainers {text}: is neither NAME nor NAME:CHECKPOINT; NAME is what follows nnU-Net's -tr")
    if not colon:
        return Entry(name, name)
    source = WeightSource.ADAPTED if adapt else WeightSource.CHECKPOINT
    return Entry(name, f"{name} from {Path(path).name}", source, existing_file(Path(path), f"--trainers {text}"))


def existing_file(path: Path, option: str) -> Path:
    """Return the absolute path of a file that exists.

    Raises
    ------
    CIPAError
        If it does not.
    """
    if not path.is_file():
        raise CIPAError(f"{option}: {path} is not a file; give the checkpoint to start from")
    return path.absolute()
