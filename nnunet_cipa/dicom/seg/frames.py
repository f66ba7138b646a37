"""Makes a mask of one segment: its frames on the grid of a series where they fit it, else on a grid of their own."""

from collections.abc import Iterator, Sequence
from io import BytesIO

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from pydicom.pixels import iter_pixels

from nnunet_cipa.dicom.attributes import DAMAGE, count, tolerant
from nnunet_cipa.dicom.masks import steps_of
from nnunet_cipa.dicom.part10 import as_part10
from nnunet_cipa.dicom.seg.functional_groups import Frames
from nnunet_cipa.dicom.seg.segmentation import FRACTIONAL, LABEL_MAP, Segment, Segmentation, damaged
from nnunet_cipa.dicom.series.geometry import MISSING_GAP, PLAUSIBLE_SPACING_MM
from nnunet_cipa.errors import CIPAError

# Of a voxel, along columns and rows of a grid, and across its slices, which may be a little off an even stack.
TOLERANCE = np.array([0.05, 0.05, 0.2])
SAME_STEP = 0.02
Pixels = list[tuple[int, NDArray[np.int64]]]


def pixels_of(segmentation: Segmentation, segment: Segment, threshold: float | None) -> Pixels:
    """Read which pixels are inside a segment.

    Parameters
    ----------
    segmentation, segment
        The file, and one of its segments.
    threshold
        The least part of a pixel of a FRACTIONAL segmentation, above 0 to 1, that counts as inside; None if they are
        not to be read, unless they hold nothing but 0 and 1.

    Returns
    -------
    list of (int, ndarray)
        Frame from 0, and its (n, 2) columns and rows inside; frames without any are left out.

    Raises
    ------
    CIPAError
        If the file has a fault, cannot be decoded, or holds values between 0 and 1 and there is no threshold.
    """
    if segmentation.fault is not None:
        raise CIPAError(segmentation.fault)
    found = []
    wanted = np.flatnonzero(np.isin(segmentation.frames.segments, (segment.number, 0)))
    try:
        for index, values in _decoded(segmentation, wanted):
            if segmentation.kind == LABEL_MAP:
                inside = values == segment.number
            elif segmentation.kind == FRACTIONAL:
                inside = _thresholded(segmentation, values, threshold)
            else:
                inside = values > 0
            if inside.any():
                found.append((int(index), np.argwhere(inside)[:, ::-1].astype(np.int64)))
    except (*DAMAGE, RuntimeError) as error:  # RuntimeError: what pydicom raises if no decoder gets through
        if isinstance(error, CIPAError):
            raise
        raise damaged(segmentation.path, error) from error
    return found


def on_grid(frames: Frames, pixels: Pixels, grid: sitk.Image, *, is_source: bool) -> NDArray[np.uint8] | None:
    """Put pixels on a grid whose voxels they are, whatever the orientation and order of the frames.

    Parameters
    ----------
    frames, pixels
        Of a segment.
    grid
        Image with the geometry of a series.
    is_source
        Whether the segmentation was made on that series, so that the frames between may have been left out.

    Returns
    -------
    ndarray or None
        (slices, rows, columns), 0 and 1; None if the pixels are not voxels of the grid.
    """
    size = np.asarray(grid.GetSize())
    mask = np.zeros(size[::-1], dtype=np.uint8)
    for frame, inside in pixels:
        steps, place = _index_map(frames, frame, grid)
        whole = np.rint(steps)
        if (np.abs(whole).sum(axis=0) != 1).any() or np.abs(whole).sum(axis=1).max() > 1:
            return None
        index = inside @ steps.T + place
        nearest = np.rint(index).astype(np.int64)
        if (np.abs(index - nearest) > TOLERANCE).any() or (nearest < 0).any() or (nearest >= size).any():
            return None
        if frame == pixels[0][0] and not _steps_alike(frames, frame, grid, whole, is_source=is_source):
            return None
        mask[tuple(nearest[:, ::-1].T)] = 1
    return mask


