"""Runs a demo from its first command to its page."""

import os
from dataclasses import asdict
from pathlib import Path

from nnunet_cipa.demo import rows
from nnunet_cipa.demo.folder import child_environment, export_lines, prepare_folder
from nnunet_cipa.demo.judge import judge
from nnunet_cipa.demo.layout import Demo, Options
from nnunet_cipa.demo.progress import training_losses
from nnunet_cipa.demo.steps import StepRunner
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.evaluation import Command, Page, find_cases, fit_pet_threshold, read_dice, score_case, write_page
from nnunet_cipa.processes import Step
from nnunet_cipa.tables import Table

NOTICE = (
    "These are synthetic phantoms, drawn by a program. The figures show that the software works from end to end; they "
    "say nothing about patients."
)


def run_demo(out: Path, options: Options, *, overwrite: bool = False) -> Path:
    """Run the demo and return the path of its page.

    Parameters
    ----------
    out : Path
        New or empty folder; everything is written below it.
    options : Options
        What to run on.
    overwrite : bool
        Replace an earlier demo in ``out``.

    Raises
    ------
    CIPAError
        If ``out`` holds something else, a step fails, or the network did not learn: a mean Dice on the held-out cases
        below ``MIN_DICE``.
    """
    demo = Demo(out.absolute(), options)
    prepare_folder(demo, overwrite=overwrite)
    return _Run(demo).to_the_end()


class _Run:
    def __init__(self, demo: Demo) -> None:
        environment = child_environment(os.environ, demo.variables)
        exports = export_lines(demo, environment)
        print("\n".join(exports), flush=True)
        self.demo = demo
        self.runner = StepRunner(demo.out / "logs", environment)
        self.commands = [Command(line) for line in exports]

    def to_the_end(self) -> Path:
        for step in self.demo.steps():
            self._execute(step)
        self.losses = training_losses(self.runner.log_of("train"))
        tables = [self._run_rows()] if self.demo.options.rows else []
        return self._show(tables)

    def _run_rows(self) -> Table:
        for step in rows.data_steps(self.demo):
            self._execute(step)
        training_seconds = {}
        for name in self.demo.options.rows:
            (self.demo.out / "rows" / name / "nnUNet_results").mkdir(parents=True)
            seconds = {step.name: self._execute(step) for step in rows.row_steps(self.demo, rows.ROWS[name])}
            training_seconds[name] = seconds[f"{name}_train"]
        table = rows.table(self.demo, training_seconds)
        print(f"\n{table.title}\n{table.as_text()}")
        return table

    def _execute(self, step: Step) -> float:
        print(f"\n$ {step.line}", flush=True)
        seconds = self.runner.run(step)
        print(f"  {seconds:.0f} s", flush=True)
        self.commands.append(Command(step.line, seconds))
        return seconds

    def _show(self, tables: list[Table]) -> Path:
        """Write the page of the held-out cases, and judge them."""
        training = self.demo.main
        threshold = fit_pet_threshold(find_cases(training.raw, "Tr"))
        results = [score_case(files, threshold) for files in find_cases(training.raw, "Ts", training.predictions)]
        verdict = judge(read_dice(training.predictions / "summary.json"), results, self.losses)
        page = write_page(
            Page(
                title="CIPA demo: lung tumours in PET/CT, from slices to predicted masks",
                notice=NOTICE,
                verdict=verdict,
                results=results,
                threshold=threshold,
                curve=training.model / "fold_0" / "progress.png",
                tables=tables,
                commands=self.commands,
                facts={name: str(value) for name, value in asdict(self.demo.options).items()},
            ),
            self.demo.out / "report",
        )
        if not verdict.passed:
            raise CIPAError(f"{verdict.sentence} See {page}, and {self.demo.out / 'logs'} for what each step printed.")
        print(f"\n{verdict.sentence}")
        return page
