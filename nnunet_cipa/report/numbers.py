"""Numbers as a report prints them."""

import math

from nnunet_cipa.evaluation.intervals import Mean

_NO_BREAK = "\u00a0"


def number(value: float, digits: int = 3) -> str:
    """Format a number; n/a if it is not defined."""
    # rounding leaves no -0.00
    return f"{round(value, digits) + 0.0:.{digits}f}" if math.isfinite(value) else "n/a"


def p_value(value: float) -> str:
    """Format a p value to three digits."""
    return "<0.001" if value < 0.001 else number(value, 3)


def interval(mean: Mean, digits: int = 3) -> str:
    """Format a mean with its interval, and how many cases it leaves out."""
    text = number(mean.value, digits)
    if math.isfinite(mean.low):
        text += f" [{number(mean.low, digits)},{_NO_BREAK}{number(mean.high, digits)}]"
    return f"{text} (without {mean.undefined})" if mean.undefined and mean.cases else text
