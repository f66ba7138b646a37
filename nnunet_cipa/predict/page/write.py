"""Writes the page of a predicted patient."""

from collections.abc import Iterator
from pathlib import Path

from nnunet_cipa.evaluation.report.notices import dataset_notices
from nnunet_cipa.files.atomic import write_text
from nnunet_cipa.pages import palette
from nnunet_cipa.pages.numbers import format_number
from nnunet_cipa.pages.tables import Table
from nnunet_cipa.pages.templates import load_template
from nnunet_cipa.predict.certainty.certainty import Certainty
from nnunet_cipa.predict.lesions.measured import PatientLesions
from nnunet_cipa.predict.lesions.table import lesion_table
from nnunet_cipa.predict.page import content
from nnunet_cipa.predict.page.options import PageOptions
from nnunet_cipa.predict.page.projections import project
from nnunet_cipa.predict.page.shades import HU_SHOWN, SUV_SHOWN, label_colours
from nnunet_cipa.predict.page.slices import choose_slices, draw_slices
from nnunet_cipa.predict.page.suv_words import suv_words
from nnunet_cipa.predict.predicted import Predicted

PAGE = "report.html"
NOTICE = (
    "Drawn by a program that is not a medical device: not for clinical use without a physician's review of every slice."
)


def write_page(predicted: Predicted, lesions: PatientLesions, folder: Path, options: PageOptions | None = None) -> Path:
    """Write report.html to a folder, one file that needs no other, and return its path.

    Parameters
    ----------
    predicted
        The patient; the page tells his warnings.
    lesions
        What ``measure_lesions`` gives.
    folder
        Where to.
    options
        What it shows.
    """
    options = options or PageOptions()
    chosen = choose_slices(lesions, predicted.ct.GetSpacing()[2], options.slices)
    text = load_template("nnunet_cipa.predict.page", "page.html", number=format_number).render(
        title=f"Patient {predicted.patient_id}" if options.show_names else predicted.pseudonym,
        notices=[NOTICE, *_notices(predicted)],
        warnings=predicted.warnings,
        totals={one.label: one.total for one in lesions.labels},
        counts={one.label: len(one.boxes) for one in lesions.labels},
        colours=label_colours(predicted),
        projections=project(predicted),
        slices=draw_slices(predicted, chosen),
        slice_count=predicted.ct.GetSize()[2],
        hu=HU_SHOWN,
        suv=SUV_SHOWN,
        lesions=lesion_table(lesions),
        certainty=predicted.certainty,
        members=None if predicted.certainty is None else _members(predicted.certainty),
        images=content.images(predicted, options),
        suv_words=list(suv_words(predicted.facts.values.get("PET", {}))),
        model=content.model(predicted),
        run=content.run(predicted),
        palette=palette,
    )
    write_text(folder / PAGE, text)
    return folder / PAGE


def _notices(predicted: Predicted) -> Iterator[str]:
    if any(dataset_notices({"synthetic": predicted.model.dataset_json.get("synthetic")})):
        yield "The model was trained on synthetic phantoms. It says nothing about patients."


def _members(certainty: Certainty) -> Table:
    rows = [
        (member.name, format_number(member.volume_ml, 1), format_number(member.dice, 3)) for member in certainty.members
    ]
    low, high = certainty.volume_range_ml
    note = (
        f"Expected Dice: mean over all pairs of members. Their volumes go from {low:.1f} to {high:.1f} ml, which is no "
        f"confidence interval, as they share training cases; {certainty.disputed_ml:.1f} ml are tumour to some of them "
        f"alone. {certainty.note}"
    ).strip()
    return Table("Members of the model", ("Member", "Volume (ml)", "Dice with the mask"), rows, note)
