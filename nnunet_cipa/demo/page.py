"""The page of a demo: what a model does on held-out cases."""

import math
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.evaluation.metrics.measures import Measures, measure
from nnunet_cipa.evaluation.metrics.overlap import dice
from nnunet_cipa.evaluation.threshold import PetThreshold
from nnunet_cipa.files.new_folders import new_folder
from nnunet_cipa.files.volumes import check_same_geometry, read_mask, read_volume
from nnunet_cipa.nnunet.cases import CaseFiles
from nnunet_cipa.pages import palette
from nnunet_cipa.pages.numbers import format_number
from nnunet_cipa.pages.overlay import CaseSlice, draw_outlines, read_case_slice
from nnunet_cipa.pages.tables import Table
from nnunet_cipa.pages.templates import load_template
from nnunet_cipa.versions import reported_versions

_MARGIN_MM = 12.0


@dataclass(frozen=True)
class CaseResult:
    """What the network and the PET threshold scored on one case."""

    files: CaseFiles
    network: Measures
    threshold_dice: float

    @property
    def picture(self) -> str:
        """File name of the overlay, never that of the page's other picture."""
        return f"case_{self.files.name}.png"


@dataclass(frozen=True)
class Verdict:
    """One sentence on the outcome, and whether it is the one that was hoped for."""

    passed: bool
    sentence: str


@dataclass(frozen=True)
class TimedCommand:
    """A command that was run, and how long it took in seconds if that is of interest."""

    line: str
    seconds: float | None = None


@dataclass(frozen=True)
class Page:
    """The content of an evaluation page.

    Attributes
    ----------
    title, notice : str
        Heading, and what every reader has to know before any figure.
    verdict : Verdict
        The outcome.
    results : sequence of CaseResult
        The held-out cases.
    threshold : PetThreshold
        The trivial predictor of ``threshold_dice``.
    curve : Path
        nnU-Net's progress.png.
    tables : sequence of Table
        Further results.
    commands : sequence of TimedCommand
        How the results came about.
    facts : dict
        Further settings, name -> value.
    """

    title: str
    notice: str
    verdict: Verdict
    results: Sequence[CaseResult]
    threshold: PetThreshold
    curve: Path
    tables: Sequence[Table] = ()
    commands: Sequence[TimedCommand] = ()
    facts: dict[str, str] = field(default_factory=dict)

    @property
    def mean_dice(self) -> float:
        """Mean over the cases, those where it is not defined left out."""
        return _mean(result.network.dice for result in self.results)

    @property
    def mean_threshold_dice(self) -> float:
        """The same of the PET threshold."""
        return _mean(result.threshold_dice for result in self.results)


def _mean(scores: Iterable[float]) -> float:
    defined = [score for score in scores if not math.isnan(score)]
    return math.fsum(defined) / len(defined) if defined else math.nan


def score_case(files: CaseFiles, threshold: PetThreshold) -> CaseResult:
    """Compare prediction and PET threshold of a case with the truth.

    Raises
    ------
    CIPAError
        If a file cannot be read or they do not lie on one voxel grid.
    """
    assert files.prediction is not None  # noqa: S101 - for the type checker; find_cases was given predictions
    truth, pet = read_mask(files.truth), read_volume(files.pet)
    check_same_geometry(truth, pet)
    return CaseResult(
        files, measure(truth, read_mask(files.prediction)), dice(truth.array, threshold.predict(pet.array))
    )


def write_page(page: Page, folder: Path) -> Path:
    """Write index.html and its pictures to a new folder, and return the path of index.html.

    The folder appears under its name only when the page is complete.

    Raises
    ------
    CIPAError
        If the folder exists, or an image of a case or the training curve cannot be read.
    """
    if folder.exists():
        raise CIPAError(f"{folder}: exists; remove it or choose another folder for the page")
    if not page.curve.is_file():
        raise CIPAError(f"{page.curve}: no such file; run the training to its end, which draws it")
    template = load_template("nnunet_cipa.demo", "page.html", number=format_number)
    with new_folder(folder) as building:
        slices = {result.files.name: draw_overlay(result.files, building / result.picture) for result in page.results}
        shutil.copyfile(page.curve, building / "progress.png")
        text = template.render(page=page, slices=slices, versions=reported_versions(), palette=palette)
        (building / "index.html").write_text(text, encoding="utf-8")
    return folder / "index.html"


def draw_overlay(case: CaseFiles, out: Path) -> int:
    """Draw a case at its largest tumour, write the PNG, and return the slice, counted from 0.

    Raises
    ------
    CIPAError
        If an image cannot be read or the images do not lie on one voxel grid.
    """
    assert case.prediction is not None  # noqa: S101 - for the type checker; find_cases was given predictions
    whole = read_case_slice(case.ct, case.pet, case.truth, case.prediction)
    figure = draw_outlines(_without_air(whole), f"{case.name}, slice {whole.index + 1} of {whole.count}")
    figure.savefig(out, dpi=110, facecolor="white")
    return whole.index


def _without_air(whole: CaseSlice) -> CaseSlice:
    """Return the rows and columns that hold more than the air around the patient, or a part of a mask."""
    # well above the lowest value, so that the noise of the air does not count
    inside = whole.ct > 0.75 * whole.ct.min() + 0.25 * whole.ct.max()
    rows, columns = whole.marked
    return whole.cut((inside.mean(axis=1) > 0.05) | rows, (inside.mean(axis=0) > 0.05) | columns, _MARGIN_MM)
