"""Predicted volume in an organ that holds no tumour, such as the heart, which takes up the tracer too."""

import numpy as np

from nnunet_cipa.files.volumes import Volume, check_same_geometry


def false_positive_ml(truth: Volume, prediction: Volume, organ: Volume) -> float:
    """Return the volume in ml of what is predicted inside an organ and is not tumour.

    Parameters
    ----------
    truth, prediction, organ : Volume
        Masks of one case, as ``read_mask`` gives them.

    Raises
    ------
    CIPAError
        If they do not lie on one voxel grid.
    """
    check_same_geometry(truth, prediction, organ)
    return float(np.count_nonzero(prediction.array & ~truth.array & organ.array) * truth.voxel_ml)
