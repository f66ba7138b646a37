"""CT and PET series and structure sets in DICOM: their elements, in one file or in all, and their bytes."""

import copy

import numpy as np
import SimpleITK as sitk
from skimage.draw import polygon2mask

from nnunet_cipa.dicom.files import scan_folder
from nnunet_cipa.dicom.rtstruct.options import MissingSlices
from nnunet_cipa.dicom.rtstruct.roi_contours import roi_contours
from nnunet_cipa.dicom.rtstruct.roi_mask import roi_mask
from nnunet_cipa.dicom.rtstruct.structures import check_belongs, read_structure_set
from nnunet_cipa.dicom.series.ct import read_ct
from nnunet_cipa.dicom.series.grouping import build_series, group_series
from nnunet_cipa.dicom.suv.pet import read_pet
from nnunet_cipa.errors import CIPAError
from tests.dicom import rtstruct
from tests.dicom.geometry import far_from_line
from tests.dicom.writer import write_series
from tests.fuzz import dicom_elements as dicom
from tests.fuzz.mutations import NAMES, NUMBERS, TEXTS, choose, mutate_bytes

POSITION, ORIENTATION, SPACING = (0x0020, 0x0032), (0x0020, 0x0037), (0x0028, 0x0030)
ROWS, COLUMNS, PIXELS = (0x0028, 0x0010), (0x0028, 0x0011), (0x7FE0, 0x0010)
SLOPE, INTERCEPT = (0x0028, 0x1053), (0x0028, 0x1052)
TYPES = (b"DS", b"IS", b"US", b"LO", b"UI", b"SQ", b"UN", b"OB", b"FD", b"XX", b"CS", b"TM", b"AT")


def mutate_elements(elements, rng):
    """Change one to three elements, of the file or of an item in it."""
    for _ in range(int(rng.integers(1, 4))):
        holder = choose(rng, [one for one in dicom.holders(elements) if one] or [elements])
        if not holder:
            return
        at = int(rng.integers(len(holder)))
        other = choose(rng, [one for one in dicom.holders(elements) if one])
        change = int(rng.integers(9))
        if change <= 3:
            holder[at][2] = _other_value(holder[at][2], rng)
        elif change == 4:
            del holder[at]
        elif change == 5:
            tag, vr, value = copy.deepcopy(holder[at])
            other.insert(
                int(rng.integers(len(other) + 1)), [tag, vr, value if rng.random() < 0.5 else _other_value(value, rng)]
            )
        elif change == 6:
            there = int(rng.integers(len(other)))
            holder[at][2], other[there][2] = copy.deepcopy((other[there][2], holder[at][2]))
        elif change == 7:
            holder[at][1] = choose(rng, TYPES)
        else:
            holder[at][0] = (holder[at][0][0], int(rng.integers(65536)))


def mutated(data, rng, raw):
    """Change the bytes of a file, or else its elements."""
    if raw:
        return mutate_bytes(data, rng)
    elements = dicom.read_file(data)
    mutate_elements(elements, rng)
    return dicom.write_file(elements)


def _other_value(value, rng):
    if isinstance(value, list):
        return choose(rng, ([], value[:1], [*value, *value], [[]], rng.bytes(16)))
    kind = int(rng.integers(5))
    if kind == 0:
        return mutate_bytes(value, rng)
    if kind == 1:
        return choose(rng, NUMBERS).__mod__(2**32).to_bytes(4, "little")[: choose(rng, (2, 4))]
    if kind == 2:
        return choose(rng, NAMES).encode()
    parts = value.split(b"\\")
    parts[int(rng.integers(len(parts)))] = choose(rng, TEXTS)
    return b"\\".join(parts) if kind == 3 else b"\\".join([*parts, *parts][: int(rng.integers(1, 9))])


