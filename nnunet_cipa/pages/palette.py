"""The colours of all pages, charts and contours: told apart with every common colour vision deficiency.

Outlines, agreement and verdicts are near Okabe and Ito's colours.
"""

TRUTH, PREDICTION = "#E69F00", "#56B4E9"  # outlines, whose line styles differ too
TRUE_POSITIVE, FALSE_POSITIVE, FALSE_NEGATIVE = "#009E73", "#E0492A", "#3D8BFF"
# Of the predicted regions of a structure set, in a planning system
REGIONS = ("#FF0000", "#FFD400", "#00C8FF", "#FF00FF", "#00FF6A", "#FF8C00")
PASSED, FAILED = "#0072B2", "#D55E00"
BARS = "#33658a"
TEXT = "#010203"  # in a chart, what becomes the colour of the page's text; no other element has it
# Mid-tones for lines and boxes, which read on white and on black.
SERIES = ("#2f86c9", "#d9661f", "#17a07a", "#c46fa0", "#b8860b", "#7a7fd0")

# What pages are made of, in light and dark surroundings.
LIGHT = {
    "ink": "#1d2733", "soft": "#586574", "line": "#d9e0e7", "ground": "#f4f6f8", "card": "#fff", "notice": "#fff4d6",
    "edge": "#b87d00", "hover": "#eef3f8",
}  # fmt: skip
DARK = {
    "ink": "#e4e9ef", "soft": "#9fadbb", "line": "#37424e", "ground": "#12171c", "card": "#1b2229", "notice": "#3a3013",
    "edge": "#d9a62e", "hover": "#232c35",
}  # fmt: skip


def rgb(colour: str) -> tuple[int, int, int]:
    """Return red, green and blue, 0 to 255, of a colour of this module."""
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue
