"""A volume in compressed NIfTI: fields of its header, its bytes before and after compression."""

import gzip
import struct

import numpy as np

from nnunet_cipa.dataset_conversion.study_set.image import corner_points, read_nifti
from tests.fuzz.mutations import NUMBERS, choose, mutate_bytes

# Offset and type of the fields of the NIfTI-1 header that say where voxels are and how they are stored.
FIELDS = {
    "sizeof_hdr": (0, "i"), **{f"dim{n}": (40 + 2 * n, "h") for n in range(8)}, "datatype": (70, "h"),
    "bitpix": (72, "h"), "slice_start": (74, "h"), **{f"pixdim{n}": (76 + 4 * n, "f") for n in range(8)},
    "vox_offset": (108, "f"), "scl_slope": (112, "f"), "scl_inter": (116, "f"), "xyzt_units": (123, "b"),
    "qform_code": (252, "h"), "sform_code": (254, "h"), **{f"q{n}": (256 + 4 * n, "f") for n in range(6)},
    **{f"s{n}": (280 + 4 * n, "f") for n in range(12)},
}  # fmt: skip
FLOATS = (0.0, -0.0, 1.0, -1.0, 1e-30, 1e30, -1e30, float("nan"), float("inf"), -float("inf"), 0.5, 352.0, 1e9, 3.5)
SHAPE = (6, 5, 4)
TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8"}


class NiftiVolume:
    """A CT of 6 x 5 x 4 voxels in LPS."""

    def __init__(self, folder):
        self.path = folder / "input" / "CT.nii.gz"
        header = bytearray(352)
        values = {"sizeof_hdr": 348, "dim0": 3, "dim1": 6, "dim2": 5, "dim3": 4, "dim4": 1, "dim5": 1, "dim6": 1,
                  "dim7": 1, "datatype": 4, "bitpix": 16, "pixdim0": 1, "pixdim1": 2.0, "pixdim2": 2.5, "pixdim3": 3.0,
                  "vox_offset": 352, "scl_slope": 1, "xyzt_units": 2, "qform_code": 1, "sform_code": 1, "q2": 1.0,
                  "q3": 20, "q4": 30, "q5": -100, "s0": -2.0, "s3": 20, "s5": -2.5, "s7": 30, "s10": 3.0,
                  "s11": -100}  # fmt: skip
        for name, value in values.items():
            _put(header, name, value)
        header[344:348] = b"n+1\0"
        self.data = bytes(header) + np.arange(120, dtype="<i2").tobytes()
        self.written = self.data

    def mutate(self, rng):
        data = bytearray(self.data)
        kind = rng.random()
        if kind < 0.6:
            for _ in range(int(rng.integers(1, 4))):
                self._change_a_field(data, rng)
        elif kind < 0.8:
            data[:360] = mutate_bytes(bytes(data[:360]), rng)
        elif kind < 0.9:
            data = mutate_bytes(bytes(data), rng)
        packed = gzip.compress(bytes(data), 1, mtime=0)
        if kind >= 0.9:
            packed = mutate_bytes(packed, rng)
        self.written = bytes(data)
        self.path.write_bytes(packed)

    @staticmethod
    def _change_a_field(data, rng):
        name, other = (choose(rng, list(FIELDS)) for _ in range(2))
        change = int(rng.integers(4))
        if change == 0 and FIELDS[name][1] == FIELDS[other][1]:
            one, two = _get(data, name), _get(data, other)
            _put(data, name, two)
            _put(data, other, one)
        elif FIELDS[name][1] == "f":
            _put(
                data,
                name,
                choose(rng, FLOATS) if change < 3 else float(np.float32(_get(data, name) * (1 + rng.normal()))),
            )
        elif FIELDS[name][1] == "b" or change == 3:
            _put(data, name, int(rng.integers(0, 17)))
        else:
            bits = 8 * struct.calcsize(FIELDS[name][1])
            _put(data, name, (choose(rng, NUMBERS) + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1))

    def read(self):
        return read_nifti(self.path)

    def check(self, image):
        """Size, corners in mm and values are those that the header's fields give by the formulas of nifti1.h."""
        data = gzip.decompress(self.path.read_bytes())
        order = "<" if struct.unpack_from("<i", data)[0] == 348 else ">"
        get = {name: struct.unpack_from(order + kind, data, at)[0] for name, (at, kind) in FIELDS.items()}
        shape = [get[f"dim{n}"] for n in (1, 2, 3)]
        assert list(image.GetSize()) == shape
        ends = np.array([[x, y, z] for x in (0, shape[0] - 1) for y in (0, shape[1] - 1) for z in (0, shape[2] - 1)])
        places = [ends @ axes.T + origin for axes, origin in _forms(get)]
        found = corner_points(image) * [-1, -1, 1]
        assert places
        for place in places:
            assert np.abs(found - place).max() <= 0.51, (found, place)
        dtype = np.dtype(order + TYPES[get["datatype"]])
        raw = np.frombuffer(data, dtype, np.prod(shape), int(get["vox_offset"])).reshape(shape, order="F")
        slope, inter = get["scl_slope"], get["scl_inter"]
        values = raw * slope + inter if slope and np.isfinite(slope) and np.isfinite(inter) else raw
        voxel = [int(side) - 1 for side in shape]
        assert np.isclose(image[voxel], float(values[tuple(voxel)]), rtol=1e-4), (image[voxel], values[tuple(voxel)])


def _forms(get):
    """Axes (columns) and origin by method 3 (sform) and method 2 (qform) of nifti1.h, those that are there."""
    if get["sform_code"] > 0:
        matrix = np.array([get[f"s{n}"] for n in range(12)]).reshape(3, 4)
        yield matrix[:, :3], matrix[:, 3]
    if get["qform_code"] > 0:
        b, c, d = (get[f"q{n}"] for n in range(3))
        a = np.sqrt(max(0.0, 1 - (b * b + c * c + d * d)))
        turn = np.array([
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ])  # fmt: skip
        sign = -1 if get["pixdim0"] < 0 else 1
        yield (
            turn * [get["pixdim1"], get["pixdim2"], sign * get["pixdim3"]],
            np.array([get[f"q{n}"] for n in (3, 4, 5)]),
        )


def _get(data, name):
    at, kind = FIELDS[name]
    return struct.unpack_from("<" + kind, data, at)[0]


def _put(data, name, value):
    at, kind = FIELDS[name]
    struct.pack_into("<" + kind, data, at, value)
