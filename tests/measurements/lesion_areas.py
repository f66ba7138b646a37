"""Areas of the phantoms' lesions beside PCLT20K's, as in docs/data_formats.md.

``python -m tests.measurements.lesion_areas --size 128 --slices 8``
"""

import argparse

import numpy as np

from nnunet_cipa.dataset_conversion.phantoms.lucid import image_study
from nnunet_cipa.dataset_conversion.phantoms.pclt20k import image_patient
from nnunet_cipa.pages.tables import render_table

PAPER = ("PCLT20K, the paper", "36.2", "59.4", "19.9", "11 to 5830")


def main():
    """Print a row for each seed of a study set: slices with tumour per patient, and areas in pixels of 512 x 512."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--study", choices=("pclt20k", "lucid"), default="pclt20k")
    parser.add_argument("--patients", type=int, default=40)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--slices", type=int, default=36)
    args = parser.parse_args()
    rows = [PAPER]
    for seed in args.seeds:
        masks = [mask_of(args.study, seed, index, args.size, args.slices) for index in range(args.patients)]
        areas = np.concatenate([mask.sum(axis=(1, 2)) for mask in masks]) * (512 / args.size) ** 2
        areas = areas[areas > 0]
        below, above = 100 * np.mean(areas < 500), 100 * np.mean(areas > 1000)
        per_patient = len(areas) / args.patients
        extremes = f"{areas.min():.0f} to {areas.max():.0f}"
        rows.append((f"seed {seed}", f"{per_patient:.1f}", f"{below:.1f}", f"{above:.1f}", extremes))
    print(render_table(("", "slices per patient", "below 500, %", "above 1,000, %", "smallest and largest"), rows))


def mask_of(study, seed, index, size, slices):
    """Return what a patient's mask or GTV holds, as 0 and 1."""
    if study == "lucid":
        return image_study(seed, index, size, slices).gtv
    return image_patient(seed, index, size, slices).mask > 0


if __name__ == "__main__":
    main()
