import itertools
import json
import shutil

import numpy as np
import pytest

from nnunet_cipa.dataset_conversion.pclt20k.convert import Options, convert_pclt20k
from nnunet_cipa.dataset_conversion.pclt20k.gaps import SliceChange, measure_step, suspect_gaps
from nnunet_cipa.dataset_conversion.phantoms.pclt20k import image_patient

CALM = SliceChange(area_ratio=1.1, overlap=0.9, ct_change=4.0)


def test_step_is_measured_as_defined():
    ct0, ct1 = np.full((4, 5), 250, dtype=np.uint8), np.full((4, 5), 10, dtype=np.uint8)
    tumour0, tumour1 = np.zeros((4, 5), dtype=bool), np.zeros((4, 5), dtype=bool)
    tumour0[0:2, 0:4] = True
    tumour1[1:2, 3:5] = True
    assert measure_step((ct0, tumour0), (ct1, tumour1)) == SliceChange(area_ratio=4.0, overlap=0.5, ct_change=240.0)


def test_noise_of_single_pixels_counts_little():
    checkers = np.indices((128, 192)).sum(axis=0) % 2 == 0
    ct0 = np.where(checkers, 100, 140).astype(np.uint8)
    tumour = np.ones(ct0.shape, dtype=bool)
    assert measure_step((ct0, tumour), (240 - ct0, tumour)).ct_change == 0
    assert measure_step((ct0, tumour), (ct0 + 5, tumour)).ct_change == 5


@pytest.mark.parametrize(
    ("step", "suspected"),
    [
        (CALM, False),
        (SliceChange(1.1, 0.0, 4.0), True),
        (SliceChange(1.1, 0.9, 6.5), True),
        (SliceChange(1.1, 0.9, 6.3), False),
        (SliceChange(3.1, 0.9, 4.9), False),
        (SliceChange(3.1, 0.9, 5.1), True),
    ],
)
def test_rule(step, suspected):
    assert suspect_gaps([CALM, CALM, step, CALM, CALM]) == ([2] if suspected else [])


def test_single_slice_has_no_gap():
    assert suspect_gaps([]) == []


REMOVED = 9


@pytest.fixture(scope="module")
def cut():
    """Phantom patients, nine slices taken out of each that has fifteen neighbours in a row, with their heights."""
    patients = []
    for index in range(6):
        images = image_patient(seed=2, index=index, size=256, slices=36)
        numbers = np.rint(np.asarray(images.heights) / 2.8).astype(int)
        rows = np.split(np.arange(len(numbers)), np.flatnonzero(np.diff(numbers) > 1) + 1)
        longest = max(rows, key=len)
        middle = longest[3 : 3 + REMOVED] if len(longest) >= REMOVED + 6 else []
        patients.append((images, numbers, np.setdiff1d(np.arange(len(numbers)), middle)))
    return patients


@pytest.mark.slow
def test_slices_removed_and_renumbered_are_suspected_where_they_were(cut, study, raw):
    shutil.rmtree(study.root)
    study.train, study.test = [], []
    missing = {}
    for index, (images, numbers, kept) in enumerate(cut):
        names = [f"{index:04d}_{number:03d}" for number in range(1, len(kept) + 1)]
        for kind, volume in (("CT", images.ct), ("PET", images.pet), ("mask", images.mask)):
            for name, values in zip(names, volume[kept], strict=True):
                study.write(name, kind, values)
        (study.train if index else study.test).extend(names)
        missing |= dict(zip(itertools.pairwise(names), np.diff(numbers[kept]) - 1, strict=True))
    study.write_lists()
    folder = convert_pclt20k(study.root, Options(processes=1)).folder
    suspected = set()
    for path in (folder / "provenance").glob("0*.json"):
        suspected |= {(gap["after"], gap["before"]) for gap in json.loads(path.read_text())["suspected_gaps"]}
    gaps = {pair for pair, count in missing.items() if count >= REMOVED}
    assert sum(count == REMOVED for count in missing.values()) >= 3
    assert not gaps - suspected, {pair: missing[pair] for pair in gaps - suspected}
    neighbours = {pair for pair, count in missing.items() if count == 0}
    assert len(neighbours) > 80
    assert len(suspected & neighbours) <= 1
