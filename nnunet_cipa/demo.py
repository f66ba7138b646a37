"""The whole main job on synthetic patients: make, convert, plan, train, predict, evaluate, show."""

import json
import math
import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from nnunet_cipa import __version__
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.evaluation import (
    CaseResult,
    Command,
    Page,
    Verdict,
    find_cases,
    fit_pet_threshold,
    read_dice,
    score_case,
    write_page,
)
from nnunet_cipa.plugin import plugin_path
from nnunet_cipa.steps import Step, StepRunner
from nnunet_cipa.trainers.base import ENCODER_VARIABLE

DATASET_ID = 701
DATASET = f"Dataset{DATASET_ID}_PCLT20K"
TRAINER = "nnUNetTrainerCIPA_demo"
# Four trainings on different phantoms reached 0.58 to 0.65; a network that finds nothing has 0.
MIN_DICE = 0.4
NNUNET_FOLDERS = ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")
MARKER = "demo.json"
_MAKER = "nnunet_cipa demo"
NOTICE = (
    "These are synthetic phantoms, drawn by a program. The figures show that the software works from end to end; they "
    "say nothing about patients."
)


@dataclass(frozen=True)
class Options:
    """What the demo runs on.

    Attributes
    ----------
    patients, size, slices, seed : int
        Of the phantom: patients, a fifth of them held out; pixels a side; slices a patient, about; seed.
    device : str
        "cpu" or "cuda".
    """

    patients: int = 40
    size: int = 128
    slices: int = 8
    seed: int = 0
    device: str = "cpu"


@dataclass(frozen=True)
class Demo:
    """The folders of a demo under ``out``, and the commands that fill them."""

    out: Path
    options: Options

    @property
    def dataset(self) -> Path:
        """The converted phantom."""
        return self.out / "nnUNet_raw" / DATASET

    @property
    def model(self) -> Path:
        """The folder of the trained model."""
        return self.out / "nnUNet_results" / DATASET / f"{TRAINER}__nnUNetPlans__2d"

    @property
    def predictions(self) -> Path:
        """The predicted masks of the held-out cases."""
        return self.out / "predictions"

    @property
    def variables(self) -> dict[str, str]:
        """The variables that all commands need; few processes, as each imports torch, and no compiler."""
        return {
            **{name: str(self.out / name) for name in NNUNET_FOLDERS},
            "nnUNet_extTrainer": str(plugin_path()),
            "nnUNet_def_n_proc": "2",
            "nnUNet_compile": "f",
        }

    def steps(self) -> tuple[Step, ...]:
        """Return the stock commands in their order."""
        phantom, options = self.out / "phantom", self.options
        which = ("-d", str(DATASET_ID), "-c", "2d")
        how = ("-tr", TRAINER, "-device", options.device)
        drawn = [(f"--{name}", getattr(options, name)) for name in ("patients", "size", "slices", "seed")]
        return (
            _step("phantom", "nnunet-cipa", "phantom", "pclt20k", phantom, *(word for pair in drawn for word in pair)),
            _step(
                "convert", "nnunet-cipa", "convert", "pclt20k", phantom, "--dataset-id", DATASET_ID, "--processes", 1,
            ),
            _step("plan", "nnUNetv2_plan_and_preprocess", *which, "--verify_dataset_integrity", "-npfp", 1, "-np", 1),
            # In the process of the training itself, the loader takes least time on few cores; planning fails with 0.
            _step("train", "nnUNetv2_train", DATASET_ID, "2d", 0, *how, nnUNet_n_proc_DA="0"),
            _step(
                "predict", "nnUNetv2_predict", "-i", self.dataset / "imagesTs", "-o", self.predictions, *which,
                "-f", 0, *how, "-npp", 0, "-nps", 0,
            ),
            _step(
                "evaluate", "nnUNetv2_evaluate_folder", self.dataset / "labelsTs", self.predictions, "-djfile",
                self.model / "dataset.json", "-pfile", self.model / "plans.json", "-np", 1,
            ),
        )  # fmt: skip


def _step(name: str, *command: object, **variables: str) -> Step:
    return Step(name, tuple(str(word) for word in command), variables)


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
    _prepare(demo, overwrite=overwrite)
    environment = child_environment(os.environ, demo.variables)
    exports = _exports(demo, environment)
    print("\n".join(exports), flush=True)
    runner = StepRunner(demo.out / "logs", environment)
    commands = [Command(line) for line in exports]
    for step in demo.steps():
        print(f"\n$ {step.line}", flush=True)
        seconds = runner.run(step)
        print(f"  {seconds:.0f} s", flush=True)
        commands.append(Command(step.line, seconds))
    return _show(demo, commands)


