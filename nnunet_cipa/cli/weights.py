"""``nnunet-cipa weights``."""

from dataclasses import asdict
from pathlib import Path

from nnunet_cipa import weights
from nnunet_cipa.cli.command import Command, Group
from nnunet_cipa.nnunet.target import Target
from nnunet_cipa.weights.options import ImportOptions


def import_weights(source: Path, out: Path, options: ImportOptions) -> None:
    """Turn a released CIPA file, or a backbone's ImageNet file (encoder only), into one for -pretrained_weights.

    Backbones are VMamba, ResNet-50 (torchvision, timm) and Swin-T (Microsoft, torchvision, timm). OUT is a file for
    nnUNetv2_train -pretrained_weights and for NNUNET_CIPA_ENCODER; a file of weights export becomes one again, as it
    is. Prints what became of each tensor. The released CIPA weights are for non-commercial research.

    Parameters
    ----------
    source
        The released file (.pth or .safetensors).
    out
        The file to write.
    """
    print(weights.import_weights(source, out, **asdict(options)))
    print(f"written: {out}")


def adapt_weights(source: Path, out: Path, target: Target, *, other_intensities: bool = False) -> None:
    """Turn any checkpoint of this package into a file for nnUNetv2_train -pretrained_weights of another training.

    The other training may have another data set, patch size, number of slices, SIM setting or classes. Prints what
    became of each tensor. The data set has to be planned.

    Parameters
    ----------
    source
        checkpoint_final.pth, or a file of weights import, adapt or export.
    out
        The file to write.
    other_intensities
        Go on where SOURCE was trained on intensities of other windows than the data set's.
    """
    from nnunet_cipa.trainers.target import resolve_target  # noqa: PLC0415 - torch takes seconds to import

    training = resolve_target(target)
    network, dataset_json = training.build_network(), training.dataset_json
    print(weights.adapt_weights(source, out, network, dataset_json, other_intensities=other_intensities))
    print(f"written: {out}")


def export_weights(source: Path, out: Path, *, stock: bool = False) -> None:
    """Write the weights of a checkpoint as safetensors, which cannot hold code.

    Trainer, network arguments and labels are in its metadata. weights adapt and weights import read it. With --stock,
    copy the folder of a trained model, under the name of nnU-Net's own trainer.

    Parameters
    ----------
    source
        checkpoint_final.pth, or a file of weights import or adapt; with --stock the folder of a trained model.
    out
        The file to write (.safetensors); with --stock a folder to use as nnUNet_results.
    stock
        For prediction where this package is installed and nnUNet_extTrainer is not set.
    """
    if stock:
        print(f"written: {weights.export_stock(source, out)}")
        return
    print(f"tensors: {weights.export_weights(source, out)} exported")
    print(f"written: {out}")


COMMAND = Group(
    "weights",
    "bring weights from elsewhere into nnU-Net",
    "ACTION",
    (
        Command("import", "a released CIPA or backbone's file to a file for -pretrained_weights", import_weights),
        Command("adapt", "a checkpoint of this package to one that fits another training", adapt_weights),
        Command(
            "export",
            "a checkpoint's weights as safetensors, or a model that nnU-Net predicts without nnUNet_extTrainer",
            export_weights,
        ),
    ),
)
