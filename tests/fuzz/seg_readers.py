"""Segmentations and registrations in DICOM: their elements and their bytes."""

import numpy as np
import SimpleITK as sitk
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels.utils import pack_bits
from pydicom.uid import ExplicitVRLittleEndian, SegmentationStorage

from nnunet_cipa.dicom.registration.chain import between
from nnunet_cipa.dicom.registration.file import read_registration
from nnunet_cipa.dicom.seg.frames import on_grid, pixels_of
from nnunet_cipa.dicom.seg.segmentation import read_segmentation
from nnunet_cipa.errors import CIPAError
from tests.dicom.registrations import registration, registration_item, save
from tests.dicom.rtstruct import item
from tests.fuzz import dicom_elements as dicom
from tests.fuzz.dicom_readers import mutated

PER_FRAME, SHARED = (0x5200, 0x9230), (0x5200, 0x9229)
ROWS, COLUMNS, PIXELS = (0x0028, 0x0010), (0x0028, 0x0011), (0x7FE0, 0x0010)
SEGMENTS, NUMBER, NAME = (0x0062, 0x0002), (0x0062, 0x0004), (0x0062, 0x0005)
REGISTRATIONS, WHOLE, STEPS, MATRIX = (0x0070, 0x0308), (0x0070, 0x0309), (0x0070, 0x030A), (0x3006, 0x00C6)
FRAME = (0x0020, 0x0052)


def _group(elements, frame, sequence):
    """The item of a functional group: the frame's own, else the shared one."""
    own = dicom.find(dicom.find(elements, PER_FRAME)[frame], sequence)
    return (own or dicom.find(dicom.find(elements, SHARED)[0], sequence))[0]


class Segmentations:
    """A binary SEG of two segments on five slices."""

    def __init__(self, folder):
        self.grid = sitk.Image(10, 8, 5, sitk.sitkUInt8)
        self.grid.SetSpacing((1.5, 2.0, 3.0))
        self.grid.SetOrigin((-10.0, -20.0, -30.0))
        frames, groups = np.zeros((5, 8, 10), dtype=np.uint8), []
        frames[0:3, 2:6, 3:8] = 1
        frames[3:5, 4:7, 1:3] = 1
        for k, segment in ((1, 1), (2, 1), (3, 1), (0, 2), (1, 2)):
            place = self.grid.TransformIndexToPhysicalPoint((0, 0, k))
            groups.append(
                item(
                    PlanePositionSequence=[item(ImagePositionPatient=[f"{value:g}" for value in place])],
                    SegmentIdentificationSequence=[item(ReferencedSegmentNumber=segment)],
                )
            )
        self.path = folder / "input" / "seg.dcm"
        _seg(frames, groups).save_as(self.path, enforce_file_format=True)
        self.data = self.path.read_bytes()

    def mutate(self, rng):
        self.path.write_bytes(mutated(self.data, rng, rng.random() < 0.25))

    def read(self):
        found = read_segmentation(self.path)
        (segment, *_) = [one for one in found.segments if one.name == "IGTV"] or [None]
        if segment is None:
            raise CIPAError("the segment is not there, as segments are chosen by name")
        mask = on_grid(found.frames, pixels_of(found, segment, None), self.grid, is_source=True)
        if mask is None:
            raise CIPAError("its frames are elsewhere")
        return segment, mask

    def check(self, found):
        """Each pixel of the frames of the segment's number is where its frame puts it, and no other voxel is inside."""
        segment, mask = found
        expected = _as_the_file_says(self._expected, self.path, self.data, segment.number)
        assert expected is None or np.array_equal(mask, expected)

    def _expected(self, elements, number):
        rows, columns = (int.from_bytes(dicom.find(elements, tag)[:2], "little") for tag in (ROWS, COLUMNS))
        bits = np.unpackbits(np.frombuffer(dicom.find(elements, PIXELS), np.uint8), bitorder="little")
        expected = np.zeros(self.grid.GetSize()[::-1], dtype=np.uint8)
        for k in range(len(dicom.find(elements, PER_FRAME))):
            own = dicom.find(_group(elements, k, (0x0062, 0x000A)), (0x0062, 0x000B))
            if int.from_bytes(own[:2], "little") != number:
                continue
            frame = bits[k * rows * columns : (k + 1) * rows * columns].reshape(rows, columns)
            place = np.array(dicom.numbers(_group(elements, k, (0x0020, 0x9113)), (0x0020, 0x0032)))
            turn = np.array(dicom.numbers(_group(elements, k, (0x0020, 0x9116)), (0x0020, 0x0037)))
            down, across = dicom.numbers(_group(elements, k, (0x0028, 0x9110)), (0x0028, 0x0030))
            for row, column in np.argwhere(frame):
                point = place + column * across * turn[:3] + row * down * turn[3:]
                x, y, z = np.rint((point - self.grid.GetOrigin()) / self.grid.GetSpacing()).astype(int)
                expected[z, y, x] = 1
        return expected


