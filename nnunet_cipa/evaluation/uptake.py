"""Volume, uptake and size of the lesions of a mask in a PET: MTV, SUVmax, SUVmean, SUVpeak, TLG, diameter."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.evaluation.diameter import longest_diameter
from nnunet_cipa.evaluation.lesion_boxes import LesionBox, find_lesions
from nnunet_cipa.evaluation.peak import PEAK_RADIUS_MM, sphere_means


@dataclass(frozen=True)
class Uptake:
    """A lesion, or all lesions of a mask together.

    Attributes
    ----------
    volume_ml : float
        Metabolic tumour volume (MTV): voxels of the mask.
    suv_max, suv_mean : float
        Over the voxels of the PET whose centres lie in the lesion.
    suv_peak : float
        Highest mean of a sphere of 1 ml whose centre is a voxel of the lesion; the sphere may reach beyond it.
    tlg : float
        Total lesion glycolysis: mean SUV times volume, in ml.
    diameter_mm : float
        Longest distance of two points of its surface.
    centroid_mm : tuple of float
        Mean of its voxels, in patient coordinates (LPS: x, y, z).
    slices : tuple of int
        First and last slice of the mask that it is on, counted from 1.
    interpolated : bool
        Whether it is so small that it holds no centre of a PET voxel: its uptake is then interpolated at the mask's
        voxels.
    in_pet : float
        Part of it that the PET covers. Uptake is that of this part, TLG too; NaN where there is none.
    """

    volume_ml: float
    suv_max: float
    suv_mean: float
    suv_peak: float
    tlg: float
    diameter_mm: float
    centroid_mm: tuple[float, float, float]
    slices: tuple[int, int]
    interpolated: bool = False
    in_pet: float = 1.0


def measure_uptake(mask: sitk.Image, suv: sitk.Image) -> list[Uptake]:
    """Measure every lesion of a mask, the largest first; lesions are 18-connected, as in the autoPET challenge.

    Parameters
    ----------
    mask : Image
        Whatever is not 0 is tumour.
    suv : Image
        The PET in the same frame, on a grid of its own.

    Raises
    ------
    CIPAError
        If a lesion is outside the PET.

    Notes
    -----
    Source: Image Biomarker Standardisation Initiative (IBSI) reference manual, arXiv 1612.07003: global intensity peak
    (0F91), mean intensity (Q4LE), approximate volume (YEKZ), maximum 3D diameter (L0JK). Volumes are those of voxels.
    """
    values = sitk.GetArrayViewFromImage(mask) != 0
    lesions = [measure_lesion(lesion, mask, suv) for lesion in find_lesions(values)]
    if any(lesion.in_pet == 0 for lesion in lesions):
        raise CIPAError("a lesion of the mask lies outside the PET; give the PET that belongs to the mask")
    return lesions


def combine_uptake(lesions: Sequence[Uptake]) -> Uptake:
    """Measure all lesions as one: volumes and TLG add up, SUVmean is weighted by volume, the diameter is the longest.

    Raises
    ------
    ValueError
        If there are none.
    """
    volumes = np.array([lesion.volume_ml for lesion in lesions])
    volume = float(volumes.sum())
    covered = float(volumes @ [lesion.in_pet for lesion in lesions])
    measured = [lesion for lesion in lesions if lesion.in_pet > 0]
    tlg = sum(lesion.tlg for lesion in measured) if measured else math.nan
    x, y, z = np.average([lesion.centroid_mm for lesion in lesions], axis=0, weights=volumes).tolist()
    return Uptake(
        volume_ml=volume,
        suv_max=max((lesion.suv_max for lesion in measured), default=math.nan),
        suv_mean=tlg / covered if measured else math.nan,
        suv_peak=max((lesion.suv_peak for lesion in measured), default=math.nan),
        tlg=tlg,
        diameter_mm=max(lesion.diameter_mm for lesion in lesions),
        centroid_mm=(x, y, z),
        slices=(min(lesion.slices[0] for lesion in lesions), max(lesion.slices[1] for lesion in lesions)),
        interpolated=any(lesion.interpolated for lesion in lesions),
        in_pet=1.0 if all(lesion.in_pet == 1 for lesion in lesions) else covered / volume,
    )


def measure_lesion(lesion: LesionBox, mask: sitk.Image, suv: sitk.Image) -> Uptake:
    """Measure one of the lesions of a mask, wherever it lies in a PET (see ``Uptake.in_pet``).

    Parameters
    ----------
    lesion : LesionBox
        As ``find_lesions`` gives it.
    mask : Image
        On whose grid it is.
    suv : Image
        The PET in the same frame.
    """
    inside = lesion.inside
    image = sitk.GetImageFromArray(inside.astype(np.uint8))
    image.SetOrigin(mask.TransformIndexToPhysicalPoint([part.start for part in lesion.place[::-1]]))
    image.SetSpacing(mask.GetSpacing())
    image.SetDirection(mask.GetDirection())
    volume = float(np.count_nonzero(inside) * np.prod(mask.GetSpacing()) / 1000)
    near = _near(image, suv)
    covered = np.zeros_like(inside) if near is None else inside & _covered(near, image)
    in_pet = int(np.count_nonzero(covered)) / int(np.count_nonzero(inside))
    values, peaks, interpolated = np.full(1, math.nan), np.full(1, math.nan), False
    if near is not None and in_pet:
        values, peaks, interpolated = _values(near, image, covered)
    mean = float(values.mean(dtype=np.float64))
    counts = [np.count_nonzero(inside, axis=axes) for axes in ((0, 1), (0, 2), (1, 2))]
    middle = [float(np.average(np.arange(len(count)), weights=count)) for count in counts]
    x, y, z = image.TransformContinuousIndexToPhysicalPoint(middle)
    return Uptake(
        volume_ml=volume,
        suv_max=float(values.max()),
        suv_mean=mean,
        suv_peak=float(peaks.max()),
        tlg=mean * volume * in_pet,
        diameter_mm=longest_diameter(inside, mask.GetSpacing()),
        centroid_mm=(x, y, z),
        slices=(lesion.place[0].start + 1, lesion.place[0].stop),
        interpolated=interpolated,
        in_pet=in_pet,
    )


def _values(
    near: sitk.Image, lesion: sitk.Image, covered: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64], bool]:
    """Return SUV and means of spheres at a lesion's voxels of the PET; at its own, and True, if there are none."""
    images = (near, sphere_means(near))
    at_pet = sitk.GetArrayFromImage(sitk.Resample(lesion, near, sitk.Transform(), sitk.sitkNearestNeighbor)) != 0
    if at_pet.any():
        values, peaks = (sitk.GetArrayViewFromImage(image)[at_pet] for image in images)
        return values, peaks, False
    values, peaks = (
        sitk.GetArrayFromImage(sitk.Resample(image, lesion, sitk.Transform(), sitk.sitkLinear))[covered]
        for image in images
    )
    return values, peaks, True


