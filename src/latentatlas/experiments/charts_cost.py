"""Study `charts-cost`: what charts in an atlas give and take, beside a network without, trained on the same edges."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from latentatlas.estimator import Atlas, ChartSettings
from latentatlas.experiments.cells import Cells
from latentatlas.experiments.maps.tables import spread, table
from latentatlas.metrics import ExplainedVariance, Trustworthiness

__all__ = ["run", "to_markdown"]

_SEEDS = (0, 1, 2)
_STEPS, _QUICK_STEPS = 400, 5
_ROWS, _QUICK_ROWS = 2_000, 200
_TRUST = "trust, k = 15"
_COLUMNS = ("by the row's chart", "from the latent", _TRUST)


@final
@dataclass(frozen=True)
class _Fit:
    """Rows, axes of the latent, charts or none, and whether the rows lie on a surface that can be oriented, if any."""

    rows: str
    dim: int
    charts: ChartSettings | None
    orientable: bool | None = None


_FITS = {
    "sphere, 2 axes": _Fit("sphere", 2, None),
    "sphere, 2 axes, 4 charts": _Fit("sphere", 2, ChartSettings(4, codes=None), orientable=True),
    "sphere, 3 axes, 4 charts of 2": _Fit("sphere", 3, ChartSettings(4, codes=None, dim=2), orientable=True),
    "Möbius band, 2 axes": _Fit("band", 2, None),
    "Möbius band, 2 axes, 4 charts": _Fit("band", 2, ChartSettings(4, codes=None), orientable=False),
    "digits, 2 axes": _Fit("digits", 2, None),
    "digits, 2 axes, 10 charts": _Fit("digits", 2, ChartSettings(10)),
}


def run(*, quick: bool, log: Callable[[str], None], cells: Cells | None = None) -> dict[str, Any]:
    """Every fit with every seed."""
    cells = cells or Cells()
    seeds = _SEEDS[:1] if quick else _SEEDS
    found: dict[str, list[dict[str, float]]] = {}
    for seed in seeds:
        for title, fit in _FITS.items():
            log(f"seed {seed}: {title}")
            found.setdefault(title, []).append(
                cells.of(f"{title} {seed}", lambda f=fit, s=seed: _figures(f, seed=s, quick=quick))
            )
    return {
        "quick": quick,
        "seeds": list(seeds),
        "steps": _QUICK_STEPS if quick else _STEPS,
        "rows": _QUICK_ROWS if quick else _ROWS,
        "figures": found,
    }


def to_markdown(result: Mapping[str, Any]) -> str:
    """The page docs/results/charts_cost.md."""
    rows = {title: _row(title, seeds) for title, seeds in result["figures"].items()}
    rows_drawn, seeds = result["rows"], len(result["seeds"])
    lines = [
        f"`Atlas(dim=..., charts=..., steps={result['steps']})`, and without charts `neighbour_term=1.0`, which is "
        f"trained on the same edges. {rows_drawn:,} drawn rows of a sphere and of a Möbius band, at most 1,300 digits; "
        f"all figures on rows that no fit saw: {rows_drawn // 2:,} drawn ones, 497 digits. Mean ± standard deviation "
        f"over {seeds} seed(s).",
        "",
        "- *by the row's chart*, *from the latent*: share of the variance that is decoded, from the coordinates in the "
        "likeliest chart (`decode_chart`), or from the common frame (`inverse_transform`).",
        "- *verdict*: in how many seeds `measure` says rightly whether the surface can be oriented, and in how many it "
        "leaves that open, since some overlap is unclear.",
        "",
        table((*_COLUMNS, "verdict"), rows),
    ]
    return "\n".join(lines)


def _row(title: str, seeds: list[dict[str, float]]) -> list[str]:
    cells = [spread([each[name] for each in seeds]) if name in seeds[0] else "–" for name in _COLUMNS]
    truth = _FITS[title].orientable
    if truth is None:
        return [*cells, "–"]
    said = [each.get("charts.orientable") for each in seeds]
    right, none = said.count(float(truth)), said.count(None)
    return [*cells, f"{right} of {len(seeds)}" + (f", {none} left open" if none else "")]


def _figures(fit: _Fit, *, seed: int, quick: bool) -> dict[str, float]:
    train, new = _rows_of(fit.rows, seed=seed, quick=quick)
    steps = _QUICK_STEPS if quick else _STEPS
    edges = 1.0 if fit.charts is None else "auto"
    atlas = Atlas(dim=fit.dim, charts=fit.charts, neighbour_term=edges, steps=steps, random_state=seed, threads=1).fit(
        train
    )
    z = atlas.transform(new)
    figures = {
        "from the latent": ExplainedVariance()(new, atlas.inverse_transform(z)),
        _TRUST: Trustworthiness(15)(new, z),
    }
    if fit.charts is None:
        return figures
    at = atlas.chart_coordinates(new)
    decoded = np.empty_like(new)
    for chart in np.unique(at.chart):
        decoded[at.chart == chart] = atlas.decode_chart(at.own[at.chart == chart], int(chart))
    measured = atlas.measure(rows=500)
    verdict = {name: measured[name] for name in ("charts.orientable",) if name in measured}
    return figures | {"by the row's chart": ExplainedVariance()(new, decoded)} | verdict


def _rows_of(name: str, *, seed: int, quick: bool) -> tuple[np.ndarray, np.ndarray]:
    """Rows to fit, and others."""
    from latentatlas.data import read_table, synthetic

    count = _QUICK_ROWS if quick else _ROWS
    if name == "digits":
        rows = np.random.default_rng(seed).permutation(read_table("digits").x)
        return rows[: count if quick else 1_300], rows[1_300:]
    rows = (synthetic.sphere if name == "sphere" else synthetic.mobius_band)(count + count // 2, seed=seed).table.x
    return rows[:count], rows[count:]
