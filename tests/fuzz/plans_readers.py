"""nnU-Net's plans and dataset.json: their structure, and their text."""

import copy
import json
import os

from nnunet_cipa import trainers
from nnunet_cipa.nnunet.cases import find_cases
from nnunet_cipa.trainers.target import Target, resolve_target
from tests.fuzz.mutations import choose, mutate_json
from tests.trainers.conftest import DATASET, PLANS

NAME = "Dataset701_Phantom"


class nnUNetTrainerCIPA_fuzz(trainers.nnUNetTrainerCIPA):
    architecture = {"variant": "nano"}


class nnUNetTrainerCIPASIM_fuzz(trainers.nnUNetTrainerCIPASIM):
    architecture = {**trainers.nnUNetTrainerCIPASIM.architecture, "variant": "nano"}


class Plans:
    """Plans and dataset.json from which a network is built."""

    def __init__(self, folder):
        self.folder = folder / "input" / NAME
        self.folder.mkdir()
        os.environ["nnUNet_preprocessed"] = str(folder / "input")
        for trainer in (nnUNetTrainerCIPA_fuzz, nnUNetTrainerCIPASIM_fuzz):
            setattr(trainers, trainer.__name__, trainer)
            trainers.__all__ = [*trainers.__all__, trainer.__name__]
        self.plans, self.dataset = copy.deepcopy(PLANS), copy.deepcopy(DATASET)
        self.plans["configurations"] = {key: PLANS["configurations"][key] for key in ("2d", "2d_small_batch")}
        self.plans["configurations"]["2d"] = {**PLANS["configurations"]["2d"], "patch_size": [64, 32]}

    def mutate(self, rng):
        self.trainer = choose(rng, (nnUNetTrainerCIPA_fuzz, nnUNetTrainerCIPASIM_fuzz)).__name__
        self.configuration = choose(rng, ("2d", "2d_small_batch"))
        which = rng.random()
        plans = mutate_json(self.plans, rng) if which < 0.6 else json.dumps(self.plans).encode()
        dataset = mutate_json(self.dataset, rng) if which >= 0.5 else json.dumps(self.dataset).encode()
        (self.folder / "nnUNetPlans.json").write_bytes(plans)
        (self.folder / "dataset.json").write_bytes(dataset)

    def read(self):
        training = resolve_target(Target(701, self.trainer, "nnUNetPlans", self.configuration))
        return training.build_network(), training.dataset_json

    def check(self, found):
        """The patch is the plans', rounded up to multiples of 32; there is a class for each label."""
        network, dataset = found
        plans = json.loads((self.folder / "nnUNetPlans.json").read_bytes())
        configuration = plans["configurations"][self.configuration]
        while "patch_size" not in configuration:
            configuration = plans["configurations"][configuration["inherits_from"]]
        rounded = tuple(-(-int(side) // 32) * 32 for side in configuration["patch_size"][-2:])
        assert network.patch_size == rounded
        assert (
            len(
                configuration["spacing"]
                if "spacing" in configuration
                else self.plans["configurations"]["2d"]["spacing"]
            )
            == 2
        )
        labels = {value for key, value in dataset["labels"].items() if key != "ignore"}
        assert network.decoder.head.out_channels == len(labels)


class Cases:
    """A dataset in nnU-Net's raw format: its dataset.json."""

    def __init__(self, folder):
        self.folder = folder / "input" / NAME
        for part in ("imagesTs/a_0000.nii.gz", "imagesTs/a_0001.nii.gz", "labelsTs/a.nii.gz"):
            (self.folder / part).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / part).touch()

    def mutate(self, rng):
        (self.folder / "dataset.json").write_bytes(mutate_json(DATASET, rng))

    def read(self):
        return find_cases(self.folder)

    def check(self, cases):
        """Files are within the dataset, and CT and PET are the channels that dataset.json says."""
        (case,) = cases
        dataset = json.loads((self.folder / "dataset.json").read_bytes())
        names = dataset["modalities" if "modalities" in dataset else "channel_names"]
        channel = {str(value).upper().replace("PT", "PET"): int(key) for key, value in names.items()}
        for path, modality in ((case.ct, "CT"), (case.pet, "PET")):
            assert path == self.folder / "imagesTs" / f"a_{channel[modality]:04d}.nii.gz"
