"""Notices on the data set and facts on the settings, of any report."""

from collections.abc import Iterator, Mapping
from typing import Any

from nnunet_cipa.evaluation.settings import Settings


def dataset_notices(description: Mapping[str, Any]) -> Iterator[str]:
    """Give what the reader has to know of a data set before any figure, by what dataset.json says."""
    if description.get("synthetic"):
        yield "These are synthetic phantoms, drawn by a program. The figures say nothing about patients."
    if description.get("spacing_assumed"):
        yield (
            f"The voxel size {description.get('spacing_mm', '')} mm is assumed: the data set does not publish it. "
            "Distances in mm and volumes are as good as that assumption."
        )


def settings_facts(settings: Settings, tolerance_mm: float) -> dict[str, str]:
    """Return how intervals and the surface Dice were made, name -> value."""
    return {
        "bootstrap": f"BCa, {settings.resamples:,} resamples of patients, seed {settings.seed}",
        "tolerance of NSD": f"{tolerance_mm:g} mm",
    }
