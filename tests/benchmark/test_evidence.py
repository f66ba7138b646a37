"""The tables of docs/evidence.md, of files with scores whose means and tests are known."""

import json
import math
import re
import runpy
from collections import ChainMap
from dataclasses import asdict

import pytest

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.trainers.target import find_trainer
from nnunet_cipa.trainers.variants.demo import FineTuned
from tests.measurements.evidence.report import BEGIN, END, report
from tests.measurements.evidence.rows import COMPARISONS, ROWS
from tests.measurements.evidence.settings import Settings
from tests.measurements.evidence.tables import last_rise
from tests.measurements.evidence.training import NNUNET_TRAINERS

SETTINGS = Settings(held_out=4)
DICE, DIFFERENCE = "Dice (95 % over patients)", "difference (95 % over patients)"
OVER_SEEDS = "its 95 % over seeds"
# ml of the IGTV; the lowest third by volume is a and b
PATIENTS = {"a": 1.0, "b": 2.0, "c": 30.0, "d": 40.0}


def scores(dice, heart=0.0):
    return {
        case: {"dice": dice, "ends": dice - 0.1, "between": dice + 0.1, "heart_ml": heart, "truth_ml": ml}
        for case, ml in PATIENTS.items()
    }


@pytest.fixture
def folder(tmp_path):
    patients = {case: {**found, "gtv_ml": 0.5 * PATIENTS[case]} for case, found in scores(2 / 3).items()}
    write(tmp_path / "runs" / "phantoms.json", {"settings": asdict(SETTINGS), "patients": patients})
    return tmp_path / "runs"


def write(path, content):
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content))


def add(folder, row, seed, patients, settings=SETTINGS, trainer="nnUNetTrainerX"):
    training = {
        "trainer": trainer, "starts_from": "GTV", "iterations": 500, "batch_size": 8, "patch_size": [128, 128],
        "seconds": 100.0 + seed,
    }  # fmt: skip
    content = {
        "row": row, "seed": seed, "settings": asdict(settings), "training": training, "patients": patients,
        "curve": [[25, 0.1], [50, None], [75, 0.3], [100, 0.35]], "machine": {"processor": "P", "gpu": None},
    }  # fmt: skip
    write(folder / f"{row}_seed{seed}.json", content)


def page_of(folder, seeds=2):
    page = folder.parent / "evidence.md"
    page.write_text(f"# Evidence\n\nbefore\n\n{BEGIN}\nold\n{END}\n\nafter\n")
    report(folder, page, seeds)
    return page.read_text()


def table(text, title):
    """Return the rows of a table as dictionaries by its header."""
    lines = text.split(f"### {title}\n", 1)[1].strip().split("\n\n")[0].splitlines()
    header, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    return {row[0]: dict(zip(header, row, strict=True)) for row in rows}


def test_without_runs_the_page_says_so_and_keeps_what_is_around_the_marks(tmp_path):
    text = page_of(tmp_path / "none")
    assert "There are no runs yet" in text
    assert "old" not in text
    assert text.startswith("# Evidence\n\nbefore\n")
    assert text.endswith(f"{END}\n\nafter\n")


def test_means_differences_and_order_are_those_of_the_scores(folder):
    for seed in (0, 1):
        for step, row in enumerate(("2d", "2d-gtv", "25d-gtv", "sim-gtv")):
            # in seed 1 the last row is below the one before
            less = 0.2 if (row, seed) == ("sim-gtv", 1) else 0.0
            add(folder, row, seed, scores(0.4 + 0.1 * step - less))
    text = page_of(folder)
    title = COMPARISONS[0].title
    rows = table(text, title)
    assert [row[DICE].split()[0] for row in rows.values()] == ["0.400", "0.500", "0.600", "0.600"]
    second, last = rows["2D, from GTV"], rows["2.5D and SIM, from GTV"]
    # equal for all patients: the interval is the difference itself
    assert second["against"] == "2D, IGTV alone"
    assert (second[DIFFERENCE], second[OVER_SEEDS]) == ("+0.100 (0.100 to 0.100)", "0.100 to 0.100")
    # four patients, all above: 2 of 16 signs, times three tests by Holm
    assert second["p (Holm)"] == f"{min(1, 3 * 2 / 2**4):.3f}"
    assert (second["seeds above"], last["seeds above"]) == ("2 of 2", "1 of 2")
    assert last["p (Holm)"] == "1.000"
    # +0.1 and -0.1: no patient differs, and the seeds do
    assert last[DIFFERENCE] == "0.000 (0.000 to 0.000)"
    assert last[OVER_SEEDS] != "0.000 to 0.000"
    assert "Each row is above the one before it in 1 of 2 seeds." in text


