"""A mask as one reader of structure sets or segmentations gets it; ``readers`` runs this in the reader's environment.

``python readers_inside.py READER STRUCTURES CT OUT``: the mask of the ROI ``IGTV``, as (slices, rows, columns) from the
feet up, goes to OUT as .npy.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROI = "IGTV"


def rt_utils(structures, ct):
    from rt_utils import RTStructBuilder

    read = RTStructBuilder.create_from(dicom_series_path=str(ct), rt_struct_path=str(structures))
    return read.get_roi_mask_by_name(ROI).transpose(2, 0, 1)


def platipy(structures, ct):
    from platipy.dicom.io.rtstruct_to_nifti import convert_rtstruct

    with tempfile.TemporaryDirectory() as folder:
        convert_rtstruct(str(ct), str(structures), prefix="", output_dir=folder)
        return read_image(Path(folder) / f"{ROI}.nii.gz")


def dicomrttool(structures, ct):
    from DicomRTTool.ReaderWriter import DicomReaderWriter

    with tempfile.TemporaryDirectory() as folder:
        for path in (*ct.iterdir(), structures):
            (Path(folder) / path.name).write_bytes(path.read_bytes())
        reader = DicomReaderWriter(Contour_Names=[ROI.lower()], arg_max=True, verbose=False)
        reader.walk_through_folders(folder)
        reader.get_images_and_mask()
        return reader.mask


def dcmrtstruct2nii(structures, ct):
    from dcmrtstruct2nii import dcmrtstruct2nii as convert

    with tempfile.TemporaryDirectory() as folder:
        convert(str(structures), str(ct), folder, structures=[ROI], convert_original_dicom=False)
        return read_image(next(Path(folder).glob("mask_*")))


def med_imagetools(structures, ct):
    import pydicom
    from imgtools.coretypes import Scan
    from imgtools.coretypes.masktypes.structureset import RTStructureSet

    scan = Scan.from_dicom(str(ct), series_id=pydicom.dcmread(next(ct.iterdir())).SeriesInstanceUID)
    size = (*scan.GetSize()[::-1], 1)
    return RTStructureSet.from_dicom(structures).get_mask_ndarray(scan, ROI, size)


def dcmqi(structures, ct):
    """Of a DICOM SEG; a NIfTI's rows and columns run the other way."""
    with tempfile.TemporaryDirectory() as folder:
        program = str(Path(sys.executable).with_name("segimage2itkimage"))
        command = [program, "--inputDICOM", str(structures), "--outputDirectory", folder, "-t", "nrrd"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return read_nrrd(next(Path(folder).glob("*.nrrd")))


def read_image(path):
    import SimpleITK as sitk

    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))


def read_nrrd(path):
    """Read a file of dcmqi's without ITK, which its environment does not have."""
    import gzip

    head, _, data = path.read_bytes().partition(b"\n\n")
    fields = dict(line.split(": ", 1) for line in head.decode().splitlines() if ": " in line)
    values = np.frombuffer(gzip.decompress(data), dtype={"short": "<i2", "unsigned char": "u1"}[fields["type"]])
    array = values.reshape([int(n) for n in fields["sizes"].split()][::-1])
    steps = np.array(
        [[float(n) for n in vector.strip("()").split(",")] for vector in fields["space directions"].split()]
    )
    upwards = fields["space"] == "left-posterior-superior" and steps[2, 2] > 0
    return array if upwards else array[::-1]


if __name__ == "__main__":
    reader, structures, ct, out = sys.argv[1:]
    np.save(out, np.asarray(globals()[reader](Path(structures), Path(ct))) > 0)
