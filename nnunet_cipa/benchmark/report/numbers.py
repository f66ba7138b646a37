"""Means with their intervals, as a report prints them."""

import math

from nnunet_cipa.evaluation.intervals import Mean
from nnunet_cipa.pages.numbers import number

_NO_BREAK = "\u00a0"


def interval(mean: Mean, digits: int = 3) -> str:
    """Format a mean with its interval, and how many cases it leaves out."""
    text = number(mean.value, digits)
    if math.isfinite(mean.low):
        text += f" [{number(mean.low, digits)},{_NO_BREAK}{number(mean.high, digits)}]"
    return f"{text} (without {mean.undefined})" if mean.undefined and mean.cases else text
