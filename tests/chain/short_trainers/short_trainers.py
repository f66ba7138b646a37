"""Trainers of a few seconds, in a plugin directory of their own as a user would write one."""

import torch

from nnunet_cipa.trainers import nnUNetTrainerCIPA_demo, nnUNetTrainerCIPASIMTransfer, nnUNetTrainerSigma


class nnUNetTrainerCIPA_short(nnUNetTrainerCIPA_demo):
    """Two iterations an epoch, a checkpoint after each."""

    def __init__(self, plans, configuration, fold, dataset_json, device=torch.device("cuda")):
        super().__init__(plans, configuration, fold, dataset_json, device)
        self.initial_lr = 1e-3
        self.warmup_epochs = 0
        self.num_epochs = 4
        self.num_iterations_per_epoch = 2
        self.num_val_iterations_per_epoch = 1
        self.save_every = 1


class nnUNetTrainerCIPA_short_noCRM(nnUNetTrainerCIPA_short):
    """A second model, of one epoch, to choose between."""

    architecture = {"variant": "nano", "crm": False}

    def __init__(self, plans, configuration, fold, dataset_json, device=torch.device("cuda")):
        super().__init__(plans, configuration, fold, dataset_json, device)
        self.num_epochs = 1


class nnUNetTrainerCIPA_brief(nnUNetTrainerCIPA_short):
    """One epoch, to transfer from."""

    def __init__(self, plans, configuration, fold, dataset_json, device=torch.device("cuda")):
        super().__init__(plans, configuration, fold, dataset_json, device)
        self.num_epochs = 1


class nnUNetTrainerSigma_brief(nnUNetTrainerSigma):
    """A network that is not CIPA, of one epoch."""

    architecture = {"variant": "nano"}
    settings = {"num_epochs": 1, "num_iterations_per_epoch": 2, "num_val_iterations_per_epoch": 1}


class nnUNetTrainerCIPASIMTransfer_brief(nnUNetTrainerCIPASIMTransfer):
    """One epoch of the nano variant, to transfer to."""

    architecture = {"variant": "nano", "slices": 3, "sim": "encoder"}

    def __init__(self, plans, configuration, fold, dataset_json, device=torch.device("cuda")):
        super().__init__(plans, configuration, fold, dataset_json, device)
        self.num_epochs = 1
        self.num_iterations_per_epoch = 2
        self.num_val_iterations_per_epoch = 1
