"""Planes of images as pictures: enlarged to true proportions, and as part of a page."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from nnunet_cipa.pages import palette

_WIDTH = 2  # of an outline, in pixels of the picture


@dataclass(frozen=True)
class Outline:
    """What is outlined in a picture: a mask (rows, columns), and the colour, one of the palette."""

    mask: NDArray[np.bool_]
    colour: str


def enlarge(image: NDArray[np.uint8], pixel: tuple[float, float], longest: int) -> Image.Image:
    """Enlarge to true proportions, pixels kept as squares so that nothing looks better than it is.

    Parameters
    ----------
    image : ndarray
        (rows, columns) or (rows, columns, 3).
    pixel : tuple of float
        Height and width of a pixel in mm.
    longest : int
        Pixels of the longer side of the picture.
    """
    height, width = image.shape[0] * pixel[0], image.shape[1] * pixel[1]
    scale = longest / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return Image.fromarray(image).resize(size, Image.Resampling.NEAREST)


def outlined(
    plane: NDArray[np.uint8], outlines: Sequence[Outline], pixel: tuple[float, float], longest: int
) -> Image.Image:
    """Enlarge a plane (rows, columns), and draw outlines along the inner edges of masks, the last on top."""
    picture = np.array(enlarge(plane, pixel, longest).convert("RGB"))
    for outline in outlines:
        inside = np.array(enlarge(outline.mask.astype(np.uint8), pixel, longest)) > 0
        picture[inside & ~ndimage.binary_erosion(inside, iterations=_WIDTH)] = palette.rgb(outline.colour)
    return Image.fromarray(picture)


def png(picture: Image.Image) -> bytes:
    """Return a picture as a PNG."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def data_uri(content: bytes) -> str:
    """Return a PNG as the address of an image, so that the page needs no other file."""
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"
