"""Charts as SVG that take the colour of the page's text, so that they read in light and dark."""

import io
import re
from typing import Any

from matplotlib.figure import Figure

from nnunet_cipa.pages.palette import TEXT


def chart_style(name: str) -> Any:
    """Return matplotlib's settings for a chart; its name keeps its ids apart from those of the other charts."""
    return {
        "svg.fonttype": "none",
        "font.family": "sans-serif",
        "font.size": 11,
        "text.color": TEXT,
        "axes.edgecolor": TEXT,
        "axes.labelcolor": TEXT,
        "axes.titlesize": 12,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "xtick.color": TEXT,
        "ytick.color": TEXT,
        "text.parse_math": False,
        "svg.hashsalt": name,
    }


def as_svg(figure: Figure, label: str) -> str:
    """Return the figure as an element for a page, as wide as there is room up to its own width.

    ``label`` is what a screen reader says in its place; it is not text of the user.
    """
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :].replace(TEXT, "currentColor")
    width = re.search(r'width="([\d.]+)pt"', text)
    assert width is not None  # noqa: S101 - matplotlib always writes it
    text = re.sub(r' height="[\d.]+pt"', "", text, count=1)
    return text.replace(
        width[0],
        f'role="img" aria-label="{label}" style="width:100%;max-width:{float(width[1]) * 4 / 3:.0f}px;height:auto"',
        1,
    )
