"""Trains the rows of docs/evidence.md and writes its tables.

python -m tests.measurements.evidence prepare FOLDER
python -m tests.measurements.evidence run FOLDER [--rows NAME ...] [--seeds N ...] [--jobs 2] [--device cuda]
python -m tests.measurements.evidence report

``prepare`` makes the phantoms below FOLDER and plans them. ``run`` does that too unless it was done, trains each row
with each seed and writes a file in JSON for each to docs/measurements/evidence. What has its file is not run again, and
what was cut off goes on. ``report`` reads the files and writes the tables and figures of docs/evidence.md.
"""

import argparse
import signal
from dataclasses import fields
from pathlib import Path

from nnunet_cipa.errors import CIPAError
from tests.measurements.evidence.phantoms import Phantoms
from tests.measurements.evidence.records import PHANTOMS, run_path, write_phantoms, write_run
from tests.measurements.evidence.report import report
from tests.measurements.evidence.rows import ROWS
from tests.measurements.evidence.settings import Settings
from tests.measurements.evidence.training import Trainings

DOCS = Path(__file__).parents[3] / "docs"
SEEDS = (0, 1, 2, 3, 4)


def run(trainings, rows, seeds, out):
    """Train what has no file yet, seed by seed, and write the files."""
    phantoms = trainings.phantoms
    if (out / PHANTOMS).is_file():
        phantoms.settings.check(out / PHANTOMS)
    phantoms.prepare()
    if not (out / PHANTOMS).is_file():
        write_phantoms(out, phantoms)
    for seed in seeds:
        keep(trainings, rows, seed, out)
        missing = [row for row in rows if not run_path(out, row.name, seed).is_file()]
        if not missing:
            continue
        print(f"seed {seed}: {', '.join(row.name for row in missing)}", flush=True)
        try:
            trainings.run(missing, seed)
        finally:
            keep(trainings, missing, seed, out)


def keep(trainings, rows, seed, out):
    """Write the files of those rows that are trained and have none."""
    for row in rows:
        trained = trainings.find(row, seed)
        if trained is not None and trained.is_done and not run_path(out, row.name, seed).is_file():
            write_run(out, trainings, row, seed, trained)


def parser():
    whole = argparse.ArgumentParser(
        prog="python -m tests.measurements.evidence",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = whole.add_subparsers(dest="action", required=True)
    preparing = actions.add_parser("prepare", help="make and plan the phantoms")
    training = actions.add_parser("run", help="train rows and write their files")
    for action in (preparing, training):
        action.add_argument("folder", type=Path)
        for field in fields(Settings):
            name = f"--{field.name.replace('_', '-')}"
            action.add_argument(name, type=field.type, default=field.default, metavar="N")
    training.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS), metavar="NAME", help=", ".join(ROWS))
    training.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS), metavar="N")
    training.add_argument("--jobs", type=int, default=1, metavar="N", help="trainings at a time")
    training.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    reporting = actions.add_parser("report", help="write the tables and figures of the page")
    reporting.add_argument("--page", type=Path, default=DOCS / "evidence.md")
    reporting.add_argument("--seeds", type=int, default=len(SEEDS), metavar="N", help="how many a row should have")
    for action in (training, reporting):
        action.add_argument("--runs", type=Path, default=DOCS / "measurements" / "evidence", help="folder of the files")
    return whole


def main(words=None):
    """Do what the command line says."""
    given = parser().parse_args(words)
    try:
        if given.action == "report":
            report(given.runs, given.page, given.seeds)
            return
        settings = Settings(**{field.name: getattr(given, field.name) for field in fields(Settings)})
        phantoms = Phantoms(given.folder, settings)
        if given.action == "prepare":
            phantoms.prepare()
            return
        trainings = Trainings(phantoms, given.device, given.jobs)
        run(trainings, [ROWS[name] for name in given.rows], given.seeds, given.runs)
    except CIPAError as error:
        raise SystemExit(f"evidence: {error}") from error


if __name__ == "__main__":
    # As Ctrl-C: trainings end too, and what is trained gets its file.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    main()
