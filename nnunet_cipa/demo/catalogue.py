"""The rows of the IGTV table that the demo can train."""

from typing import NamedTuple


class AblationRow(NamedTuple):
    """A row of the paper's table: its name for ``--rows``, what it says, and how it is trained."""

    name: str
    title: str
    trainer: str
    transferred: bool


ROWS = {
    row.name: row
    for row in (
        AblationRow("2d", "2D, IGTV alone", "nnUNetTrainerCIPA_demoTransfer", False),
        AblationRow("2d-transfer", "2D, from GTV", "nnUNetTrainerCIPA_demoTransfer", True),
        AblationRow("25d-transfer", "2.5D, from GTV", "nnUNetTrainerCIPA25D_demoTransfer", True),
        AblationRow("sim-transfer", "2.5D and SIM, from GTV", "nnUNetTrainerCIPASIM_demoTransfer", True),
    )
}
