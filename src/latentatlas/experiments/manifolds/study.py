"""Every set with every seed: a learned cover, charts on it, one chart of equal size, and no training at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from latentatlas.core import reproducible
from latentatlas.experiments.cells import Cells
from latentatlas.experiments.manifolds.figures import cover_figure
from latentatlas.experiments.manifolds.fitting import Budget, charted, single_chart, weights_of
from latentatlas.experiments.manifolds.judging import RECONSTRUCTION, TRANSITION, judged
from latentatlas.experiments.manifolds.sets import SETS, ManifoldSet
from latentatlas.experiments.maps.tables import MISSING, Target, figure, spread, table
from latentatlas.layout import INSIDE
from latentatlas.models import AtlasAutoencoder

__all__ = ["pictures", "run", "to_markdown"]

_SEEDS = (1, 2, 3, 4, 5)
_QUICK_ROWS, _QUICK = 400, Budget(steps=60, most=10, plain=10, width=24)
_OURS, _PLAIN, _UNTRAINED, _SHOWN = (
    "**ours**, learned cover",
    "one chart of equal size",
    "untrained",
    "given cover (shown)",
)
_SHOWN_ROWS = 500
_COLUMNS = (RECONSTRUCTION, "largest", TRANSITION, "charts in use", "rows in two charts", "pieces", "orientable")


def run(*, quick: bool, log: Callable[[str], None], cells: Cells | None = None) -> dict[str, Any]:
    """All figures by set and method, one entry a seed, and the rows of the picture."""
    cells = cells or Cells()
    seeds = _SEEDS[:1] if quick else _SEEDS
    budget = _QUICK if quick else Budget()
    sets: dict[str, dict[str, list[dict[str, Any]]]] = {}
    shown, truth = {}, {}
    for seed in seeds:
        for each in SETS:
            log(f"{each.title}, seed {seed}")
            part = cells.of(f"{each.title} {seed}", lambda e=each, s=seed: _part(e, budget, seed=s, quick=quick))
            truth[each.title] = part["truth"]
            shown.setdefault(each.title, part["shown"])
            for name, figures in part["figures"].items():
                sets.setdefault(each.title, {}).setdefault(name, []).append(figures)
    return {
        "quick": quick,
        "seeds": list(seeds),
        "budget": budget._asdict(),
        "truth": truth,
        "sets": sets,
        "shown": shown,
    }


def to_markdown(result: Mapping[str, Any]) -> str:
    """The page docs/results/manifolds.md."""
    budget = result["budget"]
    lines = [
        "Sets with declared truth, drawn twice: rows to learn from, and as many again that all figures are about. "
        f"Mean ± standard deviation over {len(result['seeds'])} seed(s), each with its own rows and weights.",
        "",
        "**Ours** is told the number of charts and their dimension, nothing else. Cells of the graph of neighbours get "
        f"soft borders, a router learns them in {budget['steps']} steps, then every chart decodes its rows by least "
        f"squares (L-BFGS, all rows at once; encoder and decoder have one hidden layer of "
        f"{budget['width']}). A row is inside a chart from a membership of {INSIDE:g}.",
        "",
        "- *reconstruction*: mean over charts of the mean distance between a row inside the chart and what the chart "
        "decodes of it; *largest* such distance.",
        "- *transition*: mean over pairs of charts of the mean distance between the coordinates that E_j ∘ D_i gives "
        "and those of E_j, over the rows inside both. A unit of coordinates counts as long as it is in the chart on "
        "average.",
        "- *charts in use*: likeliest chart of at least a tenth of an even share; *pieces*: connected parts of "
        "overlaps; *orientable*: how many of the seeds are called orientable.",
        "- *given cover*: as shown for atlasae, errors on its training rows, its charts made by hand from the known "
        "set. Its coordinates are in their own unit. Its projective plane is of 10 × 10 pixels with a line, rows of "
        "norm 1; ours is the Veronese surface, rows of norm 1. Its three-torus has 12,000 rows.",
        f"- *{_PLAIN}*: the same networks with one chart, as wide as gives the weights of ours, {budget['plain']} "
        f"rounds of least squares; *{_UNTRAINED}*: charts as seated on the learned cover, without least squares.",
    ]
    for each in SETS:
        methods = result["sets"][each.title]
        rows = {name: _row(figures) for name, figures in methods.items()}
        if each.shown is not None:
            rows[_SHOWN] = [figure(each.shown[0]), MISSING, figure(each.shown[1]), *[MISSING] * 4]
        truth = result["truth"][each.title]
        size = f"{truth['rows']:,} rows on {truth['features']} axes; {each.charts} charts of {truth['dimension']}, "
        size += f"{truth['weights']:,} weights, {each.rounds:,} rounds; "
        said = f"{'' if truth['orientable'] else 'not '}orientable."
        lines += ["", f"## {each.title[0].upper()}{each.title[1:]}", "", size + said, "", table(_COLUMNS, rows)]
    lines += ["", "Targets are for a full run." if result["quick"] else "Targets:", ""]
    lines += [] if result["quick"] else _verdicts(result)
    return "\n".join([*lines, "", "![Every set, coloured by its charts](manifolds.png)"])


def pictures(result: Mapping[str, Any]) -> dict[str, bytes]:
    """One PNG image."""
    from latentatlas.plots import png_bytes

    return {"manifolds": png_bytes(cover_figure(result["shown"]))}


def _part(each: ManifoldSet, budget: Budget, *, seed: int, quick: bool) -> dict[str, Any]:
    """Figures of every row of one table with one seed."""
    drawn = each.draw(_QUICK_ROWS if quick else each.rows, seed=seed)
    dim = drawn.truth.dimension
    assert dim is not None
    with reproducible(seed, threads=1):
        start, model = charted(drawn.train, dim, each.charts, budget, rounds=each.rounds, seed=seed)
        plain = single_chart(drawn.train, dim, weights_of(model), rounds=budget.plain)
    figures = {name: judged(one, drawn.test) for name, one in ((_OURS, model), (_PLAIN, plain), (_UNTRAINED, start))}
    truth = {
        "rows": len(drawn.train),
        "features": drawn.train.shape[1],
        "dimension": dim,
        "orientable": drawn.truth.orientable,
        "weights": weights_of(model),
    }
    return {"figures": figures, "truth": truth, "shown": _shown(model, drawn.test, figures[_OURS])}


@torch.no_grad()
def _shown(model: AtlasAutoencoder, x: Float[Tensor, "n features"], figures: Mapping[str, Any]) -> dict[str, Any]:
    """Some rows on three principal axes, their likeliest chart, and whether a second has them."""
    rows = x[:_SHOWN_ROWS]
    weights = model.encoder(rows).weights
    centred = (rows - x.mean(dim=0)) @ torch.linalg.svd(x - x.mean(dim=0), full_matrices=False).Vh[:3].T
    said = "orientable" if figures["orientable"] else "not orientable"
    return {
        "places": np.round(centred.numpy(), 3).tolist(),
        "chart": weights.argmax(dim=1).tolist(),
        "shared": ((weights >= INSIDE).sum(dim=1) > 1).tolist(),
        "say": f"{figures['charts']} charts, {figures['pieces']} overlaps: {said}",
    }


def _row(figures: list[dict[str, Any]]) -> list[str]:
    def over(name: str) -> str:
        return spread([each[name] for each in figures if name in each])

    verdicts = [each["orientable"] for each in figures if "orientable" in each]
    said = f"{sum(verdicts)} of {len(verdicts)}" if verdicts else MISSING
    cells = [over(name) for name in (RECONSTRUCTION, "largest", TRANSITION, "charts", "overlap", "pieces")]
    return [*cells, said]


def _verdicts(result: Mapping[str, Any]) -> list[str]:
    lines = []
    for each in SETS:
        ours = result["sets"][each.title][_OURS]
        for name, bound in zip((RECONSTRUCTION, TRANSITION), each.shown or (), strict=False):
            value = float(np.mean([figures[name] for figures in ours]))
            lines.append(Target(f"{each.title}, {name}", "≤", bound).verdict(value))
        truth = result["truth"][each.title]["orientable"]
        right = float(np.mean([figures["orientable"] == truth for figures in ours]))
        lines.append(Target(f"{each.title}, share of right verdicts", "≥", 1.0).verdict(right))
    return lines
