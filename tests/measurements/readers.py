"""Dice of what other readers make of an exported structure set and segmentation, as in docs/data_formats.md.

``python -m tests.measurements.readers`` makes an environment for each reader below build/clients, as some want
old libraries; ``make test-clients`` calls it. It ends with status 1 if a reader that has been exact is not.
"""

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from nnunet_cipa.cli import main as command
from nnunet_cipa.pages.tables import render_table
from tests.dicom.ct_series import write_ct
from tests.dicom.geometry import make_grid

ROOT = Path(__file__).parents[2]
INSIDE = Path(__file__).with_name("readers_inside.py")
# By reader its package and what else that needs, what it reads, and the least Dice for plain lesions.
READERS = {
    "rt_utils": (["rt-utils==1.2.7"], "rtstruct.dcm", 1),
    "platipy": (["platipy==0.7.2"], "rtstruct.dcm", 1),
    "dicomrttool": (["DicomRTTool==6.2.0"], "rtstruct.dcm", 1),
    "dcmrtstruct2nii": (["dcmrtstruct2nii==5", "pydicom<3"], "rtstruct.dcm", 1),
    "med_imagetools": (["med-imagetools==2.16.0"], "rtstruct.dcm", 0.99),
    "dcmqi": (["dcmqi==1.5.7", "numpy"], "seg.dcm", 1),
}
SIZE, SPACING = (512, 512, 12), (0.9765625, 0.9765625, 3.0)


def main():
    """Print a row for each reader, and return the exit status."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        grid = make_grid(SIZE, SPACING)
        write_ct(folder / "ct", grid)
        masks = {"plain": plain(), "hard": hard()}
        for name, mask in masks.items():
            image = sitk.GetImageFromArray(mask.astype(np.uint8))
            image.CopyInformation(grid)
            sitk.WriteImage(image, folder / f"{name}.nii.gz")
            argv = ["export-dicom", *(str(folder / part) for part in (f"{name}.nii.gz", "ct", name)), "--seg"]
            assert command([*argv, "--roi-name", "IGTV"]) == 0
        rows, failed = [], []
        for reader, (packages, file, least) in READERS.items():
            python = environment(packages)
            scores = {name: dice(read(python, reader, folder, name, file), mask) for name, mask in masks.items()}
            rows.append((packages[0].replace("==", " "), file, *(f"{score:.4f}" for score in scores.values())))
            if not scores["plain"] >= least:
                failed.append(reader)
    print(render_table(("reader", "reads", "Dice, two lesions", "Dice, hard shapes"), rows))
    print("\n".join(f"{reader}: below {READERS[reader][2]}" for reader in failed), file=sys.stderr, end="")
    return int(bool(failed))


def plain():
    """Two lesions of 8 and 20 mm radius, apart in z."""
    z, y, x = np.ogrid[: SIZE[2], : SIZE[1], : SIZE[0]]
    large = (x - 180) ** 2 + (1.1 * (y - 240)) ** 2 + (3 * (z - 3)) ** 2 < 20**2
    return large | ((x - 330) ** 2 + (y - 200) ** 2 + (3 * (z - 10)) ** 2 < 8**2)


def hard():
    """Ragged borders, holes, single voxels and pairs that touch at a corner."""
    rng = np.random.default_rng(0)
    mask = plain()
    mask &= rng.random(mask.shape) > 0.05
    mask[5, 300, 300] = mask[6, 300:302, 300] = mask[7, 300, 300] = mask[7, 301, 301] = True
    return mask


def environment(packages):
    """The interpreter of an environment with some packages; it is made once."""
    folder = ROOT / "build" / "clients" / packages[0]
    python = folder / "bin" / "python"
    if not (folder / "installed").exists():
        venv.create(folder, with_pip=True, clear=True)
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
        subprocess.run(install, check=True)
        (folder / "installed").touch()
    return python


def read(python, reader, folder, name, file):
    """What a reader makes of a file, nothing if it fails."""
    out = folder / f"{name}_{reader}.npy"
    arguments = [reader, folder / name / file, folder / "ct", out]
    done = subprocess.run([python, INSIDE, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{reader}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return np.zeros(SIZE[::-1], dtype=bool)
    return np.load(out)


def dice(found, mask):
    """Overlap of a mask that was read, whose axes beyond three have one value, with the one that was exported."""
    found = found.reshape(mask.shape)
    return 2 * np.count_nonzero(found & mask) / (np.count_nonzero(found) + np.count_nonzero(mask))


if __name__ == "__main__":
    sys.exit(main())
