"""Small CT, PET and labels in NIfTI for the layouts of public data sets, with values that are known by construction."""

from dataclasses import dataclass

import nibabel as nib
import numpy as np


@dataclass(frozen=True)
class Grid:
    """Voxels in nibabel's order x, y, z: columns to the left, rows to the back, slices upwards, as in LPS."""

    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    origin: tuple[float, float, float]

    @property
    def affine(self):
        """In RAS, as nibabel counts."""
        x, y, z = self.spacing
        return np.array(
            [[-x, 0, 0, -self.origin[0]], [0, -y, 0, -self.origin[1]], [0, 0, z, self.origin[2]], [0, 0, 0, 1]]
        )

    @property
    def centres(self):
        """LPS coordinates of the voxels' centres in mm: three arrays."""
        index = np.meshgrid(*map(np.arange, self.shape), indexing="ij")
        return [axis * step + start for axis, step, start in zip(index, self.spacing, self.origin, strict=True)]

    def hu(self, seed):
        """Air in the first two rows, and elsewhere a linear ramp in z that the seed moves."""
        _, y, z = self.centres
        values = np.where(y < self.origin[1] + 1.5 * self.spacing[1], -1000.0, -100 + 2 * z + seed)
        return values.astype(np.int16)

    def suv(self, seed):
        """A linear ramp in y, from 3 at 0 mm, that the seed moves."""
        return (3 + 0.05 * self.centres[1] + seed / 10).astype(np.float32)

    def box(self, low, high, value=1):
        """A label that has the value where centres lie between two corners in mm."""
        inside = np.all([(low[i] <= c) & (c <= high[i]) for i, c in enumerate(self.centres)], axis=0)
        return (inside * value).astype(np.uint8)

    def save(self, path, values):
        """Write values as NIfTI."""
        path.parent.mkdir(parents=True, exist_ok=True)
        image = nib.Nifti1Image(values, self.affine)
        image.header.set_xyzt_units("mm")
        nib.save(image, path)
        return values


def stored(path):
    """The values of a written image, x, y, z."""
    return np.asarray(nib.load(path).dataobj)
