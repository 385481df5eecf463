"""The picture of the study: what the codes of every chart decode to."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["codes_figure"]

_SIDE = 28


def codes_figure(pixels: Sequence[Sequence[str]], names: Sequence[str]) -> Figure:
    """One line for each chart, one image for each of its codes, dark on white.

    Args:
        pixels: of each code of each chart, one byte each, from 0 to 255, in base64.
        names: of the lines.
    """
    from matplotlib.figure import Figure

    from latentatlas.plots.style import FAINT

    images = 255 - np.array([[np.frombuffer(b64decode(code), np.uint8) for code in chart] for chart in pixels])
    charts, codes = images.shape[:2]
    framed = np.pad(images.reshape(charts, codes, _SIDE, _SIDE), ((0, 0), (0, 0), (0, 1), (0, 1)), constant_values=225)
    figure = Figure(figsize=(0.6 * codes + 1.6, 0.6 * charts), layout="constrained")
    axes = figure.subplots()
    axes.imshow(framed.transpose(0, 2, 1, 3).reshape(charts * (_SIDE + 1), -1), cmap="gray", vmin=0, vmax=255)
    axes.set_yticks((np.arange(charts) + 0.5) * (_SIDE + 1), names)
    axes.set_xticks([])
    axes.tick_params(length=0, labelsize=9, labelcolor=FAINT)
    axes.spines[:].set_visible(False)
    return figure
