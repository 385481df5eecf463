"""Ball and flat space at two, five and ten axes, with honest rows, and how like a tree data are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from latentatlas.experiments.cells import Cells
from latentatlas.experiments.hierarchy.embedding import Embedded, Protocol, embed, matrix_of
from latentatlas.experiments.hierarchy.figures import disc_figure
from latentatlas.experiments.hierarchy.measuring import MEASURED, judged, likeness, mammals, principal_axes
from latentatlas.experiments.maps.tables import Target, figure, spread, table
from latentatlas.geometry import Euclidean, Geometry, PoincareBall

__all__ = ["pictures", "run", "to_markdown"]

_SEEDS = (0, 1, 2)
_CHOOSING = 1_000  # seed of the fits by which rates are chosen; they are in no table
_DIMS = (2, 5, 10)
_RATES = (0.01, 0.02, 0.05)
_BALL, _FLAT = "**ours**, Poincaré ball", "Euclidean"
_SPACES: dict[str, Geometry] = {_BALL: PoincareBall(), _FLAT: Euclidean()}
_PRINCIPAL, _RANDOM = "principal axes of the ancestors", "random points"
_COLUMNS = ("MAP", "mean rank")
_TARGETS = (Target("MAP of the ball, 5 axes", "≥", 0.93),)


def run(*, quick: bool, log: Callable[[str], None], cells: Cells | None = None) -> dict[str, Any]:
    """Rates are chosen by the loss of a fit of its own; then every space, number of axes and seed."""
    cells = cells or Cells()
    protocol, seeds, links = Protocol.of(quick=quick), _SEEDS[:1] if quick else _SEEDS, mammals().links
    rates: dict[str, dict[str, float]] = {}
    for name in _SPACES:
        for rate in _RATES[1:2] if quick else _RATES:
            log(f"{name}, rate {rate:g}")
            loss = cells.of(f"rate {name} {rate:g}", lambda s=name, r=rate: _fit(s, 5, protocol, r, _CHOOSING).loss)
            rates.setdefault(name, {})[f"{rate:g}"] = loss
    best = {name: float(min(found, key=found.__getitem__)) for name, found in rates.items()}
    tables: dict[str, dict[str, dict[str, list[float]]]] = {}
    for dim in _DIMS:
        by_title = tables.setdefault(str(dim), {})
        for seed in seeds:
            for name in _SPACES:
                log(f"{name}, {dim} axes, seed {seed}")
                found = cells.of(
                    f"{name} {dim} {seed}", lambda s=name, d=dim, e=seed: _judged(s, d, protocol, best[s], e)
                )
                _put(by_title, name, found)
            _put(by_title, _RANDOM, judged(_random(len(links), dim, seed), links))
        _put(by_title, _PRINCIPAL, judged(matrix_of(principal_axes(links, dim), Euclidean()), links))
    points = cells.of("points", lambda: _points(protocol, best[_BALL]))
    log("likeness")
    return {
        "quick": quick,
        "seeds": list(seeds),
        "nodes": len(links),
        "links": int(links.sum()),
        "protocol": protocol._asdict(),
        "rates": rates,
        "axes": tables,
        "likeness": cells.of("likeness", lambda: likeness(quick=quick)),
        "points": points,
    }


def to_markdown(result: Mapping[str, Any]) -> str:
    """The page docs/results/hierarchy.md."""
    protocol = Protocol(**result["protocol"])
    epochs = protocol.steps * protocol.batch / result["links"]
    lines = [
        f"The {result['nodes']:,} synsets below *mammal* in WordNet and their {result['links']:,} pairs of node and "
        "ancestor, all of which are trained on: what is judged is whether a few axes can hold a hierarchy, not whether "
        f"new links are guessed. Loss, burn-in and random negatives as Nickel and Kiela have them: {protocol.steps:,} "
        f"steps of {protocol.batch} pairs ({epochs:.0f} passes), {protocol.burn} of them at a tenth of the rate, "
        f"{protocol.negatives} random nodes against each pair (theirs: 300 passes in steps of 10 pairs, 50 nodes). "
        f"`train.RiemannianAdam` in double precision for both spaces; mean ± standard deviation over "
        f"{len(result['seeds'])} seed(s).",
        "",
        "- *MAP*: are the ancestors of a node the nodes nearest to it? Mean average precision, strangers first where "
        "distances are equal (`metrics.LinkMAP`).",
        "- *mean rank* of an ancestor among all nodes that are none (`metrics.LinkRank`); 1 is best.",
        "",
        f"*{_PRINCIPAL.capitalize()}*: of rows that are 1 at the node and its ancestors, without any training; "
        f"*{_RANDOM}* are Gaussian.",
    ]
    for dim, by_title in result["axes"].items():
        rows = {title: [spread(values[column]) for column in _COLUMNS] for title, values in by_title.items()}
        lines += ["", f"## {dim} axes", "", table(_COLUMNS, rows)]
    lines += ["", "Rates were chosen by the loss with 5 axes on a seed that is in no table: " + _told(result["rates"])]
    lines += ["", "Targets are for a full run." if result["quick"] else "Targets:", ""]
    value = float(np.mean(result["axes"]["5"][_BALL]["MAP"]))
    lines += [] if result["quick"] else [target.verdict(value) for target in _TARGETS]
    lines += ["", "![The ball of two axes with the largest kinds of mammals named](hierarchy.png)"]
    lines += ["", "*Two axes, first seed. Lines go to the parent; colours are the six largest kinds below placental.*"]
    return "\n".join([*lines, "", *_likeness(result)])


def pictures(result: Mapping[str, Any]) -> dict[str, bytes]:
    """One PNG image."""
    from latentatlas.plots import png_bytes

    return {"hierarchy": png_bytes(disc_figure(np.array(result["points"]), mammals()))}


def _told(rates: Mapping[str, Mapping[str, float]]) -> str:
    return (
        "; ".join(
            f"{name.replace('*', '')}: " + ", ".join(f"{rate} → {figure(loss)}" for rate, loss in found.items())
            for name, found in rates.items()
        )
        + "."
    )


def _likeness(result: Mapping[str, Any]) -> list[str]:
    rows = {name: [figure(values[column]) for column in MEASURED] for name, values in result["likeness"].items()}
    return [
        "## Is there a tree?",
        "",
        "Measured on distances before a ball is recommended (`checks.advise_geometry`, up to 300 points of each). "
        "*δ*: 2δ/diameter of fours of points, 0 for a tree. *Tree*, *star*, *axes*: mean relative error of the "
        "distances in the best Gromov tree that was tried, in the best star, where no two points belong together, and "
        "in so many axes of classical scaling. A ball is worth trying where the error of the tree is clearly the "
        "smallest; where that of the star is no larger, distances are merely all alike.",
        "",
        table(MEASURED, rows),
    ]


def _put(by_title: dict[str, dict[str, list[float]]], title: str, found: Mapping[str, float]) -> None:
    for column, value in found.items():
        by_title.setdefault(title, {}).setdefault(column, []).append(value)


def _fit(name: str, dim: int, protocol: Protocol, rate: float, seed: int) -> Embedded:
    return embed(mammals().links, _SPACES[name], dim, protocol, rate=rate, seed=seed)


def _judged(name: str, dim: int, protocol: Protocol, rate: float, seed: int) -> dict[str, float]:
    return judged(matrix_of(_fit(name, dim, protocol, rate, seed).points, _SPACES[name]), mammals().links)


def _random(nodes: int, dim: int, seed: int) -> Float[np.ndarray, "n n"]:
    return matrix_of(np.random.default_rng(seed).normal(size=(nodes, dim)), Euclidean())


def _points(protocol: Protocol, rate: float) -> list[list[float]]:
    return np.round(_fit(_BALL, 2, protocol, rate, _SEEDS[0]).points, 4).tolist()
