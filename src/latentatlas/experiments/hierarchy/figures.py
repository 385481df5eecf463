"""The picture of the study: the ball of two axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from latentatlas.experiments.hierarchy.measuring import Mammals

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["branches", "disc_figure", "named"]

_NAMED = 26
_APART = (0.19, 0.055)


def disc_figure(points: Float[np.ndarray, "n 2"], tree: Mammals) -> Figure:
    """Every node, a line to each parent, and the names of large kinds where there is room."""
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure
    from matplotlib.patches import Circle

    from latentatlas.plots.style import CATEGORY_COLOURS, FAINT, INK, MISSING

    figure = Figure(figsize=(9, 9), layout="constrained")
    axes = figure.subplots()
    kind = branches(tree)
    colours = np.array([MISSING, *CATEGORY_COLOURS[:6]])[kind + 1]
    child, parent = np.nonzero(tree.parents)
    lines = np.stack([points[child], points[parent]], axis=1)
    axes.add_collection(LineCollection(list(lines), colors=list(colours[child]), linewidths=0.4, alpha=0.5))
    axes.add_patch(Circle((0, 0), 1, fill=False, color=FAINT, linewidth=0.8))
    axes.scatter(*points.T, s=5, c=colours, linewidths=0, zorder=2)
    for node in named(points, tree):
        axes.annotate(
            tree.names[node], points[node], xytext=(0, 5), textcoords="offset points", ha="center", fontsize=9,
            color=INK, zorder=4, bbox={"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.8},
        )  # fmt: skip
        axes.scatter(*points[node], s=26, c=colours[node], edgecolors=INK, linewidths=0.8, zorder=3)
    axes.set(xlim=(-1.02, 1.02), ylim=(-1.02, 1.02), aspect="equal")
    axes.axis("off")
    return figure


def branches(tree: Mammals) -> Int[np.ndarray, " n"]:
    """Of each node the first of the six largest kinds it belongs to, −1 for the others.

    The kinds are the largest among the children of placental mammals.
    """
    sizes = tree.links.sum(axis=0)
    top = tree.names.index("placental") if "placental" in tree.names else int(sizes.argmax())
    children = np.flatnonzero(tree.parents[:, top])
    largest = children[np.argsort(-sizes[children], kind="stable")][:6]
    inside = tree.links[:, largest]
    inside[largest, np.arange(len(largest))] = True
    return np.where(inside.any(axis=1), inside.argmax(axis=1), -1)


def named(points: Float[np.ndarray, "n 2"], tree: Mammals) -> list[int]:
    """The nodes with the most descendants whose names do not cover each other."""
    chosen: list[int] = []
    for node in np.argsort(-tree.links.sum(axis=0), kind="stable").tolist():
        apart = np.abs(points[chosen] - points[node])
        if ((apart[:, 0] > _APART[0]) | (apart[:, 1] > _APART[1])).all():
            chosen.append(node)
        if len(chosen) == _NAMED:
            break
    return chosen
