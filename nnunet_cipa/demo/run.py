"""Runs a demo from its first command to its page."""

import os
from dataclasses import asdict
from pathlib import Path

from nnunet_cipa.demo import rows
from nnunet_cipa.demo.baseline import comparison
from nnunet_cipa.demo.folder import child_environment, export_lines, prepare_folder
from nnunet_cipa.demo.judge import judge
from nnunet_cipa.demo.layout import Demo
from nnunet_cipa.demo.options import DemoOptions
from nnunet_cipa.demo.page import Page, TimedCommand, score_case, write_page
from nnunet_cipa.demo.progress import training_losses
from nnunet_cipa.demo.steps import StepRunner
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.evaluation import fit_pet_threshold
from nnunet_cipa.nnunet.cases import find_cases
from nnunet_cipa.nnunet.summary import read_dice
from nnunet_cipa.ops.choice import check_device
from nnunet_cipa.pages.tables import Table
from nnunet_cipa.processes.commands import Step

NOTICE = (
    "These are synthetic phantoms, drawn by a program. The figures show that the software works from end to end; they "
    "say nothing about patients."
)


def run_demo(out: Path, options: DemoOptions, *, overwrite: bool = False) -> Path:
    """Run the demo and return the path of its page.

    Parameters
    ----------
    out : Path
        New or empty folder; everything is written below it.
    options : DemoOptions
        What to run on.
    overwrite : bool
        Replace an earlier demo in ``out``.

    Raises
    ------
    CIPAError
        If ``out`` holds something else, a step fails, or the network did not learn: a mean Dice on the held-out cases
        below ``MIN_DICE``.
    """
    check_device(options.device)
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
        self.commands = [TimedCommand(line) for line in exports]
        self.seconds: dict[str, float] = {}

    def to_the_end(self) -> Path:
        for step in self.demo.steps():
            self._execute(step)
        tables = [self._run_baseline()] if self.demo.options.baseline else []
        if self.demo.options.rows:
            tables.append(self._run_rows())
        return self._show(tables)

    def _run_baseline(self) -> Table:
        """Train nnU-Net's own network on the cases of the main job, and compare."""
        ours, nnunet = self.demo.main, self.demo.baseline
        nnunet.variant.write(self.demo.own_trainers)
        for step in nnunet.steps():
            self._execute(step)
        table = comparison({"CIPA nano": ours, "nnU-Net's plain 2D network": nnunet}, self.seconds)
        print(f"\n{table.title}\n{table.as_text()}")
        return table

    def _run_rows(self) -> Table:
        for step in rows.data_steps(self.demo):
            self._execute(step)
        for name in self.demo.options.rows:
            (self.demo.out / "rows" / name / "nnUNet_results").mkdir(parents=True)
            for step in rows.row_steps(self.demo, rows.ROWS[name]):
                self._execute(step)
        table = rows.table(self.demo, {name: self.seconds[f"{name}_train"] for name in self.demo.options.rows})
        print(f"\n{table.title}\n{table.as_text()}")
        return table

    def _execute(self, step: Step) -> None:
        print(f"\n$ {step.line}", flush=True)
        seconds = self.runner.run(step)
        print(f"  {seconds:.0f} s", flush=True)
        self.commands.append(TimedCommand(step.line, seconds))
        self.seconds[step.name] = seconds

    def _show(self, tables: list[Table]) -> Path:
        """Write the page of the held-out cases, and judge them."""
        training = self.demo.main
        threshold = fit_pet_threshold(find_cases(training.raw, "Tr"))
        results = [score_case(files, threshold) for files in find_cases(training.raw, "Ts", training.predictions)]
        losses = training_losses(self.runner.log_of("train"))
        verdict = judge(read_dice(training.predictions / "summary.json"), results, losses)
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