def test_groups_are_means_of_their_slices_and_patients(folder):
    uneven = scores(0.5, heart=1.0)
    uneven["a"]["dice"], uneven["b"]["dice"], uneven["b"]["ends"] = 0.2, 0.4, None
    add(folder, "2d", 0, uneven)
    found = table(page_of(folder), "First and last slices, small tumours, the heart")
    small = next(name for name in found["2D, IGTV alone"] if name.startswith("tumours of"))
    row = found["2D, IGTV alone"]
    assert re.match(r"tumours of 1 to 2 ml", small)
    assert row[small].startswith("0.300 ")
    assert row["first and last slices"].startswith("0.400 ")
    assert row["heart, ml"].startswith("1.00 ")
    assert found["the GTV itself"]["all"].startswith("0.667 ")


def test_errors_are_of_the_seeds_that_have_them(folder):
    later = {"false_ml": 4.0, "missed_ml": 2.0, "gtv_part": 0.5, "motion_part": None}
    add(folder, "2d", 0, scores(0.5))
    add(folder, "2d", 1, {case: found | later for case, found in scores(0.5).items()})
    uneven = {case: found | later | {"motion_part": 0.25} for case, found in scores(0.5).items()}
    uneven["a"] |= {"false_ml": 8.0, "motion_part": None}
    add(folder, "sim", 0, uneven)
    add(folder, "25d", 0, scores(0.5))
    found = table(page_of(folder), "What is missed and what is added")
    assert found.keys() == {"2D, IGTV alone", "2.5D and SIM, IGTV alone"}
    assert [found[row]["seeds"] for row in found] == ["1", "1"]
    assert list(found["2D, IGTV alone"].values())[2:4] == ["4.0 (4.0 to 4.0)", "2.0 (2.0 to 2.0)"]
    whole, added = list(found["2.5D and SIM, IGTV alone"].values())[4:6]
    assert (whole, added) == ("0.50 (0.50 to 0.50)", "0.25 (0.25 to 0.25)")
    assert list(found["2.5D and SIM, IGTV alone"].values())[2].startswith("5.0 ")


def test_dice_without_what_is_beside_all_lesions_is_that_of_the_volumes(folder):
    """Of 10 ml with a GTV of 5 ml, 3 ml of it and 2 ml of the rest are found, 1 ml beside it and 2 ml far away."""
    found = {"dice": 2 * 5 / (8 + 10), "truth_ml": 10.0, "false_ml": 2.0, "missed_ml": 0.0, "gtv_part": 3 / 5}
    nothing = {"dice": 0.0, "truth_ml": 20.0, "false_ml": 3.0, "missed_ml": 20.0, "gtv_part": 0.0}
    others = {"ends": 0.5, "between": 0.5, "heart_ml": 0.0}
    phantoms = json.loads((folder / "phantoms.json").read_text())
    for case, ml in {"a": 5.0, "b": 10.0}.items():
        phantoms["patients"][case] |= {"gtv_ml": ml, "truth_ml": 2 * ml}
    write(folder / "phantoms.json", phantoms)
    add(
        folder,
        "2d",
        0,
        {"a": {**found, **others, "motion_part": 2 / 5}, "b": {**nothing, **others, "motion_part": 0.0}},
    )
    (dice,) = (
        found["Dice without what is beside all lesions"]
        for found in table(page_of(folder), "What is missed and what is added").values()
    )
    assert dice.startswith(f"{2 * 5 / (6 + 10) / 2:.3f} ")  # the mean with a patient of whom nothing is found


