"""The same pictures to turn and to point at: pages that need no network, by the extra `interactive` (plotly)."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

import numpy as np

from latentatlas.core.errors import ShapeError, require_extra
from latentatlas.plots.energy import height_at, same_end
from latentatlas.plots.style import CATEGORY_COLOURS, INK, MISSING

__all__ = ["descent_page", "distance_page", "energy_map_page", "surface_page"]

_MOST_POINTS = 20_000
_MOST_PATHS = 200
_DIGITS = 6
_HEIGHT = 680  # pixels
_GROUND = [[0, "#6f747c"], [1, "#f6f7f9"]]  # trajectories of any colour can be seen on it
_CONFIG = {  # no button may send the data anywhere
    "displaylogo": False,
    "modeBarButtonsToRemove": ["sendChartToCloud", "sendDataToCloud"],
}


def energy_map_page(
    xy: np.ndarray,
    energy: np.ndarray,
    *,
    minima: np.ndarray,
    basins: np.ndarray | None = None,
    ids: np.ndarray | None = None,
    title: str = "",
) -> str:
    """The map coloured by an energy; pointing at a row tells its id, energy and basin. See `energy_map_figure`.

    Above 20,000 points a fixed random subset is drawn, minima always, and the title says so.

    Args:
        xy: coordinates (n, 2).
        energy: (n,).
        minima: row numbers, most prominent first.
        basins: (n,) number of the minimum of each row, or None.
        ids: (n,) names of the rows; row numbers if not given.
        title: heading.

    Returns:
        One HTML page of about 5 MB, plotly's code inside.

    Raises:
        ShapeError: if the arrays do not have one row per point.
        SpecError: if plotly is not installed.
    """
    graphs = _graphs("energy_map_page")
    xy, energy, minima = np.asarray(xy, float), np.asarray(energy, float), np.asarray(minima)
    names = np.arange(len(xy)) if ids is None else np.asarray(ids)
    groups = np.full(len(xy), -1) if basins is None else np.asarray(basins)
    for name, column in {"energy": energy, "basin": groups, "id": names}.items():
        if column.shape != (len(xy),):
            raise ShapeError(f"energy_map_page wants one {name} per point; got shape {column.shape}. Match the rows.")
    shown = np.sort(np.random.default_rng(0).permutation(len(xy))[:_MOST_POINTS])
    about = [f"{html.escape(str(names[row]))}<br>energy {energy[row]:.4g}<br>basin {groups[row]}" for row in shown]
    rows = graphs.Scattergl(
        **_xy(xy[shown]),
        mode="markers",
        marker={
            "size": float(np.clip(3_000 / max(len(shown), 1), 2.5, 8)),
            "color": _rounded(energy[shown]),
            "colorscale": "Viridis",
            "colorbar": {"title": "energy"},
        },
        text=about,
        hoverinfo="text",
        showlegend=False,
    )
    marks = graphs.Scattergl(  # of one kind with the rows, or it would be drawn below them
        **_xy(xy[minima]),
        mode="markers+text",
        marker={"size": 19, "color": "white", "opacity": 1, "line": {"color": INK, "width": 1.5}},
        text=[str(number) for number in range(len(minima))],
        textposition="middle center",
        textfont={"size": 11, "color": INK},
        hovertext=[f"minimum {number}: {html.escape(str(names[row]))}" for number, row in enumerate(minima)],
        hoverinfo="text",
        showlegend=False,
    )
    figure = graphs.Figure([rows, marks])
    figure.update_yaxes(scaleanchor="x", visible=False)
    figure.update_xaxes(visible=False)
    less = f" ({len(shown):,} of {len(xy):,} points, at random)" if len(shown) < len(xy) else ""
    return _page(figure, title + less)


def surface_page(
    x: np.ndarray, y: np.ndarray, energy: np.ndarray, *, prototypes: np.ndarray | None = None, title: str = ""
) -> str:
    """The energy as a surface to be turned; arguments and errors as in `surface_figure`.

    Returns:
        One HTML page of about 5 MB, plotly's code inside.
    """
    graphs = _graphs("surface_page")
    x, y, energy = (np.asarray(values, float) for values in (x, y, energy))
    _require_grid("surface_page", x, y, energy)
    contours = {"z": {"show": True, "usecolormap": True, "project_z": True}}
    figure = graphs.Figure(
        graphs.Surface(
            x=_rounded(x), y=_rounded(y), z=_rounded(energy), colorscale="Viridis", contours=contours, opacity=0.92
        )
    )
    if prototypes is not None:
        places = np.asarray(prototypes, float)
        figure.add_trace(
            graphs.Scatter3d(
                **_xy(places),
                z=_rounded(height_at(x, y, energy, places)),
                mode="markers+text",
                marker={"size": 5, "color": CATEGORY_COLOURS[2]},
                text=[str(number) for number in range(len(places))],
                name="prototypes",
            )
        )
    figure.update_layout(scene={"xaxis_title": "z₁", "yaxis_title": "z₂", "zaxis_title": "energy"}, showlegend=False)
    return _page(figure, title)


def distance_page(
    distance: np.ndarray,
    curves: Mapping[str, np.ndarray],
    *,
    title: str = "",
    distance_name: str = "distance to the nearest prototype",
) -> str:
    """Energy against distance; a click on a name hides its curve. Arguments and errors as in `distance_figure`.

    Returns:
        One HTML page of about 5 MB, plotly's code inside.
    """
    graphs = _graphs("distance_page")
    if not curves or any(np.shape(values) != np.shape(distance) for values in curves.values()):
        raise ShapeError("distance_page wants one or more curves with one energy per distance. Match the arrays.")
    figure = graphs.Figure(
        [
            graphs.Scatter(
                x=_rounded(np.asarray(distance, float)),
                y=_rounded(np.asarray(values, float)),
                name=name,
                line={"color": CATEGORY_COLOURS[place % len(CATEGORY_COLOURS)], "width": 2.5},
            )
            for place, (name, values) in enumerate(curves.items())
        ]
    )
    figure.update_layout(xaxis_title=distance_name, yaxis_title="energy", hovermode="x unified")
    return _page(figure, title)


def descent_page(
    x: np.ndarray,
    y: np.ndarray,
    energy: np.ndarray,
    paths: np.ndarray,
    *,
    minima: np.ndarray | None = None,
    title: str = "",
) -> str:
    """Trajectories of descent on a contour map; arguments and errors as in `descent_figure`.

    Returns:
        One HTML page of about 5 MB, plotly's code inside.
    """
    graphs = _graphs("descent_page")
    x, y, energy, paths = (np.asarray(values, float) for values in (x, y, energy, paths))
    _require_grid("descent_page", x, y, energy)
    if paths.ndim != 3 or paths.shape[2] != 2 or not len(paths):
        raise ShapeError(f"descent_page wants paths (steps, n, 2); got shape {paths.shape}. Record every step.")
    grid = {"x": _rounded(x), "y": _rounded(y), "z": _rounded(energy)}
    figure = graphs.Figure(graphs.Contour(**grid, ncontours=24, colorscale=_GROUND, colorbar={"title": "energy"}))
    ends = same_end(paths[-1], within=0.01 * float(max(np.ptp(x), np.ptp(y))))
    for number in range(min(paths.shape[1], _MOST_PATHS)):
        colour = CATEGORY_COLOURS[ends[number] % len(CATEGORY_COLOURS)]
        figure.add_trace(
            graphs.Scatter(
                **_xy(paths[:, number]),
                mode="lines+markers",
                line={"color": colour, "width": 2},
                marker={"size": 3},
                name=f"start {number}",
                hovertemplate="step %{pointNumber}<extra>%{fullData.name}</extra>",
            )
        )
    if minima is not None:
        crosses = {"symbol": "x", "size": 12, "color": INK, "line": {"color": "white", "width": 1}}
        figure.add_trace(
            graphs.Scatter(**_xy(np.asarray(minima, float)), mode="markers", marker=crosses, name="minima")
        )
    figure.update_yaxes(scaleanchor="x", range=[y[0], y[-1]])
    figure.update_layout(showlegend=False)
    return _page(figure, title)


def _graphs(who: str) -> Any:
    require_extra("plotly", "interactive", who=who)
    import plotly.graph_objects as graphs

    return graphs


def _page(figure: Any, title: str) -> str:
    """One page without network: plotly's code stands in it."""
    import plotly.io

    figure.update_layout(
        title={"text": title, "x": 0.02},
        template="plotly_white",
        paper_bgcolor="white",
        font={"color": INK},
        height=_HEIGHT,
        margin={"l": 50, "r": 30, "t": 60, "b": 50},
        colorway=list(CATEGORY_COLOURS),
        hoverlabel={"bgcolor": "white", "bordercolor": MISSING},
    )
    figure.update_xaxes(showgrid=False, zeroline=False)
    page = plotly.io.to_html(figure, include_plotlyjs=True, full_html=True, config=_CONFIG)
    return page.replace("<head>", f"<head><title>{html.escape(title)}</title>", 1)


def _xy(points: np.ndarray) -> dict[str, list[float]]:
    return {"x": _rounded(points[:, 0]), "y": _rounded(points[:, 1])}


def _rounded(values: np.ndarray) -> list[Any]:
    """Six significant digits, which the eye does not tell apart and the page need not carry; NaN becomes a gap."""
    return [
        _rounded(each) if isinstance(each, np.ndarray) else float(f"{each:.{_DIGITS}g}") if np.isfinite(each) else None
        for each in values
    ]


def _require_grid(who: str, x: np.ndarray, y: np.ndarray, energy: np.ndarray) -> None:
    if x.ndim != 1 or y.ndim != 1 or energy.shape != (len(y), len(x)):
        raise ShapeError(f"{who} wants energy (up, across) over x and y; got {energy.shape}. Evaluate it on a grid.")