def _covered(near: sitk.Image, lesion: sitk.Image) -> NDArray[np.bool_]:
    ones = sitk.Image(near.GetSize(), sitk.sitkUInt8) + 1
    ones.CopyInformation(near)
    found = sitk.Resample(ones, lesion, sitk.Transform(), sitk.sitkNearestNeighbor)
    return sitk.GetArrayFromImage(found) != 0


def _near(lesion: sitk.Image, suv: sitk.Image) -> sitk.Image | None:
    """Return the part of a PET in which spheres round the voxels of a lesion lie; None if there is none."""
    ends = [(0, length - 1) for length in lesion.GetSize()]
    corners = [lesion.TransformIndexToPhysicalPoint(corner) for corner in product(*ends)]
    indices = np.array([suv.TransformPhysicalPointToContinuousIndex(corner) for corner in corners])
    margin = PEAK_RADIUS_MM / np.array(suv.GetSpacing()) + 1
    low = np.maximum(np.floor(indices.min(axis=0) - margin), 0).astype(int)
    high = np.minimum(np.ceil(indices.max(axis=0) + margin) + 1, suv.GetSize()).astype(int)
    if (low >= high).any():
        return None
    x, y, z = (slice(int(start), int(stop)) for start, stop in zip(low, high, strict=True))
    return sitk.Cast(suv[x, y, z], sitk.sitkFloat64)
