"""Pictures of exemplars, when the patterns are images."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from latentatlas.core.errors import ShapeError
from latentatlas.plots.style import INK, bare

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["exemplars_figure", "strip_png"]

_GAP = 1


def exemplars_figure(images: Sequence[np.ndarray], *, labels: Sequence[str], title: str = "") -> Figure:
    """One row of images per basin (or class), its name on the left.

    Args:
        images: per row an array (m, height, width), (m, channels, height, width) or (m, height, width, channels) with
            1 or 3 channels; all of one image size. Values are scaled from the darkest to the brightest of all.
        labels: one name per row.
        title: heading.

    Raises:
        ShapeError: if the arrays are not images of one size, or the numbers of rows and names differ.

    >>> import numpy as np
    >>> figure = exemplars_figure([np.zeros((5, 8, 8)), np.ones((3, 8, 8))], labels=["dark", "bright"])
    >>> [text.get_text() for text in figure.axes[0].get_yticklabels()]
    ['dark', 'bright']
    """
    from matplotlib.figure import Figure

    if len(images) != len(labels) or not len(images):
        raise ShapeError(
            f"exemplars_figure wants one name per row of images; got {len(images)} rows and {len(labels)} names. "
            "Pass matching lists."
        )
    rows = [_as_rgb(row) for row in images]
    across = max(map(len, rows))
    height, _ = _common_size(rows)
    mosaic = np.concatenate([_strip(row, across) for row in _scaled(rows)], axis=0)
    inches = min(8.0, 0.62 * across + 1.2)
    figure = Figure(figsize=(inches, inches * mosaic.shape[0] / mosaic.shape[1] + 0.4), layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(mosaic, interpolation="nearest")
    bare(axes)
    pitch = height + _GAP
    axes.set_yticks(pitch * np.arange(len(rows)) + height / 2, labels=list(labels), fontsize=9, color=INK)
    axes.tick_params(length=0)
    if title:
        axes.set_title(title, loc="left", fontsize=12, color=INK, fontweight="bold")
    return figure


def strip_png(images: np.ndarray) -> bytes:
    r"""The images side by side, pixel for pixel, as a small PNG; shapes as in `exemplars_figure`.

    Raises:
        ShapeError: if the array does not hold images.

    >>> import numpy as np
    >>> strip_png(np.eye(4)[None])[:4]
    b'\x89PNG'
    """
    from matplotlib.image import imsave

    rows = _scaled([_as_rgb(images)])
    buffer = io.BytesIO()
    imsave(buffer, _strip(rows[0], len(rows[0]))[:-_GAP, :-_GAP], format="png", pil_kwargs={"optimize": True})
    return buffer.getvalue()


def _as_rgb(images: np.ndarray) -> np.ndarray:
    """Images as (m, height, width, 3)."""
    images = np.asarray(images)
    if images.ndim == 3:
        images = images[..., None]
    elif images.ndim == 4 and images.shape[-1] not in (1, 3) and images.shape[1] in (1, 3):
        images = np.moveaxis(images, 1, -1)
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or not len(images):
        raise ShapeError(
            f"Exemplars want images (m, height, width) or with 1 or 3 channels; got shape {images.shape}. "
            "Reshape the rows with the item shape of the data."
        )
    return np.broadcast_to(images, (*images.shape[:3], 3)).astype(float)


def _common_size(rows: Sequence[np.ndarray]) -> tuple[int, int]:
    sizes = {row.shape[1:3] for row in rows}
    if len(sizes) != 1:
        raise ShapeError(f"Exemplars want images of one size; got {sorted(sizes)}. Resize them.")
    return next(iter(sizes))


def _scaled(rows: Sequence[np.ndarray]) -> list[np.ndarray]:
    """All values from 0 (darkest of all) to 1 (brightest of all)."""
    low = min(row.min() for row in rows)
    span = max(row.max() for row in rows) - low
    return [(row - low) / (span or 1.0) for row in rows]


def _strip(images: np.ndarray, across: int) -> np.ndarray:
    """Images side by side on white, with a gap after each, padded to `across` places."""
    _, height, width, _ = images.shape
    strip = np.ones((height + _GAP, across * (width + _GAP), 3))
    for place, image in enumerate(images):
        left = place * (width + _GAP)
        strip[:height, left : left + width] = image
    return strip
