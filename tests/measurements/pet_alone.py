"""How much of the IGTV a slice of PET shows by itself, as in docs/evidence.md.

python -m tests.measurements.pet_alone FOLDER

FOLDER is one that ``python -m tests.measurements.evidence prepare`` made. Of the held-out patients, what is within 10
mm of a lesion and takes up at least a part of what the lesion does at most is compared with the IGTV. The lesions are
given, so that the figures are of outlining them and not of finding them. No slice is told of its neighbours.
"""

import argparse
from pathlib import Path

import numpy as np
from scipy import ndimage

from nnunet_cipa.evaluation import dice, dice_by_position, read_mask
from nnunet_cipa.evaluation.metrics.lesions import NEIGHBOURHOOD
from nnunet_cipa.files.volumes import read_volume
from nnunet_cipa.pages.tables import render_table
from tests.measurements.evidence.phantoms import Phantoms
from tests.measurements.evidence.targets import GTV, IGTV

PARTS = (0.2, 0.3, 0.35, 0.4, 0.5, 0.6)
NEAR_MM = 10
HIGHEST = 98  # the percentile that is a lesion's uptake at most, against noise


def part_of_uptake(pet, igtv, spacing):
    """Return the part of a lesion's uptake that each voxel near it has, the largest of several lesions; else 0."""
    lesions, count = ndimage.label(igtv, NEIGHBOURHOOD)
    parts = np.zeros(pet.shape)
    for lesion in (lesions == number + 1 for number in range(count)):
        near = ndimage.distance_transform_edt(~lesion, sampling=spacing) <= NEAR_MM
        parts = np.maximum(parts, near * pet / np.percentile(pet[lesion], HIGHEST))
    return parts


def main(folder):
    """Print a row for each part of the uptake: Dice, that of first and last slices, and what is found of the motion."""
    phantoms = Phantoms.of_folder(folder)
    scores = {part: [] for part in PARTS}
    for case in phantoms.held_out():
        volume = read_volume(phantoms.raw(IGTV) / "imagesTr" / f"{case}_0001.nii.gz")
        igtv, gtv = (read_mask(phantoms.raw(each) / "labelsTr" / f"{case}.nii.gz").array for each in (IGTV, GTV))
        parts = part_of_uptake(volume.array, igtv, volume.spacing[::-1])
        for part, found in scores.items():
            predicted = parts >= part
            ends, between = dice_by_position(igtv, predicted)
            found.append((dice(igtv, predicted), ends, between, predicted[gtv].mean(), predicted[igtv & ~gtv].mean()))
    header = ("part of the uptake", "Dice", "first and last slices", "between", "of the GTV", "of what breathing adds")
    rows = [(str(part), *(f"{mean:.3f}" for mean in np.nanmean(found, axis=0))) for part, found in scores.items()]
    print(render_table(header, rows))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    main(parser.parse_args().folder)
