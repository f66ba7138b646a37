"""PCLT20K: its lists, by whole conversions, and its PNG files."""

import os
import struct
import zlib

import nibabel as nib
import numpy as np
from PIL import Image

from nnunet_cipa.dataset_conversion.pclt20k import Options, convert_pclt20k
from nnunet_cipa.files.png import read_grey_png
from tests.fuzz.mutations import NAMES, NUMBERS, choose, mutate_bytes

SIDE = 8


class Lists:
    """train.txt and test.txt of seven patients."""

    def __init__(self, folder, root=None):
        self.root, self.raw = root or folder / "input", folder / "output"
        rng = np.random.default_rng(0)
        self.lines = {"train": [], "test": []}
        for number in range(1, 8):
            patient = f"{number:04d}"
            (self.root / patient).mkdir(parents=True)
            for name in (f"{patient}_{index:03d}" for index in range(1, 1 + number % 3 + 1)):
                self.lines["test" if number == 7 else "train"].append(name)
                for kind in ("CT", "PET"):
                    self._save(name, kind, rng.integers(0, 256, (SIDE, SIDE), dtype=np.uint8))
                self._save(name, "mask", np.diag([255] * SIDE).astype(np.uint8))
        os.environ["nnUNet_raw"] = str(self.raw)

    def _save(self, name, kind, values):
        Image.fromarray(values).save(self.root / name[:4] / f"{name}_{kind}.png")

    def write_lists(self, lines, end="\n"):
        for part, listed in lines.items():
            (self.root / f"{part}.txt").write_bytes(end.join(listed).encode("utf-8", "surrogateescape"))

    def mutate(self, rng):
        lines = {part: list(names) for part, names in self.lines.items()}
        part = choose(rng, ("train", "test"))
        names = lines[part]
        for _ in range(int(rng.integers(3)) if rng.random() < 0.7 else 0):
            self._change_a_line(names, rng)
        rng.shuffle(names)
        end = choose(rng, ("\n", "\r\n", "\n\n", " \n", "\r"))
        for own, listed in lines.items():
            data = end.join(listed).encode("utf-8", "surrogateescape")
            data = mutate_bytes(data, rng) if own == part and rng.random() < 0.4 else data
            (self.root / f"{own}.txt").write_bytes(data)

    def _change_a_line(self, names, rng):
        change = int(rng.integers(6))
        at = int(rng.integers(len(names)))
        if change == 0:
            names.insert(at, choose(rng, NAMES))
        elif change == 1:
            names[at] = choose(rng, NAMES) + names[at]
        elif change == 2:
            names.insert(at, choose(rng, self.lines["train"] + self.lines["test"]))
        elif change == 3:
            names[at] = names[at].split("_")[0] + "_" + str(choose(rng, NUMBERS))
        elif change == 4 and len(names) > 1:
            del names[at]
        else:
            names[at] = names[at].replace("_", choose(rng, ("_0", "_x_", "__", "", "_..", "/_")))

    def read(self):
        return convert_pclt20k(self.root, Options(processes=1, overwrite=True))

    def check(self, conversion):
        """Every line is a slice of the case of its patient, at the place that its number gives it."""
        assert [path.name for path in self.raw.iterdir() if path.name[0] != "."] == ["Dataset701_PCLT20K"]
        for part, suffix in (("train", "Tr"), ("test", "Ts")):
            text = (self.listed / f"{part}.txt").read_bytes().decode("utf-8-sig")
            lines = [line.strip() for line in text.split("\n") if line.strip()]
            cases = {}
            for line in lines:
                cases.setdefault(line.split("_")[0], []).append(line)
            written = {path.name for path in (conversion.folder / f"labels{suffix}").iterdir()}
            assert written == {f"{case}.nii.gz" for case in cases}
            for case, names in cases.items():
                names.sort(key=lambda name: int(name.split("_")[-1]))
                volume = nib.load(conversion.folder / f"images{suffix}" / f"{case}_0000.nii.gz")
                grey = volume.get_fdata() / 3.2 * 255
                assert np.allclose(grey, self._stored(case, names, "CT"), atol=1e-3)
                mask = nib.load(conversion.folder / f"labels{suffix}" / f"{case}.nii.gz").get_fdata()
                assert np.array_equal(mask == 1, self._stored(case, names, "mask") >= 128)

    @property
    def listed(self):
        """The one folder with both lists: the source, or one in it."""
        places = (self.root, *self.root.iterdir())
        (found,) = [path for path in places if all((path / f"{part}.txt").is_file() for part in self.lines)]
        return found

    def _stored(self, case, names, kind):
        grey = [np.asarray(Image.open(self.listed / case / f"{name}_{kind}.png")) for name in names]
        return np.transpose(grey, (2, 1, 0))


class Png:
    """One grey PNG: its chunks with right checksums, and its bytes."""

    def __init__(self, folder):
        self.path = folder / "input" / "0001_001_CT.png"
        self.grey = np.random.default_rng(1).integers(0, 256, (6, SIDE), dtype=np.uint8)
        Image.fromarray(self.grey).save(self.path)
        self.data = self.path.read_bytes()

    def mutate(self, rng):
        data = self.data if rng.random() < 0.3 else self._with_other_chunks(rng)
        self.path.write_bytes(mutate_bytes(data, rng) if data is self.data or rng.random() < 0.1 else data)

    def _with_other_chunks(self, rng):
        chunks = list(_chunks(self.data))
        at = int(rng.integers(len(chunks)))
        kind, content = chunks[at]
        change = int(rng.integers(6))
        if change == 0:
            width, height = (choose(rng, (*NUMBERS, 6, SIDE, 4096)) % 2**32 for _ in range(2))
            more = bytes(
                int(value) for value in (choose(rng, (1, 8, 16)), *rng.integers(0, 7, 1), 0, 0, choose(rng, (0, 1)))
            )
            chunks[0] = (b"IHDR", struct.pack(">LL", width, height) + more)
        elif change == 1:
            lines = mutate_bytes(zlib.decompress(dict(chunks)[b"IDAT"]), rng)
            chunks[1] = (b"IDAT", zlib.compress(lines))
        elif change == 2:
            del chunks[at]
        elif change == 3:
            chunks.insert(int(rng.integers(len(chunks))), (kind, mutate_bytes(content, rng)))
        elif change == 4:
            chunks.insert(
                1, (choose(rng, (b"tRNS", b"PLTE", b"gAMA", b"iCCP", b"zTXt", b"acTL", b"eXIf")), rng.bytes(12))
            )
        else:
            chunks[at] = (kind, mutate_bytes(content, rng))
        return self.data[:8] + b"".join(
            struct.pack(">L", len(content)) + kind + content + struct.pack(">L", zlib.crc32(kind + content))
            for kind, content in chunks
        )

    def read(self):
        return read_grey_png(self.path)

    def check(self, image):
        """Rows and columns are those of the first IHDR; the values are the original's if IHDR and IDAT are."""
        data = self.path.read_bytes()
        width, height = struct.unpack(">LL", data[16:24])
        assert image.values.shape == (height, width)
        assert image.values.dtype == np.uint8
        own, original = (_content(chunks) for chunks in (_chunks(data), _chunks(self.data)))
        if own == original:
            assert np.array_equal(image.values, self.grey)


def _chunks(data):
    at = 8
    while at + 8 <= len(data):
        (length,) = struct.unpack(">L", data[at : at + 4])
        yield data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        at += 12 + length


def _content(chunks):
    return [chunk for chunk in chunks if chunk[0] in {b"IHDR", b"IDAT"}]
