"""What all figures share: ink, colours and the way to PNG."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["CATEGORY_COLOURS", "FAINT", "INK", "MISSING", "bare", "png_bytes", "quiet"]

INK = "#22262e"
FAINT = "#6b7280"
MISSING = "#c9cdd3"

# Greedily far apart (OKLab) for normal, protanopic and deuteranopic sight; the first five after Petroff (2021).
CATEGORY_COLOURS = (
    "#3f90da",
    "#ffa90e",
    "#bd1f01",
    "#832db6",
    "#3fb8b4",
    "#ff2d87",
    "#2d3c5a",
    "#1fa84a",
    "#8c8300",
    "#c3a5ff",
    "#874b5a",
    "#1e3cff",
    "#78000f",
    "#3ddc84",
    "#ff7a3d",
    "#4b0096",
    "#ff8796",
    "#5a8769",
    "#ff2dd2",
    "#1e690f",
)


def png_bytes(figure: Figure, *, dpi: float = 120) -> bytes:
    r"""The figure as a PNG image on a white ground, `dpi` pixels per inch of figure.

    A palette of 256 colours makes it about a quarter of the size; the eye does not see the difference.

    >>> from matplotlib.figure import Figure
    >>> png_bytes(Figure())[:4]
    b'\x89PNG'
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    FigureCanvasAgg(figure)
    full, small = io.BytesIO(), io.BytesIO()
    figure.savefig(full, format="png", dpi=dpi, facecolor="white")
    with Image.open(full) as image:
        palette = image.convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE)
    palette.save(small, format="png", optimize=True)
    return small.getvalue()


def bare(axes: Axes) -> None:
    """Remove ticks and frame: the coordinates of a map have no unit."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


def quiet(axes: Axes, title: str) -> None:
    """A small chart with a left-aligned title and as little ink as possible."""
    axes.set_title(title, loc="left", fontsize=9, color=INK, fontweight="bold")
    axes.tick_params(labelsize=8, colors=FAINT, length=2)
    axes.grid(color="#e5e7eb", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color("#c9cdd3")
