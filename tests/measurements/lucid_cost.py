"""What one DICOM patient costs ``convert lucid``: seconds and peak memory of each step, in a process of its own.

``python -m tests.measurements.lucid_cost`` makes a study of 300 CT slices (512 x 512), 300 PET slices (200 x 200)
and an RTSTRUCT, and prints a table.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from tests.dicom.rtstruct import SERIES, save, structure_set
from tests.dicom.writer import write_series


def circle(radius, points, z):
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    return np.column_stack((radius * np.cos(angle), radius * np.sin(angle), np.full(points, z)))


def write_study(root, slices, ct_size, pet_size):
    """A CT and a PET of the same field of view, 500 mm wide, slices 3 mm apart; an IGTV and a BODY."""

    def write(modality, size, **values):
        spacing = 500 / size
        corner = -250 + spacing / 2
        place = {"spacing": (spacing, spacing, 3.0), "origin": (corner, corner, 0.0)}
        write_series(root, modality, slices, (size, size), **place, folder=modality, **values)

    write("CT", ct_size, series_uid=SERIES)
    write("PT", pet_size, slope=10.0)
    middle = slices // 2
    igtv = [circle(20, 60, 3.0 * k) for k in range(middle - 8, middle + 8)]
    body = [circle(180, 400, 3.0 * k) for k in range(slices)]
    structures = structure_set({"IGTV": igtv, "BODY": body})
    structures.PatientID = "PAT7"
    save(structures, root)


def peak():
    """Peak memory of this process in MiB; that of getrusage starts with what the parent had."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def measure(root, out):
    """Convert the patient below ``root``; for each step, seconds and peak memory of the process so far in MiB."""
    from nnunet_cipa.dataset_conversion.pipeline.cases import write_case
    from nnunet_cipa.dataset_conversion.pipeline.dataset_files import FOLDERS
    from nnunet_cipa.dataset_conversion.study_set.case import StudyCaseJob
    from nnunet_cipa.dataset_conversion.study_set.check import StudyCheckJob, check_study
    from nnunet_cipa.dataset_conversion.study_set.dicom_set import Wanted, read_dicom_set
    from nnunet_cipa.dataset_conversion.study_set.options import Roi, Storage

    steps = {}

    def run(name, function, *arguments):
        start = time.perf_counter()
        result = function(*arguments)
        steps[name] = time.perf_counter() - start, peak()
        return result

    for name in (*FOLDERS["train"], "provenance"):
        (out / name).mkdir()
    run("start", int)
    found = run("find", read_dicom_set, root, Wanted(), "LUCID", None, 0)
    (patient,) = found.patients
    checked = run("check", check_study, StudyCheckJob(patient, Roi.IGTV))
    if checked.facts is None:
        raise SystemExit("; ".join(checked.problems))
    run("write", write_case, StudyCaseJob(out, found.kind, patient, checked.facts, Roi.IGTV, Storage()))
    return steps


def cost(root):
    """Measure in a fresh process."""
    with tempfile.TemporaryDirectory() as out:
        argv = [sys.executable, "-m", "tests.measurements.lucid_cost", "--measure", str(root), out]
        printed = subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(printed)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slices", type=int, default=300)
    parser.add_argument("--ct-size", type=int, default=512)
    parser.add_argument("--pet-size", type=int, default=200)
    parser.add_argument("--measure", type=Path, nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        print(json.dumps(measure(*args.measure)))
        return
    with tempfile.TemporaryDirectory() as folder:
        write_study(Path(folder), args.slices, args.ct_size, args.pet_size)
        for step, (seconds, most) in cost(folder).items():
            print(f"{step:8}{seconds:8.1f} s {most:8.0f} MiB")


if __name__ == "__main__":
    main()
