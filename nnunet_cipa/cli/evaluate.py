"""``nnunet-cipa evaluate``."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

from nnunet_cipa.cli.command import Command
from nnunet_cipa.evaluation.folder_options import EvaluateOptions
from nnunet_cipa.options import Option


def evaluate(
    truth: Path, predictions: tuple[Path, ...], options: EvaluateOptions, *, out: Annotated[Path, Option("DIR")]
) -> None:
    """Score folders of predicted masks against the truth, whoever predicted them, and write a page.

    All measures come with 95 % intervals, and several folders are compared pairwise by paired tests. The page opens
    offline, with Markdown, CSV and JSON beside it.

    Parameters
    ----------
    truth
        Folder of true masks, as nnU-Net's labelsTs.
    predictions
        Folders of predicted masks that have the names of the true ones.
    out
        New folder of the page.
    """
    from nnunet_cipa.evaluation.folders import evaluate_folders  # noqa: PLC0415 - scipy and matplotlib are slow to import

    command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
    print(evaluate_folders(truth, predictions, out, options, command))


COMMAND = Command("evaluate", "score any folders of predicted masks, and write a page", evaluate)
