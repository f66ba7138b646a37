"""Measures the volume that a stack of slices makes: order, spacing, origin, direction, and whether it is regular."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnunet_cipa.dicom.headers import Header
from nnunet_cipa.errors import CIPAError

Vector = NDArray[np.float64]

# Directions are often written with few decimals: three are off by up to 5e-4 each.
ORTHONORMAL_TOLERANCE = 1e-3
# Turns a slice by 0.05 mm over 500 mm, a twentieth of a pixel.
SAME_ORIENTATION = 1e-4
# Relative; pixel spacing off by this puts the far side of 500 mm off by 0.05 mm.
SAME_SPACING = 1e-4
# Some scanners round positions to 0.1 mm, so that two slices may be off by this from where they should be.
POSITION_TOLERANCE_MM = 0.1
# Distance of a slice from the normal through the first, at most: a fifth of a pixel of 1 mm.
SHEAR_TOLERANCE_MM = 0.2
# Two slices nearer to each other than this are at the same place: the thinnest real ones are 0.2 mm apart.
DOUBLED_MM = 0.05
# A gap of at least this many usual ones lacks slices; a smaller one is varying spacing.
MISSING_GAP = 1.5
PLAUSIBLE_SPACING_MM = (0.05, 20.0)
PLAUSIBLE_POSITION_MM = 1e4


@dataclass(frozen=True)
class Stack:
    """Slices in ascending order along the normal, where they are along it in mm, and the geometry as SimpleITK's."""

    headers: tuple[Header, ...]
    positions: tuple[float, ...]
    spacing: tuple[float, float, float]
    origin: tuple[float, float, float]
    direction: tuple[float, ...]


def measure_stack(name: str, headers: Sequence[Header]) -> Stack:
    """Sort slices along their normal, which is row direction x column direction, and check that they are regular.

    Parameters
    ----------
    name
        The series in words, for errors.
    headers
        Two or more, which all have position, orientation and pixel spacing (see ``check_headers``).

    Raises
    ------
    CIPAError
        For absurd numbers, more than one orientation or pixel spacing, missing, doubled, unevenly spaced or sheared
        slices.
    """
    places = np.array([header.position for header in headers], dtype=np.float64)
    orientations = np.array([header.orientation for header in headers], dtype=np.float64)
    spacings = np.array([header.pixel_spacing for header in headers], dtype=np.float64)
    for numbers in zip(headers, places, orientations, spacings, strict=True):
        _check_numbers(*numbers)
    _check_same(name, headers, "ImageOrientationPatient", orientations, SAME_ORIENTATION)
    _check_same(name, headers, "PixelSpacing", spacings, SAME_SPACING * spacings[0].max())
    axes = _axes(orientations[0])
    along = places @ axes[:, 2]
    order = np.argsort(along, kind="stable")
    ordered = [headers[index] for index in order]
    step = _check_gaps(name, ordered, along[order])
    _check_shear(name, ordered, places[order], axes[:, 2])
    return Stack(
        headers=tuple(ordered),
        positions=tuple(along[order].tolist()),
        spacing=(float(spacings[0][1]), float(spacings[0][0]), step),
        origin=tuple(places[order[0]].tolist()),
        direction=tuple(axes.ravel().tolist()),
    )


def _check_numbers(header: Header, position: Vector, orientation: Vector, spacing: Vector) -> None:
    low, high = PLAUSIBLE_SPACING_MM
    if not (low <= spacing.min() and spacing.max() <= high):
        raise CIPAError(
            f"{header.path}: PixelSpacing {_show(spacing)}; {low:g} to {high:g} mm is plausible, correct it"
        )
    if np.abs(position).max() > PLAUSIBLE_POSITION_MM:
        far = f"more than {PLAUSIBLE_POSITION_MM:g} mm away"
        raise CIPAError(f"{header.path}: ImagePositionPatient {_show(position)} is {far}; export it again")
    rows, columns = orientation[:3], orientation[3:]
    if max(abs(rows @ rows - 1), abs(columns @ columns - 1), abs(rows @ columns)) > 2 * ORTHONORMAL_TOLERANCE:
        raise CIPAError(
            f"{header.path}: ImageOrientationPatient {_show(orientation)} is not two directions of length 1 at right "
            "angles; export it again"
        )


def _check_same(name: str, headers: Sequence[Header], keyword: str, values: Vector, tolerance: float) -> None:
    apart = np.abs(values - values[0]).max(axis=1)
    if apart.max() > tolerance:
        other = int(apart.argmax())
        raise CIPAError(
            f"{name}: {keyword} is {_show(values[0])} in {headers[0].path} and {_show(values[other])} in "
            f"{headers[other].path}; one volume has one, so correct it, or remove the files of the other"
        )


def _axes(orientation: Vector) -> Vector:
    """Return the directions of x, y, z as columns, exactly at right angles."""
    rows = orientation[:3] / np.linalg.norm(orientation[:3])
    columns = orientation[3:] - rows * (rows @ orientation[3:])
    columns /= np.linalg.norm(columns)
    return np.stack([rows, columns, np.cross(rows, columns)], axis=1)


def _check_gaps(name: str, headers: Sequence[Header], along: Vector) -> float:
    """Return the distance of the slices after checking that it is the same everywhere."""
    gaps = np.diff(along)
    if gaps.min() < DOUBLED_MM:
        index = int(gaps.argmin())
        raise CIPAError(
            f"{name}: {headers[index].path} and {headers[index + 1].path} are at the same place ({gaps[index]:.3f} mm "
            f"apart; {int((gaps < DOUBLED_MM).sum())} such pairs); keep one slice for each place"
        )
    # The lower of two middle ones, so that one gap of two is not half of what is usual.
    usual = float(np.sort(gaps)[(len(gaps) - 1) // 2])
    index = int(gaps.argmax())
    where = f"between {headers[index].path} and {headers[index + 1].path}"
    if gaps[index] >= MISSING_GAP * usual:
        raise CIPAError(
            f"{name}: slices are missing {where}: a gap of {gaps[index]:.2f} mm where {usual:.2f} mm is usual; add "
            f"them ({int((gaps >= MISSING_GAP * usual).sum())} such gaps)"
        )
    step = float(along[-1] - along[0]) / (len(along) - 1)
    off = np.abs(along - along[0] - step * np.arange(len(along))).max()
    if gaps.max() - gaps.min() > 2 * POSITION_TOLERANCE_MM or off > POSITION_TOLERANCE_MM:
        raise CIPAError(
            f"{name}: its slices are {gaps.min():.2f} to {gaps.max():.2f} mm apart (widest {where}), up to "
            f"{off:.2f} mm from an even stack; resample it, or export one reconstruction"
        )
    low, high = PLAUSIBLE_SPACING_MM
    if not low <= step <= high:
        raise CIPAError(
            f"{name}: its slices are {step:.2f} mm apart; {low:g} to {high:g} mm is plausible, export all of them"
        )
    return step


def _check_shear(name: str, headers: Sequence[Header], places: Vector, normal: Vector) -> None:
    moved = places - places[0]
    aside = np.linalg.norm(moved - np.outer(moved @ normal, normal), axis=1)
    index = int(aside.argmax())
    if aside[index] > SHEAR_TOLERANCE_MM:
        raise CIPAError(
            f"{name}: sheared, as with a tilted gantry: {headers[index].path} is {aside[index]:.2f} mm aside of the "
            f"normal through {headers[0].path}; correct the tilt by resampling, with a CT that of its contours too"
        )


def _show(numbers: Vector) -> str:
    return "\\".join(f"{number:g}" for number in numbers)
