"""``nnunet-cipa draw``."""

from pathlib import Path
from typing import Annotated

from nnunet_cipa.cli.command import Command, Group
from nnunet_cipa.options import Option
from nnunet_cipa.predict.feature_maps.options import DrawOptions


def dcim(case: Path, out: Path, options: DrawOptions, *, model: Annotated[Path, Option("MODEL")]) -> None:
    """Draw what DCIM makes of a slice, as figure 7 of the CVPR paper: a picture for each of the four stages.

    Each picture has CT and PET, the features of PET after the region block, those of CT after the local block, and the
    fused ones that DCIM gives: the mean over channels of their absolute values.

    Parameters
    ----------
    case
        Images of a case in nnU-Net's format without their channel, such as imagesTs/case_0001.
    out
        New folder of stage0.png to stage3.png.
    model
        Trained model's folder, TRAINER__PLANS__CONFIGURATION, or a zip of nnUNetv2_export_model_to_zip.
    """
    from nnunet_cipa.predict.feature_maps.run import draw_dcim  # noqa: PLC0415 - torch takes seconds to import

    for path in draw_dcim(case, out, model, options):
        print(f"written: {path}")


COMMAND = Group(
    "draw",
    "pictures of what a trained network does",
    "SUBJECT",
    (Command("dcim", "features of CT and PET in DCIM, stage by stage", dcim),),
)