def _as_the_file_says(expected, path, original, *more):
    """What is expected of a file, or of the original if it cannot be taken apart; None if its sequences are UN."""
    try:
        return expected(dicom.read_file(path.read_bytes()), *more)
    except TypeError:
        return None
    except (ValueError, StopIteration):
        return expected(dicom.read_file(original), *more)


def _seg(frames, groups):
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID, made.Modality = SegmentationStorage, "1.2.3.5", "SEG"
    made.PatientID, made.StudyInstanceUID, made.SeriesInstanceUID = "P1", "1.2.3.1", "1.2.3.6"
    made.FrameOfReferenceUID, made.ContentLabel, made.SegmentationType = "1.2.3.9", "LESIONS", "BINARY"
    made.SegmentSequence = [
        item(SegmentNumber=1, SegmentLabel="IGTV", SegmentAlgorithmType="MANUAL"),
        item(SegmentNumber=2, SegmentLabel="Heart", SegmentAlgorithmType="MANUAL"),
    ]
    made.ReferencedSeriesSequence = [
        item(SeriesInstanceUID="1.2.3.1.7", ReferencedInstanceSequence=[item(ReferencedSOPInstanceUID="1.2.3.1.7.1")])
    ]
    made.SharedFunctionalGroupsSequence = [
        item(
            PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
            PixelMeasuresSequence=[item(PixelSpacing=[2, 1.5], SliceThickness=3, SpacingBetweenSlices=3)],
        )
    ]
    made.PerFrameFunctionalGroupsSequence = groups
    made.NumberOfFrames, made.Rows, made.Columns = frames.shape
    made.BitsAllocated = made.BitsStored = made.SamplesPerPixel = 1
    made.HighBit = made.PixelRepresentation = 0
    made.PhotometricInterpretation = "MONOCHROME2"
    made.PixelData = pack_bits(frames)
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return made


class Registrations:
    """A REG with two matrices one after the other."""

    def __init__(self, folder):
        turned = np.array([[0, -1, 0, 5], [1, 0, 0, -7], [0, 0, 1, 11], [0, 0, 0, 1]])
        shifted = np.eye(4) + np.outer([1, 2, 3, 0], [0, 0, 0, 1])
        items = [registration_item("1.2.3.1", [np.eye(4)]), registration_item("1.2.3.2", [turned, shifted])]
        self.path = save(registration("1.2.3.1", items), folder / "input" / "reg.dcm")
        self.data = self.path.read_bytes()

    def mutate(self, rng):
        self.path.write_bytes(mutated(self.data, rng, rng.random() < 0.25))

    def read(self):
        found = between([read_registration(self.path, {})], "1.2.3.2", "1.2.3.1")
        if found is None:
            raise CIPAError("the frames are not tied together")
        return found

    def check(self, found):
        """The matrix is the product of those in the file, and rigid."""
        expected = _as_the_file_says(self._expected, self.path, self.data)
        assert expected is None or np.allclose(found.matrix, expected, atol=1e-3)
        assert np.allclose(found.matrix[:3, :3] @ found.matrix[:3, :3].T, np.eye(3), atol=0.01)

    @staticmethod
    def _expected(elements):
        made = {}
        for one in dicom.find(elements, REGISTRATIONS):
            matrix = np.eye(4)
            for whole in dicom.find(one, WHOLE) or []:
                for step in dicom.find(whole, STEPS) or []:
                    matrix = np.reshape(dicom.numbers(step, MATRIX), (4, 4)) @ matrix
            made[(dicom.find(one, FRAME) or b"").strip(b" \0").decode("latin-1")] = matrix
        return np.linalg.inv(made.get("1.2.3.1", np.eye(4))) @ made["1.2.3.2"]
