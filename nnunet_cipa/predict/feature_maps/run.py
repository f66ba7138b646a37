"""Draws the maps of DCIM for a slice of a case."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.new_folders import new_folder
from nnunet_cipa.files.volumes import check_same_geometry, read_volume
from nnunet_cipa.network.cipa.dcim import DCIM
from nnunet_cipa.network.petct import PETCTNetwork
from nnunet_cipa.nnunet.channels import find_modalities
from nnunet_cipa.ops.choice import check_device
from nnunet_cipa.predict.feature_maps.figure import DPI, Shown, draw_stage
from nnunet_cipa.predict.feature_maps.options import DrawOptions
from nnunet_cipa.predict.feature_maps.tiles import map_window, slice_window
from nnunet_cipa.predict.load import MemberPredictor, load_predictor
from nnunet_cipa.predict.mask import preprocess
from nnunet_cipa.predict.model.options import UseOptions
from nnunet_cipa.predict.model.place import model_place
from nnunet_cipa.predict.model.read import read_trained_model


@dataclass(frozen=True)
class ChosenSlice:
    """A slice of a case.

    Attributes
    ----------
    image : Tensor
        The preprocessed case, (channels, z, y, x).
    index : int
        The slice in it, counted from 0.
    number, count : int
        The slice in the images, counted from 1, and how many those have.
    """

    image: Tensor
    index: int
    number: int
    count: int


def draw_dcim(case: Path, out: Path, model: Path, options: DrawOptions | None = None) -> list[Path]:
    """Draw the maps of DCIM at each stage for a slice of a case, and return the pictures that were written.

    Parameters
    ----------
    case
        Prefix of a case's images in nnU-Net's format, such as imagesTs/case_0001 for imagesTs/case_0001_0000.nii.gz.
    out
        New folder of stage0.png to stage3.png.
    model
        Trained model's folder, or a zip of ``nnUNetv2_export_model_to_zip``.
    options
        Which slice, and by which weights.

    Raises
    ------
    CIPAError
        If the model has no DCIM, the case is not there, it has no such slice, or the folder exists.
    """
    chosen = options or DrawOptions()
    check_device(chosen.device)
    if out.exists():
        raise CIPAError(f"{out}: exists; remove it, or choose another folder")
    use = UseOptions(folds=() if chosen.fold is None else (chosen.fold,), checkpoint=chosen.checkpoint)
    with model_place(model, chosen.checkpoint) as folder:
        trained = read_trained_model(folder, use, None)
        fold, digest = next(iter(trained.hashes.items()))
        alone = replace(trained, hashes={fold: digest})
        predictor = load_predictor(alone, UseOptions(device=chosen.device, disable_tta=True))
    network = predictor.plain_network
    if not (isinstance(network, PETCTNetwork) and any(isinstance(module, DCIM) for module in network.modules())):
        raise CIPAError(
            f"--model {model}: the network of {trained.trainer} has no DCIM to draw; give a model of "
            "nnUNetTrainerCIPA, or of a trainer derived from it that keeps DCIM"
        )
    modalities = find_modalities(predictor.dataset_json)
    found = _choose_slice(case, predictor, modalities.index("PET"), chosen.slice)
    stages = map_window(network.eval(), slice_window(found.image, found.index, network.slices).to(predictor.device))
    planes = dict(zip(modalities, found.image[:, found.index].numpy(), strict=True))
    height, width = predictor.configuration_manager.spacing[-2:]
    shown = Shown(planes["CT"], planes["PET"], (height, width))
    out.parent.mkdir(parents=True, exist_ok=True)
    with new_folder(out) as building:
        for number, stage in enumerate(stages):
            maps = dict(zip(stage.names, stage.values.numpy(), strict=True))
            title = f"DCIM, stage {number}: mean absolute value over channels; slice {found.number} of {found.count}"
            draw_stage(shown, maps, title).savefig(building / _name(number), dpi=DPI, facecolor="white")
    return [out / _name(number) for number in range(len(stages))]


def _name(stage: int) -> str:
    return f"stage{stage}.png"


def _choose_slice(case: Path, predictor: MemberPredictor, pet: int, wanted: int | None) -> ChosenSlice:
    images = _images(case, predictor)
    volumes = [read_volume(path) for path in images]
    check_same_geometry(*volumes)
    count = len(volumes[0].array)
    if wanted is not None and not 1 <= wanted <= count:
        raise CIPAError(f"--slice {wanted}: {case} has slices 1 to {count}; give one of these")
    image, properties = preprocess(predictor, images)
    first, end = properties["bbox_used_for_cropping"][0]
    index = int(image[pet].amax((1, 2)).argmax()) if wanted is None else wanted - 1 - first
    if not 0 <= index < end - first:
        raise CIPAError(
            f"--slice {wanted}: {case} holds nothing but zeros there, which nnU-Net cuts off; give {first + 1} to {end}"
        )
    return ChosenSlice(image, index, first + index + 1, count)


def _images(case: Path, predictor: MemberPredictor) -> Sequence[Path]:
    ending = predictor.dataset_json["file_ending"]
    images = [case.with_name(f"{case.name}_{channel:04d}{ending}") for channel in range(2)]
    for path in images:
        if not path.is_file():
            raise CIPAError(
                f"{path}: no such file; give CASE as imagesTs/NAME, of the files imagesTs/NAME_0000{ending} and "
                f"imagesTs/NAME_0001{ending}"
            )
    return images
