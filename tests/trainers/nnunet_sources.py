"""nnU-Net's code that the trainers override or build on: its signatures, and hashes of its sources.

``python -m tests.trainers.nnunet_sources`` writes them down again. Do that after reading what has changed, and after
changing the trainers where they have to follow.
"""

import hashlib
import importlib
import importlib.metadata
import inspect
import json
import textwrap
from pathlib import Path

from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from nnunet_cipa import trainers

RECORD = Path(__file__).parents[1] / "data" / "nnunet_sources.json"
COMMAND = "python -m tests.trainers.nnunet_sources"
RELIED_ON = (
    "nnunetv2.training.nnUNetTrainer.nnUNetTrainer:nnUNetTrainer.initialize",
    "nnunetv2.training.nnUNetTrainer.nnUNetTrainer:nnUNetTrainer.build_network_architecture",
    "nnunetv2.training.nnUNetTrainer.nnUNetTrainer:nnUNetTrainer.get_tr_and_val_datasets",
    "nnunetv2.training.nnUNetTrainer.nnUNetTrainer:nnUNetTrainer.get_validation_transforms",
    "nnunetv2.training.nnUNetTrainer.nnUNetTrainer:nnUNetTrainer.on_train_epoch_start",
    "nnunetv2.training.nnUNetTrainer.nnUNetTrainer:nnUNetTrainer.on_epoch_end",
    "nnunetv2.training.nnUNetTrainer.nnUNetTrainer:nnUNetTrainer.run_training",
    "nnunetv2.training.nnUNetTrainer.nnUNetTrainer:nnUNetTrainer._build_loss",
    "nnunetv2.training.dataloading.data_loader:nnUNetDataLoader.__init__",
    "nnunetv2.training.dataloading.data_loader:nnUNetDataLoader.get_bbox",
    "nnunetv2.training.dataloading.data_loader:nnUNetDataLoader.generate_train_batch",
    "nnunetv2.training.logging.nnunet_logger:MetaLogger.log",
    "nnunetv2.training.logging.nnunet_logger:LocalLogger.log",
    "nnunetv2.run.run_training:maybe_load_checkpoint",
    "nnunetv2.run.load_pretrained_weights:load_pretrained_weights",
    "nnunetv2.utilities.find_objects:recursive_find_trainer_class_by_name",
    "nnunetv2.utilities.get_network_from_plans:get_network_from_plans",
    "nnunetv2.inference.predict_from_raw_data:nnUNetPredictor.initialize_from_trained_model_folder",
    "nnunetv2.inference.predict_from_raw_data:nnUNetPredictor.predict_sliding_window_return_logits",
    "nnunetv2.inference.predict_from_raw_data:nnUNetPredictor._internal_get_sliding_window_slicers",
    "nnunetv2.inference.predict_from_raw_data:nnUNetPredictor._internal_predict_sliding_window_return_logits",
    "nnunetv2.inference.predict_from_raw_data:nnUNetPredictor._internal_maybe_mirror_and_predict",
    "nnunetv2.inference.sliding_window_prediction:compute_gaussian",
    "batchgenerators.dataloading.nondet_multi_threaded_augmenter:NonDetMultiThreadedAugmenter.__init__",
    "batchgenerators.dataloading.nondet_multi_threaded_augmenter:NonDetMultiThreadedAugmenter._start",
    "batchgenerators.dataloading.nondet_multi_threaded_augmenter:NonDetMultiThreadedAugmenter._finish",
    "batchgenerators.dataloading.nondet_multi_threaded_augmenter:NonDetMultiThreadedAugmenter.restart",
    "batchgenerators.dataloading.nondet_multi_threaded_augmenter:producer",
)


def overridden():
    """Name the methods of nnUNetTrainer that a class of this package defines too."""
    classes = {base for name in trainers.__all__ for base in getattr(trainers, name).__mro__}
    ours = {name for base in classes if base.__module__.startswith("nnunet_cipa.") for name in vars(base)}
    methods = {name for name in ours & vars(nnUNetTrainer).keys() if callable(getattr(nnUNetTrainer, name))}
    return sorted(f"{nnUNetTrainer.__module__}:nnUNetTrainer.{name}" for name in methods)


def find(name):
    """Return the function of a name ``module:Class.method`` or ``module:function``; None if it is gone."""
    module, _, path = name.partition(":")
    try:
        found = importlib.import_module(module)
    except ImportError:
        return None
    for part in path.split("."):
        found = getattr(found, part, None)
    return found


def describe(function):
    """Return the signature without annotations and the hash of the source without comments and blank lines."""
    signature = inspect.signature(function)
    parameters = [parameter.replace(annotation=parameter.empty) for parameter in signature.parameters.values()]
    lines = textwrap.dedent(inspect.getsource(function)).splitlines()
    code = [line.rstrip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    return {
        "signature": str(signature.replace(parameters=parameters, return_annotation=signature.empty)),
        "sha256": hashlib.sha256("\n".join(code).encode()).hexdigest(),
    }


def installed():
    """Return the versions of the packages that are watched."""
    return {package: importlib.metadata.version(package) for package in ("nnunetv2", "batchgenerators")}


def record():
    """Return all that is watched, as it is now."""
    names = sorted({*overridden(), *RELIED_ON})
    return {"versions": installed(), "functions": {name: describe(find(name)) for name in names}}


def compare(known, names, versions, look_up=find):
    """Compare what was written down with what is installed.

    Returns
    -------
    (list of str, list of str)
        What is wrong, and what has changed in a version other than the one that was written down.
    """
    wrong, changed = [], []
    was = " and ".join(f"{package} {version}" for package, version in known["versions"].items())
    now = " and ".join(f"{package} {version}" for package, version in versions.items())
    for name in sorted({*names, *known["functions"]}):
        before, function = known["functions"].get(name), look_up(name)
        if name not in names:
            wrong.append(f"{name} is written down and no longer overridden or relied on")
        elif function is None:
            wrong.append(f"{name} of {was} is gone in {now}")
        elif before is None:
            wrong.append(f"{name} is overridden and not written down")
        else:
            after = describe(function)
            if after["signature"] != before["signature"]:
                wrong.append(f"{name}: signature {before['signature']} of {was} is {after['signature']} in {now}")
            elif after["sha256"] != before["sha256"]:
                (wrong if versions == known["versions"] else changed).append(
                    f"{name}: source of {was} differs in {now}"
                )
    return wrong, changed


if __name__ == "__main__":
    RECORD.write_text(json.dumps(record(), indent=1) + "\n")
