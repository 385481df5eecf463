"""Parts that come and go, over the course of a fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int

from latentatlas.core import ShapeError
from latentatlas.plots.style import CATEGORY_COLOURS, FAINT, INK, quiet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["elastic_figure"]

_MARKS = {"split": "^", "merge": "v", "close": "x", "full": "s"}


def elastic_figure(
    step: Int[np.ndarray, " reviews"],
    share: Float[np.ndarray, "reviews slots"],
    events: Sequence[Mapping[str, Any]],
    *,
    title: str = "Charts",
) -> Figure:
    """How many parts there are at each review with what happened to them, and below the share of the rows of each slot.

    Args:
        step: of each review, ascending.
        share: of the rows, by slot; 0 where there is no part.
        events: `step` and `kind` of each: split, merge, close or full. Others are passed over.
        title: of the upper part.

    Raises:
        ShapeError: for no reviews, or shares of another number of them.

    >>> made = elastic_figure(np.arange(2), np.array([[1.0, 0.0], [0.5, 0.5]]), [{"step": 1, "kind": "split"}])
    >>> [axes.get_title(loc="left") for axes in made.axes]
    ['Charts: 2', 'Share of the rows']
    """
    from matplotlib.figure import Figure

    if len(step) == 0 or len(share) != len(step):
        raise ShapeError(
            f"elastic_figure wants a share for every review, and one review or more; got {len(share)} for {len(step)}. "
            "Pass the uses of a ledger."
        )
    count = (share > 0).sum(axis=1)
    figure = Figure(figsize=(7.0, 4.2), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[1, 1.6])
    above.step(step, count, where="post", color=INK, linewidth=1.2)
    for kind, mark in _MARKS.items():
        at = np.array([event["step"] for event in events if event["kind"] == kind])
        if len(at):
            heights = count[np.clip(np.searchsorted(step, at), 0, len(step) - 1)]
            above.scatter(at, heights, marker=mark, s=26, color=CATEGORY_COLOURS[list(_MARKS).index(kind)], label=kind)
    if above.get_legend_handles_labels()[0]:
        above.legend(fontsize=7, frameon=False, ncols=len(_MARKS))
    quiet(above, f"{title}: {count[-1]}")
    above.set_ylim(bottom=0)
    used = np.flatnonzero(share.any(axis=0))
    colours = [CATEGORY_COLOURS[k % len(CATEGORY_COLOURS)] for k in used]
    below.stackplot(step, share[:, used].T, colors=colours, linewidth=0.3, edgecolor="white")
    quiet(below, "Share of the rows")
    below.set_ylim(0, 1)
    below.set_xlabel("review or step", fontsize=8, color=FAINT)
    return figure
