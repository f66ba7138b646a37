"""nnSAM's trainer: the file of its frozen encoder."""

import pytest

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.trainers import nnUNetTrainerNnSAM
from nnunet_cipa.trainers.encoder_file import ENCODER_VARIABLE
from tests.trainers.small_training import Tiny


class nnUNetTrainerNnSAM_tiny(Tiny, nnUNetTrainerNnSAM):
    architecture = {"variant": "nano"}


def test_a_new_training_without_the_encoders_file_is_refused(start, monkeypatch):
    monkeypatch.delenv(ENCODER_VARIABLE, raising=False)
    with pytest.raises(CIPAError, match=r"NNUNET_CIPA_ENCODER is not set.*mobile_sam\.pt"):
        start(nnUNetTrainerNnSAM_tiny).on_train_start()


def test_the_optimizer_has_everything_but_the_encoder(start):
    trainer = start(nnUNetTrainerNnSAM_tiny)
    trainer.initialize()
    trained = {id(parameter) for group in trainer.optimizer.param_groups for parameter in group["params"]}
    of_encoder = {id(parameter) for parameter in trainer.network.encoder.parameters()}
    assert trained == {id(parameter) for parameter in trainer.network.parameters()} - of_encoder
