"""What export-dicom reads beside the mask: the headers of the CT, the key table, and dataset.json."""

import json
import shutil

import numpy as np
import pydicom
import SimpleITK as sitk

from nnunet_cipa.dicom.attributes import DAMAGE
from nnunet_cipa.dicom.export.options import ExportOptions
from nnunet_cipa.dicom.export.write import export_dicom
from nnunet_cipa.dicom.rtstruct.contours import contours_to_mask
from nnunet_cipa.dicom.rtstruct.roi_contours import read_contours
from nnunet_cipa.dicom.rtstruct.structures import read_structure_set
from tests.fuzz.dicom_readers import Series
from tests.fuzz.mutations import mutate_bytes, mutate_json

CASE = "LUNG_1"


class Export(Series):
    """A CT of four slices, a mask on it, and what ties both."""

    def __init__(self, folder):
        super().__init__(folder)
        self.place, self.out = folder / "output", folder / "output" / "out"
        mask = np.zeros((4, 6, 8), dtype=np.uint8)
        mask[1, 2:5, 3:6] = mask[2, 3, 4] = 1
        image = sitk.GetImageFromArray(mask)
        image.SetSpacing((1.5, 2.0, 3.0))
        image.SetOrigin((-10.0, -20.0, -30.0))
        self.mask = mask
        sitk.WriteImage(image, self.place / f"{CASE}.nii.gz")
        self.labels = {"labels": {"background": 0, "GTV": 1, "whole": [1, 2]}}
        self.table = (
            f"case,part,patient_id,ct_series_uid\n{CASE},test,PAT7,1.2.3.4.5\nLUNG_2,train,PAT8,1.2.9\n".encode()
        )

    def mutate(self, rng):
        which = rng.random()
        super().mutate(rng)
        if which < 0.5:
            for path, data in self.files.items():
                path.write_bytes(data)
        table = mutate_bytes(self.table, rng) if which < 0.3 else self.table
        labels = mutate_json(self.labels, rng) if 0.2 < which < 0.5 else json.dumps(self.labels).encode()
        (self.place / "keys.csv").write_bytes(table)
        (self.place / "dataset.json").write_bytes(labels)
        shutil.rmtree(self.out, ignore_errors=True)
        self.options = ExportOptions(key_table=self.place / "keys.csv" if which < 0.9 else None)

    def read(self):
        return export_dicom(self.place / f"{CASE}.nii.gz", self.folder, self.out, self.options)

    def check(self, exported):
        """The structure set is of the CT's patient, byte by byte, and gives the mask back."""
        (path,) = exported.written
        structures = read_structure_set(path)
        frame = pydicom.dcmread(path).ReferencedFrameOfReferenceSequence[0]
        uid = frame.RTReferencedStudySequence[0].RTReferencedSeriesSequence[0].SeriesInstanceUID
        named = {}
        for file in self.folder.iterdir():
            try:
                header = pydicom.dcmread(file, stop_before_pixels=True)
            except DAMAGE:
                continue
            if header.get("SeriesInstanceUID") == uid:
                name = header.get_item("PatientName")
                named[file] = getattr(name, "value", None) or b""
        written = pydicom.dcmread(path).get_item("PatientName").value or b""
        assert written.rstrip() in {name.rstrip() for name in named.values()}
        first = structures.rois[0]
        labels = json.loads((self.place / "dataset.json").read_bytes()).get("labels")
        if first.name == "GTV_nnunet_cipa" and labels["GTV"] == 1:
            grid = sitk.ReadImage(self.place / f"{CASE}.nii.gz")
            found = sitk.GetArrayFromImage(contours_to_mask(read_contours(structures, first), grid, "exported"))
            np.testing.assert_array_equal(found, self.mask)
