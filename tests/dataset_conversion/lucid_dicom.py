"""A DICOM study set of six synthetic patients that tests may damage, and what was drawn."""

import functools
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pydicom
import SimpleITK as sitk

from nnunet_cipa.dataset_conversion.phantoms.lucid import image_study

SEED, PATIENTS, SIZE, SLICES, SLICE_DISTANCE = 5, 6, 64, 16, 8.0
NUMBERS = {"patients": PATIENTS, "seed": SEED, "size": SIZE, "slices": SLICES, "slice_distance": SLICE_DISTANCE}
IDS = tuple(f"PHANTOM-{number:04d}" for number in range(1, PATIENTS + 1))


@functools.cache
def drawn(index):
    """The arrays and grids of a patient, as the phantom draws them."""
    return image_study(SEED, index, SIZE, SLICES, SLICE_DISTANCE)


def link_tree(source, target):
    """A copy whose images take no space; they must be replaced, not changed in place."""

    def link(path, copy):
        (shutil.copy2 if Path(path).parent == source else os.link)(path, copy)

    return shutil.copytree(source, target, copy_function=link)


def values(path):
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))


@dataclass
class Export:
    """A folder tree of DICOM files, a folder for each patient, that may be changed."""

    root: Path

    def folder(self, number):
        return self.root / f"{number:04d}"

    def files(self, number, kind):
        """Files of a patient whose SeriesDescription ends in ``kind``: CT, PET AC, PET NAC or structures."""
        found = []
        for path in sorted(self.folder(number).iterdir()):
            dataset = pydicom.dcmread(path, specific_tags=["SeriesDescription", "ImagePositionPatient"])
            if dataset.get("SeriesDescription") == f"SYNTHETIC {kind}":
                found.append((float(dataset.get("ImagePositionPatient", [0, 0, 0])[2]), path))
        assert found
        return [path for _, path in sorted(found)]

    def edit(self, number, kind, change, copy=False):
        """Change every file of a series; ``copy`` leaves the old ones too."""
        for path in self.files(number, kind):
            dataset = pydicom.dcmread(path)
            change(dataset)
            target = path.with_name(f"{path.name}-2") if copy else path
            target.unlink(missing_ok=True)
            dataset.save_as(target, enforce_file_format=True)

    def replace(self, path, data):
        path.unlink()
        path.write_bytes(data)

    def hold_nobody_out(self):
        (self.root / "test.txt").unlink()


def provenance(folder, case):
    return json.loads((folder / "provenance" / f"{case}.json").read_text())


def cases(folder):
    """Folder of the images and name, of all cases."""
    return sorted(path.name.removesuffix(".json") for path in (folder / "provenance").glob("[!_]*.json"))


def written(folder, case, kind):
    """The array of a case; ``kind`` is CT, PET, mask or HEART."""
    part = "Tr" if (folder / "labelsTr" / f"{case}.nii.gz").exists() else "Ts"
    names = {"CT": f"images{part}/{case}_0000", "PET": f"images{part}/{case}_0001", "mask": f"labels{part}/{case}"}
    return folder / f"{names.get(kind, f'organs{part}/{case}_{kind}')}.nii.gz"


def whose(folder, case):
    """Number of the patient, from 1, whose drawn CT is that of a case converted with --intensity raw."""
    ct = values(written(folder, case, "CT"))
    (index,) = [index for index in range(PATIENTS) if (ct == drawn(index).ct).all()]
    return index + 1
