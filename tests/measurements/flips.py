"""How far the mean of mirrored passes is from nnU-Net's own: ``python -m tests.measurements.flips MODEL IMAGES``.

MODEL is a trained model's folder, IMAGES a folder of nnU-Net's images, of which six cases are predicted by the first
fold. nnU-Net's variables have to be set as for nnUNetv2_predict.
"""

import argparse
from pathlib import Path

import torch

from nnunet_cipa.predict.certainty import flip_logits
from tests.measurements.trained import first_fold


def main(model, images, cases=6):
    predictor = first_fold(model)
    preprocessor = predictor.configuration_manager.preprocessor_class(verbose=False)
    given = predictor.plans_manager, predictor.configuration_manager, predictor.dataset_json
    for path in sorted(images.glob("*_0000.nii.gz"))[:cases]:
        data, _, _ = preprocessor.run_case([str(path), str(path).replace("_0000.", "_0001.")], None, *given)
        data = torch.from_numpy(data)
        stock = predictor.predict_sliding_window_return_logits(data).float()
        mean = torch.stack([logits.float() for _, logits in flip_logits(predictor, data)]).mean(0)
        difference = (stock - mean).abs()
        other = int((stock.argmax(0) != mean.argmax(0)).sum())
        print(f"{path.name}: logits to {stock.abs().max():.2f}, difference {difference.max():.2g}, mean "
              f"{difference.mean():.2g}, {other} of {stock[0].numel()} voxels with another label")  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("images", type=Path)
    arguments = parser.parse_args()
    main(arguments.model, arguments.images)
