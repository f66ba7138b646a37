"""Takes members one at a time and keeps little of each, so that memory hardly grows with their number."""

import math
from collections.abc import Iterable, Iterator
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.evaluation.calibration.temperature import scale_probability
from nnunet_cipa.predict.certainty.certainty import Certainty, Member

_SET_BITS = np.array([number.bit_count() for number in range(256)], np.int64)


class Members:
    """Members of a model on one patient: folds, seeds, or mirrored passes of one.

    Of each member a mask of one bit per voxel is kept, of all together the mean probability as 16-bit floats and, with
    ``information``, the mean entropy. 600 slices of 512 x 512 voxels take 20 MB per member and 315 MB per map.

    Parameters
    ----------
    shape : tuple of int
        (z, y, x), the CT's grid.
    temperature : float
        That probabilities are scaled by.
    information : bool
        Whether to keep what entropy and mutual information are made of.
    """

    def __init__(self, shape: tuple[int, ...], temperature: float = 1.0, *, information: bool = False) -> None:
        self._shape, self._temperature = shape, temperature
        self._masks: dict[str, NDArray[np.uint8]] = {}
        self._mean = np.zeros(shape, np.float16)
        self._entropy = np.zeros(shape, np.float16) if information else None

    def add(self, name: str, probability: NDArray[np.floating]) -> None:
        """Take a member.

        Parameters
        ----------
        name : str
            What a table calls it, as in "fold 0".
        probability : ndarray
            Of tumour of any kind, (z, y, x). Above one half is tumour.

        Raises
        ------
        CIPAError
            If it is of another size, or holds what is not a probability.
        ValueError
            If the name was given before.
        """
        if name in self._masks:
            raise ValueError(f"{name}: is a member already")
        if probability.shape != self._shape:
            raise CIPAError(f"{name}: predicts {probability.shape} voxels of {self._shape}; predict again")
        if not (probability.min() >= 0 and probability.max() <= 1):  # NaN is neither
            raise CIPAError(f"{name}: predicts numbers that are not probabilities; leave it out by --folds")
        self._masks[name] = _pack(probability > 0.5)
        number = len(self._masks)
        for index, given in enumerate(probability):  # by slice, as 32-bit floats of all take memory
            values = scale_probability(given.astype(np.float32), self._temperature)
            _move(self._mean[index], values, number)
            if self._entropy is not None:
                _move(self._entropy[index], _bits(values), number)

    def summarise(self, mask: NDArray[np.bool_], voxel_ml: float, unsure_below: float) -> Certainty:
        """Compare the members with each other, and with the mask that they led to.

        Parameters
        ----------
        mask : ndarray of bool
            (z, y, x).
        voxel_ml : float
            Volume of a voxel.
        unsure_below : float
            Expected Dice below which the patient is flagged.

        Raises
        ------
        ValueError
            If there is no member.
        """
        if not self._masks:
            raise ValueError("no member was added")
        packed = np.stack([*self._masks.values(), _pack(mask)])
        packed = packed[:, packed.any(axis=0)]  # a tumour is a small part of an image
        *members, whole = packed
        pairs = [_dice(first, second) for first, second in combinations(members, 2)]
        disputed = _count(np.bitwise_or.reduce(members) & ~np.bitwise_and.reduce(members))
        return Certainty(
            members=tuple(
                Member(name, _count(bits) * voxel_ml, _dice(bits, whole))
                for name, bits in zip(self._masks, members, strict=True)
            ),
            expected_dice=sum(pairs) / len(pairs) if pairs else math.nan,
            unsure_below=unsure_below,
            disputed_ml=disputed * voxel_ml,
            temperature=self._temperature,
            maps=self._maps(),
        )

    def _maps(self) -> dict[str, NDArray[np.uint8]]:
        maps = {"members": _percent(self._votes()), "probability": _percent(self._mean)}
        if self._entropy is not None:
            maps["entropy"] = _percent(map(_bits, self._mean))
            parts = zip(self._mean, self._entropy, strict=True)
            maps["mutual_information"] = _percent(_bits(mean) - own for mean, own in parts)
        return maps

    def _votes(self) -> Iterator[NDArray[np.floating]]:
        """Yield the share of members that have a voxel as tumour, slice by slice."""
        rows, columns = self._shape[1:]
        for packed in zip(*self._masks.values(), strict=True):
            masks = np.unpackbits(np.stack(packed), axis=-1, count=rows * columns)
            yield masks.mean(axis=0, dtype=np.float32).reshape(rows, columns)


def _pack(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return a bit for each voxel, (z, bytes)."""
    return np.packbits(mask.reshape(len(mask), -1), axis=1)


def _count(bits: NDArray[np.uint8]) -> int:
    return int(_SET_BITS[bits].sum())


def _dice(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    total = _count(first) + _count(second)
    return 2 * _count(first & second) / total if total else 1.0


def _move(mean: NDArray[np.float16], values: NDArray[np.float32], number: int) -> None:
    """Bring a mean over all but the last of so many values to that over all of them."""
    mean += ((values - mean) / np.float32(number)).astype(np.float16)


def _bits(probability: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return the entropy of a voxel's tumour or background in bits."""
    values = probability.astype(np.float32)
    return (entr(values) + entr(1 - values)) / np.float32(math.log(2))


def _percent(slices: Iterable[NDArray[np.floating]]) -> NDArray[np.uint8]:
    return np.stack([np.rint(100 * np.clip(one.astype(np.float32), 0, 1)).astype(np.uint8) for one in slices])
