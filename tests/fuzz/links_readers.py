"""Study sets in whose trees files and folders are links, pipes, devices or gone."""

import hashlib
import json
import os
from pathlib import Path

import nibabel as nib
import numpy as np

from nnunet_cipa.dataset_conversion.lucid import Options, convert_lucid
from nnunet_cipa.dicom.files import scan_folder
from nnunet_cipa.dicom.rtstruct.structures import read_structure_set
from nnunet_cipa.dicom.series.ct import read_ct
from nnunet_cipa.dicom.series.grouping import build_series, group_series
from nnunet_cipa.dicom.suv.pet import read_pet
from nnunet_cipa.errors import CIPAError
from tests.dicom import rtstruct
from tests.dicom.writer import write_series
from tests.fuzz import dicom_elements as dicom
from tests.fuzz.dicom_readers import Series
from tests.fuzz.links import Tree, is_regular
from tests.fuzz.pclt20k_readers import Lists
from tests.fuzz.study_set_readers import write_patients


class Pclt20kLinks(Lists):
    """PCLT20K: lists, images, and folders of patients."""

    def __init__(self, folder):
        super().__init__(folder, folder / "input" / "tree")
        self.write_lists(self.lines)
        self.tree = Tree(self.root, folder / "input" / "elsewhere")
        images = [path for path in self.tree.files if path.suffix == ".png"]
        lists = [path for path in self.tree.files if path.suffix == ".txt"]
        # So that a list is as likely as a folder, or an image
        self.places = [*images, *self.tree.folders * 3, *lists * 6]

    def mutate(self, rng):
        self.tree.mutate(rng, self.places)


class NiftiLinks:
    """The NIfTI layout: images, folders of patients, test.txt and study.json."""

    def __init__(self, folder):
        self.root, self.raw = folder / "input" / "tree", folder / "output"
        write_patients(self.root)
        (self.root / "test.txt").write_text("P06\n")
        (self.root / "study.json").write_text(json.dumps({"synthetic": True}))
        self.tree = Tree(self.root, folder / "input" / "elsewhere")
        beside = [path for path in self.tree.files if path.parent == self.root]
        self.places = [*self.tree.files, *self.tree.folders * 2, *beside * 4]
        os.environ["nnUNet_raw"] = str(self.raw)

    def mutate(self, rng):
        self.tree.mutate(rng, self.places)

    def read(self):
        return convert_lucid(self.root, Options(processes=1, overwrite=True))

    def check(self, conversion):
        """Every folder is a case, its files are those that the links lead to, and the test set is that of the list."""
        cases = {case.patient.name: case.patient.part for case in conversion.cases}
        listed = self.root / "test.txt"
        held_out = set(listed.read_text().split()) if is_regular(listed) else set()
        assert not os.path.lexists(listed) or is_regular(listed)
        folders = {path.name for path in self.root.iterdir() if path.is_dir()}
        assert cases == {name: "test" if name in held_out else "train" for name in folders}
        for name, part in cases.items():
            provenance = json.loads((conversion.folder / "provenance" / f"{name}.json").read_bytes())
            for volume in ("CT", "PET", "IGTV"):
                data = (self.root / name / f"{volume}.nii.gz").read_bytes()
                assert provenance["sha256"][volume] == hashlib.sha256(data).hexdigest()
            labels = conversion.folder / ("labelsTs" if part == "test" else "labelsTr")
            written = np.asarray(nib.load(labels / f"{name}.nii.gz").dataobj)
            assert np.array_equal(written, np.asarray(nib.load(self.root / name / "IGTV.nii.gz").dataobj))


class DicomLinks:
    """A DICOM tree with CT, PET and a structure set."""

    def __init__(self, folder):
        root = folder / "input" / "tree"
        for modality in ("CT", "PT"):
            write_series(
                root, modality, slices=4, folder=modality, series_uid=f"1.2.3.{len(modality)}.{modality == 'CT':d}"
            )
        (root / "RS").mkdir()
        rtstruct.save(rtstruct.structure_set({"IGTV": [[(0, 0, 0), (5, 0, 0), (5, 5, 0)]]}), root / "RS")
        self.tree = Tree(root, folder / "input" / "elsewhere")
        self.places = [*self.tree.files, *self.tree.folders]

    def mutate(self, rng):
        self.tree.mutate(rng, self.places)

    def read(self):
        headers = scan_folder(self.tree.root)
        if headers.problems:
            raise CIPAError("; ".join(headers.problems.values()))
        found = []
        for candidate in group_series(headers.images):
            series = build_series(candidate)
            found.append((series, read_ct(series) if candidate.modality == "CT" else read_pet(series)[0]))
        for structures in headers.structures:
            read_structure_set(structures.path)
        return headers, found

    def check(self, read):
        """No link leads out of the tree; every file in it is read once, and lies where it says."""
        headers, found = read
        home = os.path.realpath(self.tree.root)
        files = {}
        for folder, folders, names in os.walk(self.tree.root):
            for path in (Path(folder, name) for name in (*folders, *names)):
                assert os.path.commonpath([home, os.path.realpath(path)]) == home
                if is_regular(path):
                    files.setdefault(path.stat().st_ino, path)
        assert len(files) == len(headers.images) + len(headers.structures)
        assert sum(len(series.slices) for series, _ in found) == len(headers.images)
        for series, image in found:
            for k, slice_ in enumerate(series.slices):
                Series._check_places(image, k, dicom.read_file(slice_.path.read_bytes()))
