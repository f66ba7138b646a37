"""``nnunet-cipa listen``."""

from pathlib import Path
from typing import Annotated

from nnunet_cipa.cli.command import Command
from nnunet_cipa.listen.options import ListenOptions
from nnunet_cipa.options import Option
from nnunet_cipa.predict.options import PredictOptions


def listen(node: ListenOptions, options: PredictOptions, *, model: Annotated[Path, Option("MODEL")]) -> None:
    """Run a DICOM node that predicts the studies it receives, and sends RTSTRUCT, SEG and SR on.

    CT and PET come by C-STORE. Once nothing more of a study comes, it is predicted as by 'predict'. What was received
    and what was made is kept in a folder, so that nothing is lost if the node is killed: started again, it goes on. It
    ends on SIGTERM or Ctrl-C. What it sends is UNAPPROVED, and not for clinical use without a physician's review.

    Parameters
    ----------
    model
        Trained model's folder, TRAINER__PLANS__CONFIGURATION, or a zip of nnUNetv2_export_model_to_zip.
    """
    from nnunet_cipa.listen.model import ModelPredictor  # noqa: PLC0415 - slow to import
    from nnunet_cipa.listen.run import run_node  # noqa: PLC0415 - as above

    predictor = ModelPredictor(model.absolute(), options)
    node.check()
    predictor.check()
    run_node(node, predictor)


COMMAND = Command("listen", "a DICOM node: receives studies, predicts, sends structure sets on", listen)
