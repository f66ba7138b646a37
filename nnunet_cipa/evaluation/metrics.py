"""The measures of ``Measures`` as a table shows them: their names, units and which way is better."""

from dataclasses import dataclass


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
    """

    name: str
    title: str
    unit: str = ""
    digits: int = 3
    better: int = 1


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
        Metric("centroid_mm", "Centroid distance", "mm", 2, -1),
        Metric("volume_error_ml", "Volume error", "ml", 2, 0),
        Metric("relative_volume_error", "Relative volume error", "", 3, 0),
        Metric("excess_ml", "Excess volume", "ml", 2, -1),
        Metric("lesion_f1", "Lesion F1"),
        Metric("false_positive_ml", "False positive volume", "ml", 2, -1),
        Metric("false_negative_ml", "False negative volume", "ml", 2, -1),
        Metric("dice_ends", "Dice, first and last slices"),
        Metric("dice_between", "Dice, slices between"),
    )
}
TESTED = ("dice", "nsd", "hd95_mm")
