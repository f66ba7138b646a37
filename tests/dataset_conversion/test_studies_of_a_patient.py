"""Several studies of one patient are cases of their own, and stay in one fold."""

import json
from dataclasses import replace

import numpy as np

from nnunet_cipa.dataset_conversion.study_set.convert import convert_study_set
from nnunet_cipa.dataset_conversion.study_set.nifti_set import read_nifti_set
from nnunet_cipa.dataset_conversion.study_set.options import Roi, StudySetOptions
from nnunet_cipa.evaluation.patients import read_patients

OF = {"P01": "A", "P02": "B", "P03": "C", "P04": "D", "P05": "E", "P06": "A", "P07": "E"}


def test_folds_are_drawn_by_patient(lucid, raw):
    lucid.add("P07", np.random.default_rng(13))

    def read():
        found = read_nifti_set(lucid.root, Roi.IGTV, None, 0)
        return replace(found, patients=tuple(replace(one, patient=OF[one.name]) for one in found.patients))

    for seed in range(2):
        options = StudySetOptions(dataset_id=9, name="STUDIES", processes=1, seed=seed, overwrite=True)
        folder = convert_study_set(read, options).folder
        folds = json.loads((folder / "splits_final.json").read_text())
        assert sorted(case for fold in folds for case in fold["val"]) == sorted(OF)
        for fold in folds:
            assert not {OF[case] for case in fold["val"]} & {OF[case] for case in fold["train"]}
    assert read_patients(folder, OF) == OF
