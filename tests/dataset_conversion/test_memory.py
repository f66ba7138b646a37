"""The memory that conversions need does not grow with the number of slices or patients."""

import json
import os
import subprocess
import sys

import nibabel as nib
import numpy as np
import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

MEASURED = """
import json, sys
from pathlib import Path
from nnunet_cipa.dataset_conversion.lucid import Options as LucidOptions, convert_lucid
from nnunet_cipa.dataset_conversion.pclt20k import Options, convert_pclt20k
from tests.fuzz.engine import peak, reset_peak
convert, options = {"pclt20k": (convert_pclt20k, Options), "lucid": (convert_lucid, LucidOptions)}[sys.argv[1]]
needed = []
for source in sys.argv[2:]:
    reset_peak()
    before = peak()
    convert(Path(source), options(processes=1, overwrite=True))
    needed.append(peak() - before)
print(json.dumps(needed))
"""


def measure(kind, raw, *sources):
    """Return the most memory in bytes that each conversion took beyond what the process had before it."""
    run = subprocess.run(
        [sys.executable, "-c", MEASURED, kind, *map(str, sources)],
        env={**os.environ, "nnUNet_raw": str(raw), "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.mark.slow
def test_pclt20k_is_read_and_written_by_slices(study, raw, tmp_path):
    """100 slices more are 50 MiB more of float32 in two channels; what is kept of a slice takes less than 16 KiB."""
    from tests.dataset_conversion.conftest import Study

    sources, rng, side = [], np.random.default_rng(0), 256
    mask = np.zeros((side, side), dtype=np.uint8)
    mask[50:90, 50:90] = 255
    for count in (5, 5, 105):
        made = Study(tmp_path / f"slices{len(sources)}")
        for patient in range(1, 6):
            names = [f"{patient:04d}_{number:03d}" for number in range(count if patient == 1 else 1)]
            made.train += names
            for name in names:
                grey = rng.integers(0, 256, (side, side), dtype=np.uint8)
                for kind, values in (("CT", grey), ("PET", grey), ("mask", mask)):
                    made.write(name, kind, values, compress_level=1)
        made.test = ["0009_001"]
        for kind in ("CT", "PET", "mask"):
            made.write("0009_001", kind, mask)
        made.write_lists()
        sources.append(made.root)
    _, few, many = measure("pclt20k", raw, *sources)
    assert many - few < 100 * 16 * 1024 + (4 << 20)


def study_set(root, patients, shape):
    rng, affine = np.random.default_rng(0), np.diag([-1.0, -1.0, 3.0, 1.0])
    mask = np.zeros(shape, dtype=np.uint8)
    mask[40:60, 40:60, 4:10] = 1
    for number in range(patients):
        folder = root / f"P{number:02d}"
        folder.mkdir(parents=True)
        ct, pet = (rng.integers(-1000, 300, shape).astype(np.int16), rng.uniform(0, 9, shape).astype(np.float32))
        for name, values in (("CT", ct), ("PET", pet), ("IGTV", mask)):
            image = nib.Nifti1Image(values, affine)
            image.header.set_xyzt_units("mm")
            nib.save(image, folder / f"{name}.nii.gz")
    return root


@pytest.mark.slow
def test_study_sets_take_what_their_largest_patient_takes(raw, tmp_path):
    """At most 48 bytes per voxel of the CT, however many patients there are."""
    shape = (96, 96, 64)
    few, many = study_set(tmp_path / "few", 5, shape), study_set(tmp_path / "many", 10, shape)
    _, needed, needed_by_many = measure("lucid", raw, few, few, many)
    assert needed < 48 * np.prod(shape)
    # Five patients more are 22 MiB of float32 for CT and PET
    assert needed_by_many - needed < 12 << 20
