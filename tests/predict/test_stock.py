"""Masks are those of nnU-Net's own command on a converted data set, bit by bit."""

import csv

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from nnunet_cipa.dataset_conversion.lucid.convert import convert_lucid
from nnunet_cipa.dataset_conversion.lucid.options import Options
from nnunet_cipa.dataset_conversion.study_set.options import Storage
from nnunet_cipa.predict import predict_study
from nnunet_cipa.trainers.target import find_trainer, plan_training
from tests.chain.conftest import Chain
from tests.predict.conftest import SIZE, SPACING
from tests.predict.models import make_dataset_json, make_plans, write_model

TRAINER = "nnUNetTrainerCIPASIM_demo"


def cipa_model(folder):
    """Write a model of two folds with random weights; the spacing of its plans is not that of the patients."""
    plans, dataset_json = make_plans(SPACING * 0.9, SIZE), make_dataset_json(Storage(), crop=True)
    training = plan_training(find_trainer(TRAINER), plans, "2d", dataset_json)
    network = training.build_network()
    generator = torch.Generator().manual_seed(0)
    folds = {
        fold: {
            name: tensor + 0.05 * torch.randn(tensor.shape, generator=generator)
            if tensor.is_floating_point()
            else tensor
            for name, tensor in network.state_dict().items()
        }
        for fold in (0, 1)
    }
    return write_model(folder, training.plans, dataset_json, folds, TRAINER)


@pytest.mark.slow
def test_a_mask_is_that_of_nnunetv2_predict(dicom_study, tmp_path, programs, monkeypatch):
    chain = Chain(tmp_path, programs)
    for name, value in chain.environment.items():
        monkeypatch.setenv(name, value)
    model = cipa_model(tmp_path / "nnUNet_results")
    options = Options(dataset_id=703, no_labels=True, crop=True, processes=1, key_table=tmp_path / "key.csv")
    images = convert_lucid(dicom_study, options).folder / "imagesTs"
    folders = ("-i", images, "-o", tmp_path / "stock", "-m", model)
    chain.run("nnUNetv2_predict_from_modelfolder", *folders, "-f", 0, 1, "-device", "cpu", "-npp", 1, "-nps", 1)
    with (tmp_path / "key.csv").open(newline="") as file:
        case_of = {row["patient_id"]: row["case"] for row in csv.DictReader(file)}
    outcomes = predict_study(dicom_study, tmp_path / "out", model)
    assert [one.failure for one in outcomes] == ["", ""]
    for one in outcomes:
        mask = sitk.ReadImage(str(one.folder / "mask.nii.gz"))
        stock = sitk.ReadImage(str(tmp_path / "stock" / f"{case_of[one.patient_id]}.nii.gz"))
        assert stock.GetSize() != mask.GetSize()
        expected = sitk.GetArrayFromImage(sitk.Resample(stock, mask, sitk.Transform(), sitk.sitkNearestNeighbor))
        assert 0 < np.count_nonzero(expected) < expected.size
        np.testing.assert_array_equal(sitk.GetArrayFromImage(mask), expected)
