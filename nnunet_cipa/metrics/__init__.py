"""Metrics of a predicted mask: the catalogue, and what they are computed from."""