class Series:
    """A series of four slices, one of which, or all alike, are mutated."""

    modality = "CT"

    def __init__(self, folder):
        self.folder = folder / "input"
        written = write_series(folder, self.modality, slices=4, folder="input", series_uid="1.2.3.4.5")
        self.files = {path: path.read_bytes() for path in written.paths}
        self.stored = written.stored

    def mutate(self, rng):
        for path in self.folder.iterdir():
            if path not in self.files:
                path.unlink()
        chosen = list(self.files) if rng.random() < 0.3 else [choose(rng, list(self.files))]
        seed, raw = rng.integers(2**32), rng.random() < 0.25
        for path, data in self.files.items():
            path.write_bytes(mutated(data, np.random.default_rng(seed), raw) if path in chosen else data)

    def read(self):
        headers = scan_folder(self.folder)
        if headers.problems:
            raise CIPAError("; ".join(headers.problems.values()))
        left_out = headers.foreign + sum(headers.others.values()) + len(headers.structures)
        assert left_out + len(headers.images) == len(self.files)
        found = []
        for candidate in group_series(headers.images):
            series = build_series(candidate)
            found.append((series, self.pixels(series)))
        return found

    def pixels(self, series):
        return read_ct(series)

    def check(self, found):
        """The corners of every slice are where its own file puts them, and its values are the file's."""
        for series, image in found:
            for k, slice_ in enumerate(series.slices):
                try:
                    elements = dicom.read_file(slice_.path.read_bytes())
                except ValueError:
                    # Where it cannot be taken apart strictly, the geometry has to be the original's
                    elements = None
                self._check_places(image, k, elements or dicom.read_file(self.files[slice_.path]))
                if elements:
                    self._check_values(image, k, elements)

    @staticmethod
    def _check_places(image, k, elements):
        position, orientation, spacing = (_numbers(elements, tag) for tag in (POSITION, ORIENTATION, SPACING))
        columns, rows, _ = image.GetSize()
        assert (columns, rows) == tuple(int.from_bytes(dicom.find(elements, tag), "little") for tag in (COLUMNS, ROWS))
        for x, y in ((0, 0), (columns - 1, 0), (0, rows - 1)):
            place = position + x * spacing[1] * orientation[:3] + y * spacing[0] * orientation[3:]
            assert np.abs(place - image.TransformIndexToPhysicalPoint((x, y, k))).max() < 0.3

    def _check_values(self, image, k, elements):
        stored = np.frombuffer(dicom.find(elements, PIXELS)[:96], "<i2").reshape(image.GetSize()[1::-1])
        slope, intercept = (float(_numbers(elements, tag)[0]) for tag in (SLOPE, INTERCEPT))
        values = sitk.GetArrayViewFromImage(image)[k]
        assert np.isfinite(values).all()
        if self.modality == "CT" and len(dicom.find(elements, PIXELS)) == 96:
            assert np.allclose(values, stored * slope + intercept, rtol=1e-5, atol=1e-2)


class CtSeries(Series):
    """CT."""


class PetSeries(Series):
    """PET in Bq/ml."""

    modality = "PT"

    def pixels(self, series):
        image, used, _ = read_pet(series)
        assert 0 < used["highest_suv"] < np.inf
        return image


class Structures:
    """A structure set with a contour that has a hole, and another region."""

    def __init__(self, folder):
        self.grid = sitk.Image(20, 16, 5, sitk.sitkUInt8)
        self.grid.SetSpacing((1.5, 2.0, 3.0))
        self.grid.SetOrigin((-10.0, -20.0, -30.0))
        square = [(2, 2), (12, 2), (12, 12), (2, 12)]
        hole = [(5, 5), (8, 5), (8, 8), (5, 8)]
        rois = {"IGTV": [self._mm(square, 1), self._mm(hole, 1), self._mm(square, 2)], "HEART": [self._mm(hole, 3)]}
        self.path = rtstruct.save(rtstruct.structure_set(rois), folder / "input")
        self.data = self.path.read_bytes()
        self.series = rtstruct.series_of(self.grid)

    def _mm(self, points, k):
        return [self.grid.TransformIndexToPhysicalPoint((*point, k)) for point in points]

    def mutate(self, rng):
        self.path.write_bytes(mutated(self.data, rng, rng.random() < 0.25))

    def read(self):
        structures = read_structure_set(self.path)
        (roi, *_) = [roi for roi in structures.rois if roi.name == "IGTV"] or [None]
        if roi is None:
            raise CIPAError("the region is not there, as regions are chosen by name")
        check_belongs(structures, roi, self.series)
        region = roi_contours(structures, roi)
        mask = roi_mask(region, self.grid, MissingSlices.ACCEPT).image
        filled = roi_mask(region, self.grid, MissingSlices.INTERPOLATE).image
        assert (sitk.GetArrayViewFromImage(filled) >= sitk.GetArrayViewFromImage(mask)).all()
        return roi, mask

    def check(self, found):
        """By scikit-image, away from lines: what is in one contour of the region is inside, what in none is not."""
        roi, mask = found
        for one in ("GetSize", "GetSpacing", "GetOrigin", "GetDirection"):
            assert getattr(mask, one)() == getattr(self.grid, one)()
        data = self.path.read_bytes()
        try:
            elements = dicom.read_file(data)
        except ValueError:
            elements = dicom.read_file(self.data)
        within, clear = np.zeros((5, 16, 20), dtype=int), np.ones((5, 16, 20), dtype=bool)
        for item in dicom.find(elements, (0x3006, 0x0039)):
            if (dicom.find(item, (0x3006, 0x0084)) or b"").strip(b" \0") == b"%d" % roi.number:
                for contour in dicom.find(item, (0x3006, 0x0040)):
                    kind = (dicom.find(contour, (0x3006, 0x0042)) or b"").upper()
                    data = dicom.find(contour, (0x3006, 0x0050)) or b""
                    if b"POINT" in kind or b"OPEN" in kind or data.count(b"\\") < 8:
                        continue
                    points = np.array([float(text) for text in data.strip(b" \0").split(b"\\")]).reshape(-1, 3)
                    index = (points - [-10, -20, -30]) / [1.5, 2.0, 3.0]
                    k = round(float(np.median(index[:, 2])))
                    within[k] += polygon2mask((16, 20), index[:, 1::-1])
                    clear[k] &= far_from_line(index[:, :2], (16, 20), 0.011)
        found = sitk.GetArrayViewFromImage(mask) > 0
        assert not (found & clear & (within == 0)).any()
        assert not (~found & clear & (within == 1)).any()


def _numbers(elements, tag):
    return np.array(dicom.numbers(elements, tag))
