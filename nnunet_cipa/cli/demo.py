"""``nnunet-cipa demo``."""

from pathlib import Path

from nnunet_cipa import demo
from nnunet_cipa.cli.command import Command
from nnunet_cipa.demo.options import DemoOptions


def run_demo(out: Path, options: DemoOptions, *, overwrite: bool = False) -> None:
    """Run the whole job on synthetic patients, each step by the command that you would type.

    Make synthetic PET/CT patients, convert them, plan, train a small network, predict and evaluate held-out patients,
    and write a page with the results to OUT/report/index.html. Then fine-tune on synthetic IGTV, from these weights and
    from nothing, and compare. Ends with status 1 if the network did not learn.

    Parameters
    ----------
    out
        A new or empty folder for everything that is written.
    overwrite
        Replace an earlier demo in OUT.
    """
    print(f"open {demo.run_demo(out, options, overwrite=overwrite)}")


COMMAND = Command("demo", "run the whole job on synthetic patients, in minutes on a CPU", run_demo)