def test_slices_at_the_ends_are_compared_on_the_cases_that_have_them(folder):
    for seed in (0, 1):
        add(folder, "2d-gtv", seed, scores(0.6))
        better = scores(0.6)
        better["a"]["ends"], better["b"]["ends"], better["c"]["ends"] = 0.7, 0.6, None
        add(folder, "sim-gtv", seed, better)
    text = page_of(folder)
    rows = table(text, next(each.title for each in COMPARISONS if each.score == "ends"))
    assert rows["2D, from GTV"][DICE].startswith("0.500 ")
    assert rows["2.5D and SIM, from GTV"][DICE].startswith("0.600 ")  # of 0.7, 0.6 and 0.5
    assert rows["2.5D and SIM, from GTV"][DIFFERENCE].startswith("+0.100 ")
    assert rows["2.5D and SIM, from GTV"]["seeds above"] == "2 of 2"
    rows = table(text, COMPARISONS[0].title)
    assert rows["2.5D and SIM, from GTV"][DICE].startswith("0.600 ")


def test_rows_of_gtv_are_compared_among_themselves(folder):
    add(folder, "2d", 0, scores(0.4))
    add(folder, "gtv-cipa", 0, scores(0.7))
    add(folder, "gtv-no-crm", 0, scores(0.6))
    text = page_of(folder)
    rows = table(text, next(each.title for each in COMPARISONS if "table 4" in each.title))
    assert list(rows) == ["CIPA", "DCIM alone"]
    assert (rows["DCIM alone"]["against"], rows["DCIM alone"][DIFFERENCE].split()[0]) == ("CIPA", "-0.100")
    assert "DCIM alone" not in table(text, "First and last slices, small tumours, the heart")
    assert {title: row["of"] for title, row in table(text, "Trainings").items()} == {
        "2D, IGTV alone": "IGTV", "CIPA": "GTV", "DCIM alone": "GTV",
    }  # fmt: skip


def test_a_row_that_was_trained_under_two_names_has_both(folder):
    for seed, trainer in enumerate(("nnUNetTrainerX", "nnUNetTrainerX", "nnUNetTrainerY")):
        add(folder, "2d", seed, scores(0.4), trainer=trainer)
    found = table(page_of(folder), "Trainings")["2D, IGTV alone"]
    assert (found["trainer"], found["training s"]) == ("`nnUNetTrainerX`, `nnUNetTrainerY`", "101")


def test_a_table_is_of_one_target():
    for each in COMPARISONS:
        assert len({ROWS[row].target for row in each.rows}) == 1


def test_the_text_has_both_volumes_and_their_dice(folder):
    text = page_of(folder)
    assert "the GTV has 9.1 ml and the IGTV 18.2 ml in the mean" in text
    assert "The Dice between the two is 0.667 (0.667 to 0.667)" in text


def test_what_is_missing_is_said(folder):
    add(folder, "2d", 0, scores(0.4))
    text = page_of(folder)
    assert "Rows with fewer seeds: 2D, IGTV alone (1 of 2)." in text
    missing = text.split("Rows without a run: ")[1].split(".  ")[0]
    assert all(row.title in missing for row in ROWS.values() if row.name != "2d")
    assert "2D, IGTV alone;" not in missing
    assert "; GTV, CIPA; GTV, neither CRM nor DCIM; " in missing


def test_rows_are_compared_on_the_seeds_that_both_have(folder):
    add(folder, "2d", 0, scores(0.4))
    add(folder, "2d", 1, scores(0.9))
    add(folder, "2d-gtv", 0, scores(0.5))
    add(folder, "25d-gtv", 7, scores(0.5))
    rows = table(page_of(folder), COMPARISONS[0].title)
    assert (rows["2D, from GTV"][DIFFERENCE].split()[0], rows["2D, from GTV"]["seeds above"]) == ("+0.100", "1 of 1")
    assert rows["2.5D, from GTV"]["against"] == ""


