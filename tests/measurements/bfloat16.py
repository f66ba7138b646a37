"""What bfloat16 on the CPU changes: ``python -m tests.measurements.bfloat16 MODEL IMAGES LABELS``.

MODEL is a trained model's folder, IMAGES and LABELS nnU-Net's folders of some cases. The first fold predicts each case
in float32 and in bfloat16 as nnUNetv2_predict does, with mirrored passes.
"""

import argparse
import contextlib
import io
import os
from pathlib import Path
from statistics import fmean

import numpy as np

from nnunet_cipa.evaluation import dice
from nnunet_cipa.network.layers.precision import CPU_BFLOAT16_VARIABLE, check_cpu_bfloat16
from tests.measurements.trained import first_fold


def main(model, images, labels, last):
    check_cpu_bfloat16("this measurement")
    predictor = first_fold(model)
    reader = predictor.plans_manager.image_reader_writer_class()
    scores, largest, other, voxels = [], 0.0, 0, 0
    for path in sorted(images.glob("*_0000.nii.gz"))[-last:]:
        truth = reader.read_seg(str(labels / path.name.replace("_0000", "")))[0][0] > 0
        image, properties = reader.read_images([str(path), str(path).replace("_0000.", "_0001.")])
        found = []
        for switch in ("0", "1"):
            os.environ[CPU_BFLOAT16_VARIABLE] = switch
            with contextlib.redirect_stdout(io.StringIO()):
                found.append(predictor.predict_single_npy_array(image, properties, None, None, True))
        (mask, probabilities), (mask_half, probabilities_half) = found
        scores.append([dice(truth, one > 0) for one in (mask, mask_half)])
        largest = max(largest, float(np.abs(probabilities - probabilities_half).max()))
        other += int((mask != mask_half).sum())
        voxels += mask.size
        print(f"{path.name}: Dice {scores[-1][0]:.4f} in float32, {scores[-1][1]:.4f} in bfloat16", flush=True)
    means = [fmean(column) for column in zip(*scores, strict=True)]
    differences = [half - full for full, half in scores]
    print(f"{len(scores)} cases: mean Dice {means[0]:.4f} in float32, {means[1]:.4f} in bfloat16; of a case it differs "
          f"by {min(differences):+.4f} to {max(differences):+.4f}; probabilities by {largest:.3f} at most, "
          f"{other} of {voxels} voxels have another label")  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for place in ("model", "images", "labels"):
        parser.add_argument(place, type=Path)
    parser.add_argument("--last", type=int, default=0, metavar="N", help="the last N cases alone (default: all)")
    given = parser.parse_args()
    main(given.model, given.images, given.labels, given.last)
