"""The memory that scoring and the audit need follows the size of one case, whatever the number of cases and models."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import SimpleITK as sitk

from tests.evaluation.cross_validation import write_mask

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]

SHAPE = (64, 192, 192)
MOST_OF_SCORING, MOST_OF_AUDIT = 8, 10
MEASURED = """
import json, sys
from pathlib import Path
from nnunet_cipa.evaluation.leakage import voxel_hash
from nnunet_cipa.evaluation.scoring import CaseFiles, ScoringJob, _score_case
from tests.fuzz.engine import peak, reset_peak
image, first, *paths = map(Path, sys.argv[1:])
files = CaseFiles("a", first, first, first)
jobs = {
    "one prediction": lambda: _score_case(ScoringJob(files, "a", 0, tuple(paths[:1]), 2.0)),
    "all predictions": lambda: _score_case(ScoringJob(files, "a", 0, tuple(paths), 2.0)),
    "audit": lambda: voxel_hash(image),
}
needed = {}
for name, job in [*jobs.items()][:1] + [*jobs.items()]:
    reset_peak()
    before = peak()
    job()
    needed[name] = peak() - before
print(json.dumps(needed))
"""


@pytest.fixture(scope="module")
def needed(tmp_path_factory):
    """Bytes that each job takes beyond what the process had before it."""
    folder = tmp_path_factory.mktemp("memory")
    z, y, x = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    ball = ((z - 30) * 3) ** 2 + (y - 90) ** 2 + (x - 90) ** 2
    masks = [ball < 40**2, *(ball < radius**2 for radius in (48, 20, 30, 44))]
    # A false voxel in the far corner makes the box around both masks the whole image
    for mask in masks[1:]:
        mask[-1, -1, -1] = True
    image = sitk.GetImageFromArray(np.random.default_rng(0).normal(size=SHAPE).astype(np.float32))
    sitk.WriteImage(image, folder / "image.nii.gz", True, 1)
    for number, mask in enumerate(masks):
        write_mask(folder / f"{number}.nii.gz", mask)
    files = [str(folder / f"{name}.nii.gz") for name in ("image", *range(len(masks)))]
    run = subprocess.run(
        [sys.executable, "-c", MEASURED, *files],
        # Whatever is freed goes back to the system at once, or what comes after could take it unseen
        env={**os.environ, "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1", "MALLOC_MMAP_THRESHOLD_": "65536"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr

    return json.loads(run.stdout)


def test_a_case_is_scored_in_so_many_bytes_a_voxel(needed):
    per_voxel = needed["one prediction"] / np.prod(SHAPE)
    assert 2 < per_voxel < MOST_OF_SCORING, "two masks of a byte are the least"


def test_more_models_need_no_more(needed):
    """But for the mask before, which is there until the next one has been read."""
    assert needed["all predictions"] < needed["one prediction"] + 1.5 * np.prod(SHAPE)


def test_the_audit_of_an_image_needs_so_many_bytes_a_voxel(needed):
    per_voxel = needed["audit"] / np.prod(SHAPE)
    assert 4 < per_voxel < MOST_OF_AUDIT, "float32 is the least"
