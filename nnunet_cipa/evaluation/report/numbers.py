"""Means with their intervals, as a report prints them."""

import math

from nnunet_cipa.evaluation.intervals import Mean
from nnunet_cipa.pages.numbers import format_number

_NO_BREAK = "\u00a0"


def interval(mean: Mean, digits: int = 3) -> str:
    """Format a mean with its interval, and how many cases it leaves out."""
    text = format_number(mean.value, digits)
    if math.isfinite(mean.low):
        text += f" [{format_number(mean.low, digits)},{_NO_BREAK}{format_number(mean.high, digits)}]"
    return f"{text} (without {mean.undefined})" if mean.undefined and mean.cases else text
