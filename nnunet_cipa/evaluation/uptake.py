"""Volume, uptake and size of the lesions of a mask in a PET: MTV, SUVmax, SUVmean, SUVpeak, TLG, diameter."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy.ndimage import find_objects, label
from scipy.signal import fftconvolve
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist
from skimage.measure import marching_cubes

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.evaluation.metrics.lesions import NEIGHBOURHOOD

PEAK_RADIUS_MM = 10 * (3 / (4 * np.pi)) ** (1 / 3)  # of a sphere of 1 ml


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
    labels, _ = label(sitk.GetArrayViewFromImage(mask), NEIGHBOURHOOD)
    lesions = [
        _measure(labels[place] == number, place, mask, suv) for number, place in enumerate(find_objects(labels), 1)
    ]
    return sorted(lesions, key=lambda lesion: -lesion.volume_ml)


def combine_uptake(lesions: Sequence[Uptake]) -> Uptake:
    """Measure all lesions as one: volumes and TLG add up, SUVmean is weighted by volume, the diameter is the longest.

    Raises
    ------
    ValueError
        If there are none.
    """
    volumes = np.array([lesion.volume_ml for lesion in lesions])
    tlg = sum(lesion.tlg for lesion in lesions)
    x, y, z = np.average([lesion.centroid_mm for lesion in lesions], axis=0, weights=volumes).tolist()
    return Uptake(
        volume_ml=float(volumes.sum()),
        suv_max=max(lesion.suv_max for lesion in lesions),
        suv_mean=tlg / float(volumes.sum()),
        suv_peak=max(lesion.suv_peak for lesion in lesions),
        tlg=tlg,
        diameter_mm=max(lesion.diameter_mm for lesion in lesions),
        centroid_mm=(x, y, z),
        slices=(min(lesion.slices[0] for lesion in lesions), max(lesion.slices[1] for lesion in lesions)),
        interpolated=any(lesion.interpolated for lesion in lesions),
    )


def _measure(inside: NDArray[np.bool_], place: tuple[slice, ...], mask: sitk.Image, suv: sitk.Image) -> Uptake:
    """Measure a lesion, given in its box (z, y, x)."""
    lesion = sitk.GetImageFromArray(inside.astype(np.uint8))
    lesion.SetOrigin(mask.TransformIndexToPhysicalPoint([part.start for part in place[::-1]]))
    lesion.SetSpacing(mask.GetSpacing())
    lesion.SetDirection(mask.GetDirection())
    near = _near(lesion, suv)
    spheres = _sphere_means(near)
    at_pet = sitk.GetArrayFromImage(sitk.Resample(lesion, near, sitk.Transform(), sitk.sitkNearestNeighbor)) != 0
    if at_pet.any():
        values, peaks = (sitk.GetArrayViewFromImage(image)[at_pet] for image in (near, spheres))
    else:
        values, peaks = (
            sitk.GetArrayFromImage(sitk.Resample(image, lesion, sitk.Transform(), sitk.sitkLinear))[inside]
            for image in (near, spheres)
        )
    volume = float(np.count_nonzero(inside) * np.prod(mask.GetSpacing()) / 1000)
    mean = float(values.mean(dtype=np.float64))
    middle = np.argwhere(inside).mean(axis=0)[::-1]
    x, y, z = lesion.TransformContinuousIndexToPhysicalPoint(middle.tolist())
    return Uptake(
        volume_ml=volume,
        suv_max=float(values.max()),
        suv_mean=mean,
        suv_peak=float(peaks.max()),
        tlg=mean * volume,
        diameter_mm=_diameter(inside, mask.GetSpacing()),
        centroid_mm=(x, y, z),
        slices=(place[0].start + 1, place[0].stop),
        interpolated=not at_pet.any(),
    )


def _near(lesion: sitk.Image, suv: sitk.Image) -> sitk.Image:
    """Return the part of a PET in which spheres round the voxels of a lesion lie.

    Raises
    ------
    CIPAError
        If the lesion is outside the PET.
    """
    ends = [(0, length - 1) for length in lesion.GetSize()]
    corners = [lesion.TransformIndexToPhysicalPoint(corner) for corner in product(*ends)]
    indices = np.array([suv.TransformPhysicalPointToContinuousIndex(corner) for corner in corners])
    margin = PEAK_RADIUS_MM / np.array(suv.GetSpacing()) + 1
    low = np.maximum(np.floor(indices.min(axis=0) - margin), 0).astype(int)
    high = np.minimum(np.ceil(indices.max(axis=0) + margin) + 1, suv.GetSize()).astype(int)
    if (low >= high).any():
        raise CIPAError("a lesion of the mask lies outside the PET; give the PET that belongs to the mask")
    x, y, z = (slice(int(start), int(stop)) for start, stop in zip(low, high, strict=True))
    return sitk.Cast(suv[x, y, z], sitk.sitkFloat64)


def _sphere_means(suv: sitk.Image) -> sitk.Image:
    """Return for each voxel the mean of those in the image whose centres are in a sphere of 1 ml around its centre."""
    z, y, x = suv.GetSpacing()[::-1]
    reach = [int(PEAK_RADIUS_MM / length) for length in (z, y, x)]
    offsets = np.meshgrid(
        *(np.arange(-n, n + 1) * length for n, length in zip(reach, (z, y, x), strict=True)), indexing="ij"
    )
    sphere = (sum(offset**2 for offset in offsets) <= PEAK_RADIUS_MM**2).astype(np.float64)
    values = sitk.GetArrayViewFromImage(suv)
    total, count = (fftconvolve(one, sphere, mode="same") for one in (values, np.ones_like(values)))
    means = sitk.GetImageFromArray(total / np.rint(count))
    means.CopyInformation(suv)
    return means


def _diameter(inside: NDArray[np.bool_], spacing: tuple[float, ...]) -> float:
    """Return the longest distance of two points of the surface, half-way between voxels inside and outside."""
    vertices, *_ = marching_cubes(np.pad(inside, 1).astype(np.float32), 0.5, spacing=spacing[::-1])
    hull = vertices[ConvexHull(vertices).vertices]
    return float(pdist(hull).max())
