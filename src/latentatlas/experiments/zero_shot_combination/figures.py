"""The picture of the study: what every method decodes, below what it should."""

from __future__ import annotations

import base64
import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from latentatlas.experiments.zero_shot_combination.rows import DEGREES, PIXELS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["as_text", "examples_figure", "from_text"]


def as_text(images: np.ndarray) -> str:
    """Images in [0, 1], cut to it, as bytes in base 64.

    >>> from_text(as_text(np.ones((2, 432)))).shape
    (2, 12, 12, 3)
    """
    return base64.b64encode(np.round(255 * np.clip(images, 0, 1)).astype(np.uint8).tobytes()).decode()


def from_text(text: str) -> np.ndarray:
    """The way back: images of integers from 0 to 255."""
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(-1, PIXELS, PIXELS, 3)


def examples_figure(shown: Mapping[str, Mapping[str, str]]) -> Figure:
    """One panel for each degree, one line of images for each method, one column for each pair of inputs."""
    from matplotlib.figure import Figure

    from latentatlas.plots.style import FAINT, INK

    fullest = max(shown.values(), key=len)
    names = list(dict.fromkeys([*fullest, *(name for panel in shown.values() for name in panel)]))
    figure = Figure(figsize=(11, 0.55 * len(names) + 0.6), layout="constrained")
    panels = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    for axes, (degree, panel) in zip(panels, shown.items(), strict=True):
        width = max(len(from_text(text)) for text in panel.values()) * (PIXELS + 1)
        canvas = np.full((len(names) * (PIXELS + 1), width, 3), 255, np.uint8)
        for line, name in enumerate(names):
            for column, image in enumerate(from_text(panel[name]) if name in panel else ()):
                top, left = line * (PIXELS + 1), column * (PIXELS + 1)
                canvas[top : top + PIXELS, left : left + PIXELS] = image
        axes.imshow(canvas, interpolation="nearest")
        axes.set_title(DEGREES[degree].title, loc="left", fontsize=10, color=INK, fontweight="bold")
        axes.set_xticks([])
        axes.set_yticks((np.arange(len(names)) + 0.5) * (PIXELS + 1) - 1, [textwrap.fill(name, 36) for name in names])
        axes.tick_params(length=0, labelsize=8, labelcolor=FAINT)
        for spine in axes.spines.values():
            spine.set_visible(False)
    return figure
