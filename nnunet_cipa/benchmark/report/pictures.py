"""Pictures of one slice with what was found, what was not and what is false."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nnunet_cipa.evaluation.overlay import largest_slice
from nnunet_cipa.evaluation.scoring import Score
from nnunet_cipa.evaluation.volumes import check_same_geometry, read_mask, read_volume
from nnunet_cipa.pages.palette import FALSE_NEGATIVE, FALSE_POSITIVE, TRUE_POSITIVE

_MARGIN_MM = 35.0
_SIDE = 300
_OPACITY = 0.45


@dataclass(frozen=True)
class Picture:
    """A case of a model: its rank, the slice, counted from 1, of so many, and CT and PET as data URIs."""

    score: Score
    rank: str
    slice: int
    slices: int
    ct: str
    pet: str


def choose_cases(scores: Sequence[Score]) -> list[tuple[str, Score]]:
    """Return the worst, the median and the best case by Dice, fewer if there are; undefined ones are left out."""
    order = sorted((score for score in scores if score.measures.dice >= 0), key=lambda score: score.measures.dice)
    if not order:
        return []
    chosen = {0: "worst"}
    chosen.setdefault(len(order) - 1, "best")
    chosen.setdefault((len(order) - 1) // 2, "median")
    return [(chosen[index], order[index]) for index in sorted(chosen)]


def draw_case(rank: str, score: Score) -> Picture:
    """Draw a case at its largest true tumour.

    Raises
    ------
    CIPAError
        If an image cannot be read or the images do not lie on one voxel grid.
    """
    files = score.files
    assert files.prediction is not None  # noqa: S101 - for the type checker; a scored case has one
    truth, prediction = read_mask(files.truth), read_mask(files.prediction)
    ct, pet = read_volume(files.ct), read_volume(files.pet)
    check_same_geometry(truth, prediction, ct, pet)
    index = largest_slice(truth.array, prediction.array)
    masks = truth.array[index], prediction.array[index]
    place = _place(masks[0] | masks[1], truth.spacing[1:])
    shown = [mask[place] for mask in masks]
    planes = (_grey(ct.array[index])[place], 255 - _grey(pet.array[index])[place])
    pictures = [_data_uri(paint(plane, *shown), truth.spacing[1:]) for plane in planes]
    return Picture(score, rank, index + 1, len(truth.array), *pictures)


def paint(grey: NDArray[np.uint8], truth: NDArray[np.bool_], prediction: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Colour a plane (rows, columns) by agreement; returns (rows, columns, 3)."""
    image = np.repeat(grey[..., None], 3, axis=2).astype(np.float32)
    for mask, colour in (
        (truth & prediction, TRUE_POSITIVE),
        (prediction & ~truth, FALSE_POSITIVE),
        (truth & ~prediction, FALSE_NEGATIVE),
    ):
        rgb = np.array([int(colour[start : start + 2], 16) for start in (1, 3, 5)])
        image[mask] = (1 - _OPACITY) * image[mask] + _OPACITY * rgb
    return image.round().astype(np.uint8)


def _grey(plane: NDArray[np.generic]) -> NDArray[np.uint8]:
    values = plane.astype(np.float32)
    # a few voxels of metal or of the bladder must not make all else one grey
    low, high = np.percentile(values, (0.5, 99.8))
    scaled: NDArray[np.uint8] = (np.clip((values - low) / max(high - low, 1e-9), 0, 1) * 255).astype(np.uint8)
    return scaled


def _place(marked: NDArray[np.bool_], spacing: tuple[float, ...]) -> tuple[slice, slice]:
    """Rows and columns round what is marked, with a margin; all of them if nothing is."""
    parts = []
    for axis in (0, 1):
        found = np.flatnonzero(marked.any(axis=1 - axis))
        margin = round(_MARGIN_MM / spacing[axis])
        low, high = (int(found[0]), int(found[-1])) if found.size else (0, marked.shape[axis] - 1)
        parts.append(slice(max(0, low - margin), high + margin + 1))
    return parts[0], parts[1]


def _data_uri(image: NDArray[np.uint8], spacing: tuple[float, ...]) -> str:
    """Enlarge to true proportions, pixels kept as squares so that nothing looks better than it is."""
    height, width = image.shape[0] * spacing[0], image.shape[1] * spacing[1]
    scale = _SIDE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    buffer = io.BytesIO()
    Image.fromarray(image).resize(size, Image.Resampling.NEAREST).save(buffer, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
