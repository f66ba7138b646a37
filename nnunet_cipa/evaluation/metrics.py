"""The catalogue of the measures that tables show: of each its name, unit, group and which way is better."""

from dataclasses import dataclass

AGREEMENT, VOLUME, LESIONS = "Agreement", "Volume and place", "Lesions, and slices by position"


@dataclass(frozen=True)
class Metric:
    """How a measure is shown.

    Attributes
    ----------
    name : str
        The field of ``Measures``.
    title, unit : str
        For a table's head.
    digits : int
        After the point.
    better : int
        1 if more is better, -1 if less is, 0 if neither.
    group : str
        The table that it is shown in.
    """

    name: str
    title: str
    unit: str = ""
    digits: int = 3
    better: int = 1
    group: str = AGREEMENT


METRICS = {
    metric.name: metric
    for metric in (
        Metric("dice", "Dice"),
        Metric("iou", "IoU"),
        Metric("sensitivity", "Sensitivity (coverage)"),
        Metric("precision", "Precision"),
        Metric("hd95_mm", "HD95", "mm", 2, -1),
        Metric("surface_mm", "Mean surface distance", "mm", 2, -1),
        Metric("nsd", "NSD"),
        Metric("volume_error_ml", "Volume error", "ml", 2, 0, VOLUME),
        Metric("relative_volume_error", "Relative volume error", "", 3, 0, VOLUME),
        Metric("excess_ml", "Excess volume", "ml", 2, -1, VOLUME),
        Metric("centroid_mm", "Centroid distance", "mm", 2, -1, VOLUME),
        Metric("lesion_f1", "Lesion F1", group=LESIONS),
        Metric("false_positive_ml", "False positive volume", "ml", 2, -1, LESIONS),
        Metric("false_negative_ml", "False negative volume", "ml", 2, -1, LESIONS),
        Metric("dice_ends", "Dice, first and last slices", group=LESIONS),
        Metric("dice_between", "Dice, slices between", group=LESIONS),
    )
}