def on_own_grid(segmentation: Segmentation, pixels: Pixels) -> sitk.Image:
    """Put pixels on the grid that the frames of the file make.

    Raises
    ------
    CIPAError
        If the frames are not parallel, not one behind the other, or unevenly spaced.
    """
    frames, start = segmentation.frames, f"{segmentation.path}: its frames"
    first = frames.orientations[0], frames.spacings[0]
    if np.abs(frames.orientations - first[0]).max() > 1e-4 or np.abs(frames.spacings - first[1]).max() > 1e-4:
        raise CIPAError(f"{start} have several orientations or pixel sizes; export it on the grid of the CT")
    rows, columns = first[0][:3], first[0][3:]
    normal = np.cross(rows, columns)
    along = frames.positions @ normal
    aside = frames.positions - frames.positions[0] - np.outer(along - along[0], normal)
    if np.abs(aside).max() > TOLERANCE[0] * first[1].min():
        raise CIPAError(f"{start} are not one behind the other; export it on the grid of the CT")
    step = _step(frames, along)
    if step is None:
        raise CIPAError(f"{start} do not say how thick they are; export it on the grid of the CT")
    lowest = int(along.argmin())
    place = (along - along[lowest]) / step
    slices = np.rint(place).astype(np.int64)
    low, high = PLAUSIBLE_SPACING_MM
    if np.abs(place - slices).max() > TOLERANCE[2] or not low <= step <= high or slices.max() > high * len(along) + 1e3:
        raise CIPAError(f"{start} are unevenly spaced, {step:.3g} mm or more; export it on the grid of the CT")
    size = count(segmentation.file, "Rows", 0), count(segmentation.file, "Columns", 0)
    mask = np.zeros((int(slices.max()) + 1, *size), dtype=np.uint8)
    for frame, inside in pixels:
        mask[slices[frame], inside[:, 1], inside[:, 0]] = 1
    image = sitk.GetImageFromArray(mask)
    image.SetSpacing((float(first[1][1]), float(first[1][0]), step))
    image.SetOrigin(frames.positions[lowest].tolist())
    image.SetDirection(np.stack([rows, columns, normal], axis=1).ravel().tolist())
    return image


def _decoded(segmentation: Segmentation, wanted: Sequence[int] | NDArray[np.int64]) -> Iterator[tuple[int, NDArray]]:
    indices = [int(index) for index in wanted]
    if indices:
        with tolerant():
            whole = BytesIO(as_part10(segmentation.path.read_bytes()))
            yield from zip(indices, iter_pixels(whole, indices=indices), strict=True)


def _thresholded(segmentation: Segmentation, values: NDArray, threshold: float | None) -> NDArray[np.bool_]:
    if threshold is None:
        if not np.isin(values, (0, segmentation.most)).all():
            raise CIPAError(
                f"{segmentation.path}: is FRACTIONAL, and how much of a voxel counts as inside is not known; give "
                "--seg-threshold, such as 0.5, or one that is BINARY"
            )
        threshold = 1.0
    return values >= threshold * segmentation.most


def _index_map(frames: Frames, frame: int, grid: sitk.Image) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Matrix (3, 2) and shift that take column and row of a frame to an index of a grid."""
    turn, (down, across) = frames.orientations[frame].reshape(2, 3), frames.spacings[frame]
    ways = np.stack([turn[0] * across, turn[1] * down], axis=1)
    steps = steps_of(grid)
    return np.linalg.solve(steps, ways), np.linalg.solve(steps, frames.positions[frame] - np.asarray(grid.GetOrigin()))


def _steps_alike(frames: Frames, frame: int, grid: sitk.Image, whole: NDArray[np.float64], *, is_source: bool) -> bool:
    """Return whether frames follow each other as the voxels of a grid do, so that none between is missing."""
    (axis,) = np.flatnonzero(np.abs(whole).sum(axis=1) == 0)
    spacing = grid.GetSpacing()[int(axis)]
    normal = np.cross(*frames.orientations[frame].reshape(2, 3))
    gap = _least_gap(frames.positions @ normal)
    known = [step for step in (gap, frames.declared_step) if step is not None]
    if any(abs(step / spacing - 1) < SAME_STEP for step in known):
        return True
    return frames.declared_step is None and (is_source or gap is None)


def _least_gap(along: NDArray[np.float64]) -> float | None:
    gaps = np.diff(np.unique(np.round(along, 3)))
    gaps = gaps[gaps >= PLAUSIBLE_SPACING_MM[0]]
    return float(gaps.min()) if len(gaps) else None


def _step(frames: Frames, along: NDArray[np.float64]) -> float | None:
    """Return how far the slices are apart: as declared if the frames are where they can be then, else as they are."""
    gap, declared = _least_gap(along), frames.declared_step
    if gap is None:
        return declared or frames.thickness
    if declared is not None:
        gaps = gap / declared
        if gaps > 1 / MISSING_GAP and abs(gaps - round(gaps)) < SAME_STEP * max(1, round(gaps)):
            return declared
    return gap
