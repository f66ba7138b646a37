"""Mutated files of each reader are accepted as what they say, or refused with a CIPAError; see ``engine``.

``NNUNET_CIPA_FUZZ=2000`` tries so many of each reader instead of a few.
"""

import os
import sys

import numpy as np
import pytest

from nnunet_cipa.errors import CIPAError
from tests.fuzz.engine import ACCEPTED, FAILED, REFUSED, fuzz, run_one
from tests.fuzz.readers import READERS

COUNT = int(os.environ.get("NNUNET_CIPA_FUZZ", "100"))
MOST_MEMORY = 64 << 20

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture(scope="module")
def tallies():
    """All readers, one after the other in one process."""
    return fuzz(list(READERS), COUNT)


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_mutated_files_are_read_right_or_refused(tallies, name):
    tally = tallies[name]
    assert tally.failures == []
    assert tally.counts[ACCEPTED] + tally.counts[REFUSED] == COUNT
    assert min(tally.counts[ACCEPTED], tally.counts[REFUSED]) >= COUNT // 50
    assert tally.most_memory < MOST_MEMORY


class Pretender:
    """A reader that does what it is told."""

    name = "pretender"

    def __init__(self, deed, verdict=True):
        self.deed, self.verdict = deed, verdict

    def mutate(self, rng):
        pass

    def read(self):
        return self.deed()

    def check(self, found):
        assert self.verdict


def refuse(message):
    raise CIPAError(message)


@pytest.mark.parametrize(
    ("deed", "verdict", "outcome", "told"),
    [
        (int, True, ACCEPTED, ""),
        (int, False, FAILED, "accepted, but"),
        (lambda: refuse("a line"), True, REFUSED, ""),
        (lambda: refuse("two\nlines"), True, FAILED, "not one line"),
        (lambda: {}["key"], True, FAILED, "KeyError"),
    ],
)
def test_the_engine_tells_outcomes_apart(tmp_path, deed, verdict, outcome, told):
    found, detail = run_one(Pretender(deed, verdict), tmp_path / "work" / "own", 0)
    assert found == outcome
    assert told in detail


def test_the_engine_sees_a_file_outside(tmp_path):
    own = tmp_path / "work" / "own"
    (own / "output").mkdir(parents=True)
    assert run_one(Pretender((own / "output" / "good").touch), own, 0) == (ACCEPTED, "")
    outcome, detail = run_one(Pretender((own / "output" / "../../bad").touch), own, 0)
    assert outcome == FAILED
    assert "bad" in detail


def test_a_mutation_is_the_same_every_time(tmp_path):
    reader = READERS["NIfTI"](_made(tmp_path))
    contents = []
    for _ in range(2):
        reader.mutate(np.random.default_rng([1, 2]))
        contents.append(reader.path.read_bytes())
    assert contents[0] == contents[1] != reader.data


@pytest.mark.slow
def test_a_reader_that_dies_hangs_or_swallows_memory_is_told_and_the_rest_goes_on():
    tally = fuzz(["bad"], 5, longest=2)["bad"]
    assert tally.counts == {FAILED: 3, ACCEPTED: 2}
    death, hang, memory = (detail for _, detail in tally.failures)
    assert "ended with -9" in death
    assert "Timeout" in hang
    assert "in hang" in hang
    assert "MemoryError" in memory


def _made(tmp_path):
    for part in ("input", "output"):
        (tmp_path / part).mkdir()
    return tmp_path
