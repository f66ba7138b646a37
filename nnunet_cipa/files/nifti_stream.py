"""Writes a NIfTI volume slice by slice, so that memory does not grow with its length."""

import gzip
from pathlib import Path
from types import TracebackType

import nibabel as nib
import numpy as np
from numpy.typing import DTypeLike, NDArray

COMPRESSION = 2


class NiftiStream:
    """An open ``.nii.gz`` file that takes axial slices from the first to the last.

    The volume's axes are x, y, z with the identity as direction in LPS (ITK's) coordinates: columns run to the
    patient's left, rows to the back, slices upwards.

    Parameters
    ----------
    path
        A file that does not exist yet.
    shape
        Slices, rows, columns.
    spacing
        In mm along x, y, z.
    dtype
        Of the voxels.
    origin
        Centre of the first voxel in mm, x, y, z in LPS coordinates.
    """

    def __init__(
        self,
        path: Path,
        shape: tuple[int, int, int],
        spacing: tuple[float, float, float],
        dtype: DTypeLike,
        origin: tuple[float, float, float] = (0.0, 0.0, 0.0),
    ) -> None:
        self._rest = shape[0]
        self._slice_shape = shape[1:]
        self._dtype = np.dtype(dtype)
        header = nib.Nifti1Header()
        header.set_data_dtype(self._dtype)
        header.set_data_shape(shape[::-1])
        # NIfTI counts in RAS coordinates: the first two axes change their sign.
        affine = np.diag([-spacing[0], -spacing[1], spacing[2], 1.0])
        affine[:3, 3] = 0.0 - origin[0], 0.0 - origin[1], origin[2]
        header.set_qform(affine, code="scanner")
        header.set_sform(affine, code="scanner")
        header.set_xyzt_units("mm")
        header.set_slope_inter(1, 0)
        header["magic"] = b"n+1"
        header["vox_offset"] = 352
        # No name and no time in the gzip header: the same slices give the same bytes.
        self._raw = path.open("xb")
        self._file = gzip.GzipFile("", "wb", COMPRESSION, self._raw, mtime=0)
        self._file.write(header.binaryblock + bytes(4))

    def write(self, values: NDArray[np.generic]) -> None:
        """Append one slice (rows, columns)."""
        if values.shape != self._slice_shape or self._rest == 0:
            raise ValueError(f"slice of shape {values.shape}; {self._rest} of {self._slice_shape} still to come")
        self._file.write(np.ascontiguousarray(values, dtype=self._dtype).tobytes())
        self._rest -= 1

    def write_all(self, volume: NDArray[np.generic]) -> None:
        """Append all slices of a volume (slices, rows, columns)."""
        for values in volume:
            self.write(values)

    def __enter__(self) -> "NiftiStream":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._raw:
            self._file.close()
        if error is None and self._rest:
            raise ValueError(f"{self._rest} slices were not written")
