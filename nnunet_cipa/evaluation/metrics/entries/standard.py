"""The metrics that every report has."""

from nnunet_cipa.evaluation.metrics.catalogue import DETAIL, LESIONS, VOLUME, Metric, register

for metric in (
    Metric("dice", lambda masks: masks.overlap.dice, "Dice", "2 TP / (2 TP + FP + FN), over voxels"),
    Metric("iou", lambda masks: masks.overlap.iou, "IoU", "TP / (TP + FP + FN)"),
    Metric(
        "sensitivity", lambda masks: masks.overlap.sensitivity, "Sensitivity (coverage)",
        "TP / (TP + FN). For an IGTV this is the **coverage of the truth**",
    ),
    Metric("precision", lambda masks: masks.overlap.precision, "Precision", "TP / (TP + FP)"),
    Metric(
        "hd95_mm", lambda masks: masks.surfaces.hausdorff95, "HD95",
        "distances from each border voxel of a mask to the nearest border voxel of the other; their 95th percentile; "
        "the larger of the two directions",
        "mm", 2, -1,
    ),
    Metric(
        "surface_mm", lambda masks: masks.surfaces.mean, "Mean surface distance",
        "mean of these distances over the border voxels of both masks together (average symmetric surface distance)",
        "mm", 2, -1,
    ),
    Metric(
        "nsd", lambda masks: masks.surfaces.within(masks.tolerance_mm), "NSD",
        "normalised surface Dice: the part of the border voxels of both masks that is within `--tolerance` (2 mm) of "
        "the other border",
    ),
    Metric(
        "centroid_mm", lambda masks: masks.centroid_distance, "Centroid distance", "distance of the two centroids",
        "mm", 2, -1, VOLUME, place=1,
    ),
    Metric("truth_ml", lambda masks: masks.truth_ml, "True volume", "true volume", "ml", 2, 0, DETAIL),
    Metric(
        "predicted_ml", lambda masks: masks.predicted_ml, "Predicted volume", "predicted volume", "ml", 2, 0, DETAIL,
    ),
    Metric(
        "volume_error_ml", lambda masks: masks.volume_error * masks.voxel_ml, "Volume error",
        "predicted less true volume", "ml", 2, 0, VOLUME,
    ),
    Metric(
        "relative_volume_error", lambda masks: masks.relative_volume_error, "Relative volume error",
        "the same over the true volume", "", 3, 0, VOLUME,
    ),
    Metric(
        "excess_ml", lambda masks: masks.excess_ml, "Excess volume",
        "volume of the prediction outside the truth, for an IGTV what is irradiated beyond it", "ml", 2, -1, VOLUME,
    ),
    Metric(
        "lesion_f1", lambda masks: masks.lesions.f1, "Lesion F1",
        "2 found / (found + true + false), from the three numbers below", group=LESIONS,
    ),
    Metric(
        "true_lesions", lambda masks: masks.lesions.true, "True lesions", "number of true lesions", "", 0, 0, DETAIL,
    ),
    Metric(
        "found_lesions", lambda masks: masks.lesions.found, "Found lesions",
        "number of those that share a voxel with the prediction", "", 0, 1, DETAIL,
    ),
    Metric(
        "false_lesions", lambda masks: masks.lesions.false, "False lesions",
        "number of predicted lesions that share none with the truth", "", 0, -1, DETAIL,
    ),
    Metric(
        "false_positive_ml", lambda masks: masks.lesions.false_voxels * masks.voxel_ml, "False positive volume",
        "volume of the predicted lesions that share no voxel with the truth, as autoPET has it",
        "ml", 2, -1, LESIONS,
    ),
    Metric(
        "false_negative_ml", lambda masks: masks.lesions.missed_voxels * masks.voxel_ml, "False negative volume",
        "volume of the true lesions that share no voxel with the prediction, as autoPET has it",
        "ml", 2, -1, LESIONS,
    ),
    Metric(
        "dice_ends", lambda masks: masks.dice_by_position[0], "Dice, first and last slices",
        "Dice over the slices in which a true lesion starts or ends: partial volume and breathing blur it there",
        group=LESIONS,
    ),
    Metric(
        "dice_between", lambda masks: masks.dice_by_position[1], "Dice, slices between",
        "Dice over the other slices with a true lesion", group=LESIONS,
    ),
):  # fmt: skip
    register(metric)
