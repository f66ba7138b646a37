"""The trainers that fine-tune from GTV to IGTV."""

from typing import Any, ClassVar

from nnunet_cipa.trainers.variants.cipa import nnUNetTrainerCIPA
from nnunet_cipa.trainers.variants.slices import nnUNetTrainerCIPA25D, nnUNetTrainerCIPASIM


class Transfer:
    """Settings for fine-tuning on a small data set, to put before a trainer.

    40 epochs of 250 iterations: 10,000. The rate rises linearly over the first two epochs to 6e-5, then falls by the
    cosine; the encoder's is a tenth of it throughout. Nothing is frozen; a subclass that sets ``freeze_encoder`` to
    True keeps the encoder, patch embedding included, as it was loaded.

    Start it with ``-pretrained_weights`` and a file of ``nnunet-cipa weights adapt``. None of these settings is
    published: the paper names AdamW, a cosine schedule and mixed precision.
    """

    settings: ClassVar[dict[str, Any]] = {"num_epochs": 40, "warmup_epochs": 2, "encoder_rate": 0.1}


class nnUNetTrainerCIPATransfer(Transfer, nnUNetTrainerCIPA):
    """nnUNetTrainerCIPA, one slice, with settings for fine-tuning."""


class nnUNetTrainerCIPA25DTransfer(Transfer, nnUNetTrainerCIPA25D):
    """nnUNetTrainerCIPA25D, three slices without SIM, with settings for fine-tuning."""


class nnUNetTrainerCIPASIMTransfer(Transfer, nnUNetTrainerCIPASIM):
    """nnUNetTrainerCIPASIM with settings for fine-tuning."""
