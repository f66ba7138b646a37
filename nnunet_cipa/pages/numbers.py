"""Numbers as pages print them."""

import math


def format_number(value: float, digits: int = 3) -> str:
    """Format a number; n/a if it is not defined."""
    # rounding leaves no -0.00
    return f"{round(value, digits) + 0.0:.{digits}f}" if math.isfinite(value) else "n/a"


def format_p(value: float) -> str:
    """Format a p value to three digits."""
    return "<0.001" if value < 0.001 else format_number(value, 3)
