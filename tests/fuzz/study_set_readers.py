"""What stands beside the patients of a study set: test.txt and study.json."""

import json

import numpy as np

from nnunet_cipa.dataset_conversion.study_set.nifti_set import read_nifti_set
from nnunet_cipa.dataset_conversion.study_set.options import Roi
from nnunet_cipa.dataset_conversion.study_set.study_set import UNITS
from tests.dataset_conversion.conftest import LucidStudy
from tests.fuzz.mutations import NAMES, choose, mutate_bytes, mutate_json

PATIENTS = [f"P{number:02d}" for number in range(1, 7)]
FACTS = {"units": UNITS, "synthetic": True, "seed": 7, "patients": {"P01": {"phases": [0, 5]}}}


def write_patients(root):
    """Write six patients of 8 x 8 x 4 voxels in the NIfTI layout."""
    study = LucidStudy(root)
    study.ct_shape, study.pet_shape = (8, 8, 4), (6, 8, 6)
    study.area = (slice(2, 5), slice(2, 5), slice(1, 3))
    rng = np.random.default_rng(3)
    for patient in PATIENTS:
        study.add(patient, rng)


class StudySetLists:
    """test.txt: its lines and its bytes. study.json: its structure and its text."""

    def __init__(self, folder):
        self.root = folder / "input" / "set"
        write_patients(self.root)

    def mutate(self, rng):
        listed = [str(name) for name in rng.choice(PATIENTS, int(rng.integers(1, 4)), replace=False)]
        for _ in range(int(rng.integers(3)) if rng.random() < 0.5 else 0):
            at = int(rng.integers(len(listed) + 1))
            listed.insert(at, choose(rng, (*NAMES, *PATIENTS, "p01", "P01 ", "P07", "P01\x1cP02", "P01\u2028P02")))
        data = choose(rng, ("\n", "\r\n", "\n\n", " \n", "\r")).join(listed).encode("utf-8", "surrogateescape")
        facts = json.dumps(FACTS).encode()
        if rng.random() < 0.5:
            facts = mutate_json(FACTS, rng)
        elif rng.random() < 0.5:
            data = mutate_bytes(data, rng)
        (self.root / "test.txt").write_bytes(data)
        (self.root / "study.json").write_bytes(facts)

    def read(self):
        return read_nifti_set(self.root, Roi.IGTV, None, 0)

    def check(self, found):
        """Those whose names are lines of test.txt are held out; what study.json says of units and phantoms counts."""
        text = (self.root / "test.txt").read_bytes().decode("utf-8-sig")
        lines = [line.strip() for line in text.split("\n") if line.strip()]
        assert len(set(lines)) == len(lines) > 0
        assert {patient.name: patient.part for patient in found.patients} == {
            name: "test" if name in lines else "train" for name in PATIENTS
        }
        assert set(lines) <= set(PATIENTS)
        facts = json.loads((self.root / "study.json").read_bytes())
        assert facts.get("units", UNITS) == UNITS
        assert found.synthetic is facts.get("synthetic")
