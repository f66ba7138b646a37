"""Means of spheres of 1 ml in a PET, of which SUVpeak is the highest."""

import numpy as np
import SimpleITK as sitk
from scipy.signal import oaconvolve

PEAK_RADIUS_MM = 10 * (3 / (4 * np.pi)) ** (1 / 3)  # of a sphere of 1 ml
SLAB = 16  # slices at a time, so that memory does not grow with a lesion


def sphere_means(suv: sitk.Image) -> sitk.Image:
    """Return for each voxel the mean of those in the image whose centres are in a sphere of 1 ml around its centre."""
    z, y, x = suv.GetSpacing()[::-1]
    reach = [int(PEAK_RADIUS_MM / length) for length in (z, y, x)]
    offsets = np.meshgrid(
        *(np.arange(-n, n + 1) * length for n, length in zip(reach, (z, y, x), strict=True)), indexing="ij"
    )
    sphere = (sum(offset**2 for offset in offsets) <= PEAK_RADIUS_MM**2).astype(np.float64)
    values, depth = sitk.GetArrayViewFromImage(suv), reach[0]
    means = np.empty(values.shape)
    for start in range(0, len(values), SLAB):
        low, stop = max(0, start - depth), min(start + SLAB, len(values))
        slab = values[low : stop + depth]
        total, count = (oaconvolve(one, sphere, mode="same") for one in (slab, np.ones_like(slab)))
        means[start:stop] = (total / np.rint(count))[start - low : stop - low]
    made = sitk.GetImageFromArray(means)
    made.CopyInformation(suv)
    return made