def child_environment(parent: Mapping[str, str], variables: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the commands: the caller's without what steers nnU-Net there, then the demo's own."""
    kept = {
        name: value for name, value in parent.items() if not name.startswith("nnUNet_") and name != ENCODER_VARIABLE
    }
    programs, path = str(Path(sys.executable).parent), kept.get("PATH", os.defpath)
    if programs not in path.split(os.pathsep):
        path = f"{programs}{os.pathsep}{path}"
    return {**kept, "PATH": path, **variables}


def _exports(demo: Demo, environment: Mapping[str, str]) -> list[str]:
    lines = [f"export {name}={shlex.quote(value)}" for name, value in demo.variables.items()]
    if environment["PATH"] != os.environ.get("PATH"):
        lines.insert(0, f'export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"')
    return lines


def _prepare(demo: Demo, *, overwrite: bool) -> None:
    """Make the folders, after those of an earlier demo, which belong to the demo with all they hold, were removed."""
    out = demo.out
    if out.exists() and not out.is_dir():
        raise CIPAError(f"{out}: is a file; give a new folder")
    if out.exists() and any(out.iterdir()):
        if not _holds_demo(out):
            raise CIPAError(f"{out}: is not empty and holds no earlier demo; give a new folder")
        if not overwrite:
            raise CIPAError(f"{out}: holds an earlier demo; give --overwrite to replace it, or a new folder")
        for name in ("phantom", *NNUNET_FOLDERS, "predictions", "logs", "report"):
            if (out / name).exists():
                shutil.rmtree(out / name)
    for name in (*NNUNET_FOLDERS, "logs"):
        (out / name).mkdir(parents=True, exist_ok=True)
    facts = {"made_by": f"{_MAKER} {__version__}", "options": asdict(demo.options)}
    (out / MARKER).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def _holds_demo(out: Path) -> bool:
    try:
        facts = json.loads((out / MARKER).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return False
    return isinstance(facts, dict) and str(facts.get("made_by", "")).startswith(_MAKER)


def _show(demo: Demo, commands: list[Command]) -> Path:
    """Write the page of the held-out cases, and judge them."""
    threshold = fit_pet_threshold(find_cases(demo.dataset, "Tr"))
    results = [score_case(files, threshold) for files in find_cases(demo.dataset, "Ts", demo.predictions)]
    verdict = judge(read_dice(demo.predictions / "summary.json"), results)
    page = write_page(
        Page(
            title="CIPA demo: lung tumours in PET/CT, from slices to predicted masks",
            notice=NOTICE,
            verdict=verdict,
            results=results,
            threshold=threshold,
            curve=demo.model / "fold_0" / "progress.png",
            commands=commands,
            facts={name: str(value) for name, value in asdict(demo.options).items()},
        ),
        demo.out / "report",
    )
    if not verdict.passed:
        raise CIPAError(f"{verdict.sentence} See {page}, and {demo.out / 'logs'} for what each step printed.")
    print(f"\n{verdict.sentence}")
    return page


def judge(stock: Mapping[str, float], results: Sequence[CaseResult]) -> Verdict:
    """Say whether the network learned: a mean Dice of at least ``MIN_DICE`` on the held-out cases.

    Parameters
    ----------
    stock : dict
        The Dice of each case as nnUNetv2_evaluate_folder wrote it, which is what counts.
    results : sequence of CaseResult
        The same cases as the page shows them.

    Raises
    ------
    CIPAError
        If nnU-Net and the page do not have the same Dice for the same cases.

    Notes
    -----
    Cases whose truth and prediction are both empty have no Dice and do not count; with no others the mean is 0.
    """
    shown = {result.files.name: result.network.dice for result in results}
    if shown.keys() != stock.keys() or not all(_same(shown[name], stock[name]) for name in shown):
        raise CIPAError(f"nnU-Net's summary.json has the Dice {dict(stock)} and the page {shown}; run the demo again")
    defined = [score for score in stock.values() if not math.isnan(score)]
    mean = math.fsum(defined) / len(defined) if defined else 0.0
    passed = mean >= MIN_DICE
    outcome = "the network learned" if passed else "the network did not learn"
    relation = "is at least" if passed else "is below"
    return Verdict(passed, f"Mean Dice {mean:.3f} on {len(defined)} held-out cases {relation} {MIN_DICE}: {outcome}.")


def _same(first: float, second: float) -> bool:
    return math.isclose(first, second, abs_tol=1e-6) or (math.isnan(first) and math.isnan(second))
