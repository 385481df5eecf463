"""The picture of a training run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from latentatlas.core.errors import MissingInput
from latentatlas.plots.style import CATEGORY_COLOURS, FAINT, quiet

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["training_figure"]

_ACROSS = 3


def training_figure(history: Mapping[str, np.ndarray]) -> Figure:
    """Small charts over the steps: the loss, each term's raw value, all weights, all gradient shares.

    Values are on a logarithmic axis where all of them are positive. Entries that are NaN (not logged at that step)
    are skipped.

    Args:
        history: columns `step`, `loss`, `held_out/loss`, `value/NAME`, `held_out/NAME`, `weight/NAME`, `share/NAME`;
            all but `step` may be absent. Shares are fractions in [0, 1].

    Raises:
        MissingInput: if there is no `step`, or nothing to draw against it.

    >>> import numpy as np
    >>> figure = training_figure({"step": np.arange(3), "value/recon": np.ones(3), "weight/recon": np.ones(3)})
    >>> [axes.get_title(loc="left") for axes in figure.axes]
    ['recon', 'Weights']
    """
    from matplotlib.figure import Figure

    charts = _charts(history)
    if "step" not in history or not charts:
        raise MissingInput(
            f"training_figure wants `step` and at least one of loss, value/…, weight/…, share/…; got "
            f"{', '.join(history)}. Pass the history of a run."
        )
    down = -(-len(charts) // _ACROSS)
    across = min(_ACROSS, len(charts))
    figure = Figure(figsize=(3.3 * across, 2.3 * down + 0.2), layout="constrained")
    grid = figure.subplots(down, across, squeeze=False).ravel()
    for axes, (title, draw) in zip(grid, charts, strict=False):
        draw(axes)
        quiet(axes, title)
        axes.set_xlabel("step", fontsize=8, color=FAINT)
        axes.locator_params(axis="x", nbins=5)
    for axes in grid[len(charts) :]:
        axes.set_visible(False)
    return figure


def _charts(history: Mapping[str, np.ndarray]) -> list[tuple[str, Callable[[Axes], None]]]:
    """Title and drawing function of every chart that the columns allow."""
    if "step" not in history:
        return []
    step = np.asarray(history["step"], dtype=float)
    names = _term_names(history)
    colours = {name: CATEGORY_COLOURS[i % len(CATEGORY_COLOURS)] for i, name in enumerate(names)}

    def lines(columns: Mapping[str, tuple[str, str]]) -> Callable[[Axes], None]:
        return lambda axes: _draw_lines(
            axes, step, {label: (history[c], colour) for c, (label, colour) in columns.items()}
        )

    def of_kind(kind: str) -> dict[str, tuple[str, str]]:
        return {f"{kind}/{n}": (n, colours[n]) for n in names if f"{kind}/{n}" in history}

    losses = {"loss": ("training", CATEGORY_COLOURS[6]), "held_out/loss": ("held out", CATEGORY_COLOURS[2])}
    losses = {column: style for column, style in losses.items() if column in history}
    charts = [("Loss", lines(losses))] if losses else []
    for column, (name, colour) in of_kind("value").items():
        aside = f"held_out/{name}"
        beside = {column: ("training", colour), aside: ("held out", CATEGORY_COLOURS[2])}
        known = aside in history and np.isfinite(np.asarray(history[aside], dtype=float)).any()
        charts.append((name, lines(beside if known else {column: ("", colour)})))
    charts += [("Weights", lines(of_kind("weight")))] if of_kind("weight") else []
    shares = {name: (history[column], colours[name]) for column, (name, _) in of_kind("share").items()}
    charts += [("Gradient shares", lambda axes: _draw_shares(axes, step, shares))] if shares else []
    return charts


def _term_names(history: Mapping[str, np.ndarray]) -> list[str]:
    kinds = ("value/", "weight/", "share/")
    return list(dict.fromkeys(column.split("/", 1)[1] for column in history if column.startswith(kinds)))


def _draw_lines(axes: Axes, step: np.ndarray, curves: Mapping[str, tuple[np.ndarray, str]]) -> None:
    known_values: list[np.ndarray] = []
    for label, (values, colour) in curves.items():
        values = np.asarray(values, dtype=float)
        known = np.isfinite(values)
        marker = "o" if known.sum() < 2 else ""
        axes.plot(step[known], values[known], color=colour, linewidth=1.4, marker=marker, markersize=4, label=label)
        known_values.append(values[known])
    _choose_scale(axes, np.concatenate(known_values))
    _name_curves(axes, [label for label in curves if label])


def _choose_scale(axes: Axes, values: np.ndarray) -> None:
    """Logarithmic where all values are positive and span enough for it to help; plain numbers at the ticks."""
    from matplotlib.ticker import LogLocator, NullLocator

    span = values.max() / values.min() if len(values) and values.min() > 0 else 1.0
    if span < 3:
        return
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if span < 50 else (1,), numticks=6))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter("{x:g}")


def _draw_shares(axes: Axes, step: np.ndarray, shares: Mapping[str, tuple[np.ndarray, str]]) -> None:
    stack = np.nan_to_num(np.array([values for values, _ in shares.values()], dtype=float))
    logged = np.isfinite(np.array([values for values, _ in shares.values()], dtype=float)).any(axis=0)
    axes.stackplot(
        step[logged], stack[:, logged], colors=[c for _, c in shares.values()], labels=list(shares), alpha=0.85
    )
    axes.set_ylim(0, max(1.0, float(stack.sum(axis=0).max(initial=0.0))))
    _name_curves(axes, list(shares))


def _name_curves(axes: Axes, labels: list[str]) -> None:
    if len(labels) > 1:
        axes.legend(fontsize=7, frameon=True, framealpha=0.8, edgecolor="none", handlelength=1.2, borderpad=0.2)
