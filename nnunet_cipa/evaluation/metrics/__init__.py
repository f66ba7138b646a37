"""Metrics of a predicted mask: the catalogue, and what they are computed from."""

from nnunet_cipa.evaluation.metrics.catalogue import Metric, all_metrics, shown_metrics

METRICS = shown_metrics()

__all__ = ["METRICS", "Metric", "all_metrics", "shown_metrics"]