def test_runs_of_other_settings_are_not_mixed(folder):
    add(folder, "2d", 0, scores(0.4), Settings(held_out=4, slices=26))
    with pytest.raises(CIPAError, match=r"2d_seed0.json: has slices 26, not 24; give these settings"):
        page_of(folder)


def test_a_page_without_its_marks_is_refused_and_stays(folder):
    page = folder.parent / "evidence.md"
    page.write_text(f"{END} {BEGIN}")
    with pytest.raises(CIPAError, match=r"evidence.md: has no line"):
        report(folder, page, 1)
    assert page.read_text() == f"{END} {BEGIN}"


def test_a_page_of_its_own_has_nothing_but_the_report(folder, tmp_path):
    add(folder, "2d", 0, scores(0.4))
    page_of(folder)
    report(folder, tmp_path / "new.md", 2)
    _, there = (tmp_path / "evidence.md").read_text().split("before\n\n")
    assert there == (tmp_path / "new.md").read_text().removesuffix("\n") + "\n\nafter\n"


def test_figures_have_a_title_for_each_row(folder):
    for row in ("2d", "sim-gtv", "nnunet-2d", "gtv-no-crm"):
        add(folder, row, 0, scores(0.4))
    page_of(folder)
    rows, curves = ((folder.parent / "images" / f"evidence_{name}.svg").read_text() for name in ("rows", "curves"))
    assert all(
        title in text
        for title in ("2D, IGTV alone", "2.5D and SIM, from GTV", "nnU-Net, plain 2D")
        for text in (rows, curves)
    )
    assert "GTV, DCIM alone" in curves
    assert "DCIM alone" not in rows


@pytest.mark.parametrize(
    ("curve", "rise"),
    [([0.1, 0.2, 0.5, 0.6, 0.7, 0.8, 0.8, 0.9], 0.1), ([0.3, None], math.nan), ([0.3], math.nan), ([], math.nan)],
)
def test_rise_at_the_end_is_that_of_the_last_quarter(curve, rise):
    assert last_rise(list(enumerate(curve))) == pytest.approx(rise, nan_ok=True)


def test_each_row_is_of_a_trainer_that_there_is_and_in_a_table(monkeypatch):
    monkeypatch.setenv("nnUNet_extTrainer", str(NNUNET_TRAINERS))
    assert {row for one in COMPARISONS for row in one.rows} == set(ROWS)
    assert all(find_trainer(row.trainer) for row in ROWS.values())


@pytest.mark.parametrize("row", [row for row in ROWS.values() if row.ours], ids=lambda row: row.name)
def test_trainers_of_ours_have_the_size_and_the_rate_of_the_settings(row, tmp_path):
    settings = Settings(variant="tiny", rate=6e-4)
    name = row.short_trainer(settings).write(tmp_path)
    trainer, base = runpy.run_path(tmp_path / f"{name}.py")[name], find_trainer(row.trainer)
    assert trainer.__name__ == name == row.trained_as(settings)
    assert issubclass(trainer, base)
    assert trainer.architecture == {**base.architecture, "variant": "tiny", **row.network}
    chosen = ChainMap(*(vars(owner).get("settings", {}) for owner in trainer.__mro__))
    assert chosen["initial_lr"] == pytest.approx(2e-4 if row.transferred else 6e-4)
    assert chosen["slice_rate"] == (10 if row.name.endswith("-x10") else 1)
    assert trainer.batch_dice == row.name.endswith("-batch")
    assert (trainer.__mro__[1] is FineTuned) == row.transferred


def test_names_of_trainers_differ_where_trainers_do():
    names = [row.trained_as(Settings()) for row in ROWS.values() if row.ours and row.lengths == 1]
    assert len(set(names)) == len(names) - 1  # CIPA is trained on IGTV and on GTV


def test_a_file_of_other_settings_is_named(folder):
    write(folder / "phantoms.json", {"settings": {"size": 64}, "patients": {}})
    with pytest.raises(CIPAError, match=r"phantoms.json: has not the settings of this program; give another folder"):
        page_of(folder)
