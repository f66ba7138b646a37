"""Reads and checks the three images of a PCLT20K slice."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from nnunet_cipa.dataset_conversion.pclt20k.endings import KINDS
from nnunet_cipa.dataset_conversion.pclt20k.source import SliceName
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.png import GreyImage, read_grey_png

TUMOUR_FROM = 128
MAX_TUMOUR_SHARE = 0.5


@dataclass(frozen=True)
class SliceImages:
    """The images of one slice: grey values (rows, columns), the tumour, and the files they came from."""

    ct: NDArray[np.uint8]
    pet: NDArray[np.uint8]
    tumour: NDArray[np.bool_]
    between: int
    files: dict[str, GreyImage]


@dataclass(frozen=True)
class SliceFacts:
    """What is kept of a slice after checking: no pixels.

    Attributes
    ----------
    name
        As listed.
    sha256
        Of each file by kind.
    size
        Columns and rows.
    between
        Mask pixels that are neither 0 nor 255.
    rgb
        Kinds that were stored as RGB with equal channels.
    area
        Tumour pixels.
    components
        Tumour parts that do not touch, corners included.
    centre
        Column and row of the tumour's centre of mass.
    box
        First column, first row, width and height of the tumour.
    """

    name: str
    sha256: dict[str, str]
    size: tuple[int, int]
    between: int
    rgb: tuple[str, ...]
    area: int
    components: int
    centre: tuple[float, float]
    box: tuple[int, int, int, int]


def read_slice(root: Path, name: SliceName) -> SliceImages:
    """Read a slice and check that its three files belong together and its mask is one.

    Raises
    ------
    CIPAError
        For a missing or unreadable file, unequal sizes, or a mask without tumour, in 0/1, or over half the slice.
    """
    paths = {kind: name.path(root, kind) for kind in KINDS}
    missing = [path for path in paths.values() if not path.is_file()]
    if len(missing) == len(KINDS):
        raise CIPAError(
            f"{missing[0]}: {name.name} is listed but has no file; restore its files or take it off the list"
        )
    if missing:
        raise CIPAError(
            f"{missing[0]}: missing, while {name.name} has other files; restore it or take the slice off the list"
        )
    files = {kind: read_grey_png(path) for kind, path in paths.items()}
    shape = files["CT"].values.shape
    for kind in ("PET", "mask"):
        if files[kind].values.shape != shape:
            raise CIPAError(
                f"{paths[kind]}: {_size(files[kind].values)}, but its CT is {_size(files['CT'].values)}; restore it"
            )
    mask = files["mask"].values
    tumour = mask >= TUMOUR_FROM
    _check_mask(paths["mask"], mask, tumour)
    between = int(np.count_nonzero((mask != 0) & (mask != 255)))
    return SliceImages(files["CT"].values, files["PET"].values, tumour, between, files)


def describe_slice(name: SliceName, images: SliceImages) -> SliceFacts:
    """Measure a slice's tumour and note its files."""
    box = ndimage.find_objects(images.tumour.astype(np.uint8))[0]
    rows, columns = box
    row, column = ndimage.center_of_mass(images.tumour)
    return SliceFacts(
        name=name.name,
        sha256={kind: image.sha256 for kind, image in images.files.items()},
        size=(images.ct.shape[1], images.ct.shape[0]),
        between=images.between,
        rgb=tuple(kind for kind, image in images.files.items() if image.was_rgb),
        area=int(np.count_nonzero(images.tumour)),
        components=int(ndimage.label(images.tumour, structure=np.ones((3, 3)))[1]),
        centre=(round(float(column), 3), round(float(row), 3)),
        box=(columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start),
    )


def _check_mask(path: Path, mask: NDArray[np.uint8], tumour: NDArray[np.bool_]) -> None:
    highest = int(mask.max())
    if highest == 0:
        raise CIPAError(
            f"{path}: the mask is empty; every slice of PCLT20K shows tumour: restore it or take it off the list"
        )
    if not tumour.any():
        raise CIPAError(
            f"{path}: the mask's highest value is {highest}, but tumour is >= {TUMOUR_FROM}; scale it to 0 and 255"
        )
    share = np.count_nonzero(tumour) / tumour.size
    if share > MAX_TUMOUR_SHARE:
        raise CIPAError(
            f"{path}: the mask covers {share:.0%} of the slice; it seems inverted or not a mask: restore it"
        )


def _size(values: NDArray[np.uint8]) -> str:
    return f"{values.shape[1]} x {values.shape[0]} pixels"
