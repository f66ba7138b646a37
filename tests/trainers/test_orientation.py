"""Slices have to be axial, by the direction of the images as nnU-Net's own readers report it."""

import pickle

import numpy as np
import pytest
import SimpleITK as sitk
from nnunetv2.imageio.natural_image_reader_writer import NaturalImage2DIO
from nnunetv2.imageio.nibabel_reader_writer import NibabelIO, NibabelIOWithReorient
from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO, SimpleITKIOWithReorient
from nnunetv2.training.dataloading.nnunet_dataset import nnUNetDatasetBlosc2

from nnunet_cipa.nnunet.orientation import check_axial, plane_of
from nnunet_cipa.trainers import nnUNetTrainerCIPA_demo, nnUNetTrainerCIPASIM_demo


@pytest.fixture
def stored(tmp_path):
    """Write an image as it is stored in an orientation, and return its path."""

    def write(orientation, tilt=0.0):
        image = sitk.DICOMOrient(sitk.GetImageFromArray(np.zeros((4, 6, 8), np.float32)), orientation)
        turn = sitk.Euler3DTransform()
        turn.SetRotation(np.deg2rad(tilt), 0, 0)
        turned = np.reshape(turn.GetMatrix(), (3, 3)) @ np.reshape(image.GetDirection(), (3, 3))
        image.SetDirection(turned.ravel().tolist())
        path = tmp_path / f"{orientation}_0000.nii.gz"
        sitk.WriteImage(image, str(path))
        return str(path)

    return write


@pytest.mark.parametrize("reader", [SimpleITKIO, NibabelIO])
@pytest.mark.parametrize(
    ("orientation", "plane"),
    [("LPS", "axial"), ("RAI", "axial"), ("LPI", "axial"), ("LSA", "coronal"), ("RIP", "coronal"), ("PSR", "sagittal")],
)
def test_the_plane_is_that_of_the_stored_slices(stored, reader, orientation, plane):
    _, properties = reader().read_images([stored(orientation)])
    assert plane_of(properties) == plane


@pytest.mark.parametrize("reader", [SimpleITKIO, NibabelIO])
def test_a_tilted_gantry_is_axial(stored, reader):
    _, properties = reader().read_images([stored("LPS", tilt=20)])
    assert plane_of(properties) == "axial"


@pytest.mark.parametrize("reader", [NibabelIOWithReorient, SimpleITKIOWithReorient])
@pytest.mark.parametrize("orientation", ["LSA", "PSR", "LPS"])
def test_readers_that_turn_images_make_them_axial(stored, reader, orientation):
    """The first is the remedy of the message."""
    _, properties = reader().read_images([stored(orientation)])
    assert plane_of(properties) == "axial"


def test_images_without_a_direction_are_let_in(tmp_path):
    path = tmp_path / "a_0000.png"
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros((8, 8), np.uint8)), str(path))
    _, properties = NaturalImage2DIO().read_images([str(path)])
    assert plane_of(properties) is None


def test_the_case_and_the_reader_are_told(stored, tmp_path):
    for case, orientation in (("a", "LPS"), ("b", "LSA")):
        _, properties = SimpleITKIO().read_images([stored(orientation)])
        (tmp_path / f"{case}.pkl").write_bytes(pickle.dumps(properties))
    check_axial(tmp_path, ["a"])
    with pytest.raises(NotImplementedError, match=r"case b: .*coronal.*NibabelIOWithReorient"):
        check_axial(tmp_path, ["a", "b"])


@pytest.mark.parametrize("trainer_class", [nnUNetTrainerCIPA_demo, nnUNetTrainerCIPASIM_demo])
def test_a_training_looks_at_its_cases(trainer_class, stored, make_trainer, plans, tmp_path):
    folder = tmp_path / "preprocessed" / plans["dataset_name"] / plans["configurations"]["2d"]["data_identifier"]
    folder.mkdir(parents=True)
    image, properties = SimpleITKIO().read_images([stored("LSA")] * 2)
    nnUNetDatasetBlosc2.save_case(image, image[:1].astype(np.int16), properties, str(folder / "a"))
    trainer = make_trainer(trainer_class, fold="all")
    trainer.dataset_class = nnUNetDatasetBlosc2
    with pytest.raises(NotImplementedError, match=r"case a: .*coronal"):
        trainer.get_tr_and_val_datasets()
