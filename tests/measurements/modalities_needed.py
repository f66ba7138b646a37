"""How well CT alone, PET alone and both show the phantom's tumours, as in docs/data_formats.md.

``python -m tests.measurements.modalities_needed``
"""

import numpy as np
from scipy import ndimage
from sklearn.ensemble import RandomForestClassifier

from nnunet_cipa.dataset_conversion.phantoms.pclt20k import image_patient
from nnunet_cipa.pages.tables import render_table

MODALITIES = (("ct",), ("pet",), ("ct", "pet"))


def draw_patients(seed):
    """Return 18 patients of 96 x 96 pixels."""
    return [image_patient(seed=seed, index=index, size=96, slices=10) for index in range(18)]


def features(images, modalities):
    rows, columns = np.indices(images.ct.shape)[1:]
    maps = [rows, columns]
    for name in modalities:
        volume = getattr(images, name).astype(np.float32)
        smooth = [ndimage.gaussian_filter(volume, (0, width, width)) for width in (0, 0.75, 1.5, 3, 6)]
        maps += [*smooth, smooth[1] - smooth[2], smooth[2] - smooth[3]]
    return np.stack(maps, axis=-1).reshape(-1, len(maps)).astype(np.float32)


def dice(guess, truth):
    return 2 * np.count_nonzero(guess & truth) / (np.count_nonzero(guess) + np.count_nonzero(truth))


def best_dice(patients):
    """A random forest on smoothed grey values and place, threefold by patient, each at its own best threshold."""
    truth = np.concatenate([images.mask.ravel() for images in patients]) > 0
    patient = np.concatenate([np.full(images.mask.size, index) for index, images in enumerate(patients)])
    some = truth | (np.random.default_rng(0).random(truth.size) < 0.05)
    best = {}
    for modalities in MODALITIES:
        seen = np.concatenate([features(images, modalities) for images in patients])
        score = np.empty(truth.size)
        for fold in range(3):
            forest = RandomForestClassifier(20, min_samples_leaf=4, random_state=0)
            forest.fit(seen[some & (patient % 3 != fold)], truth[some & (patient % 3 != fold)])
            score[patient % 3 == fold] = forest.predict_proba(seen[patient % 3 == fold])[:, 1]
        best[modalities] = max(dice(score > level, truth) for level in np.arange(0.1, 0.95, 0.05))
    return best


def main():
    """Print a row for each seed."""
    rows = []
    for seed in (5, 6, 7, 8):
        best = best_dice(draw_patients(seed))
        rows.append((str(seed), *(f"{best[modalities]:.2f}" for modalities in MODALITIES)))
    print(render_table(("seed", "CT alone", "PET alone", "both"), rows))


if __name__ == "__main__":
    main()
