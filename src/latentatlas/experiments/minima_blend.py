"""Study `minima`, where blending with the Rayleigh energy helps: every α on four data sets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from jaxtyping import Bool, Float, Int

from latentatlas.data import load_corpus, read_table
from latentatlas.data.synthetic import blobs, three_gaussians
from latentatlas.experiments.arrowspace_source import blended, min_max
from latentatlas.graph import knn_graph
from latentatlas.landscape import energies, find_minima, survey
from latentatlas.metrics import NormalizedMutualInfo
from latentatlas.spectral import StationaryField, diffusion_map, feature_laplacian

__all__ = ["ALPHAS", "CONTROL", "QUANTITIES", "SETS", "Case", "gains", "sweep"]

ALPHAS = tuple(np.linspace(0, 1, 11).round(1).tolist())
CONTROL = "control: density, a random direction"
QUANTITIES = ("AUROC of the core", "NMI of the basins")
_NEIGHBOURS = 15
_KERNEL_NEIGHBOURS = 32
_NEWS_ROWS = 4_000

Score: TypeAlias = Float[np.ndarray, " n"]


class Case(NamedTuple):
    """Rows whose clusters and cores are known."""

    x: Float[np.ndarray, "n features"]
    label: Int[np.ndarray, " n"]
    core: Bool[np.ndarray, " n"]


def sweep(cases: Iterator[Case], log: Callable[[str], None]) -> dict[str, dict[str, list[list[float]]]]:
    """Blend → quantity → one list per case, one figure per α: s = α · geometry + (1 − α) · λ, lowest first."""
    figures: dict[str, dict[str, list[list[float]]]] = {}
    for number, case in enumerate(cases):
        log(f"  sample {number + 1}: {len(case.x):,} rows")
        graph = knn_graph(case.x, _NEIGHBOURS).indices
        for blend, (geometry, roughness) in _ingredients(case.x, np.random.default_rng(number)).items():
            curves = [_judged(blended(geometry, roughness, alpha), case, graph) for alpha in ALPHAS]
            for quantity, curve in zip(QUANTITIES, zip(*curves, strict=True), strict=True):
                figures.setdefault(blend, {}).setdefault(quantity, []).append(list(curve))
    return figures


def gains(curves: list[list[float]]) -> tuple[float, float, float]:
    """Best inner α, mean and s.d. over samples of what it gains on the geometry alone (α = 1).

    α is chosen with the truth in view, so this is an upper bound on what blending can give.
    """
    runs = np.array(curves)
    best = int(runs[:, :-1].mean(axis=0).argmax())
    gain = runs[:, best] - runs[:, -1]
    return ALPHAS[best], float(gain.mean()), float(gain.std(ddof=1)) if len(gain) > 1 else 0.0


def _judged(score: Score, case: Case, graph: np.ndarray) -> tuple[float, float]:
    from sklearn.metrics import roc_auc_score

    basins = find_minima(score, graph).merged(count=int(case.label.max()) + 1).basins
    return float(roc_auc_score(case.core, -score)), NormalizedMutualInfo()(case.label, basins)


def _ingredients(x: np.ndarray, rng: np.random.Generator) -> dict[str, tuple[Score, Score]]:
    """Name of each blend, and its two scores in [0, 1].

    The control blends with a coordinate that knows nothing of the classes: what it gains, any second field gains.
    """
    density, diffusion = survey(x).energy, _diffusion(x)
    plain, centred = _roughness(x), _roughness(x - x.mean(axis=0))
    direction = x @ rng.standard_normal(x.shape[1])
    return {
        "density, λ": (min_max(density), min_max(plain)),
        "density, λ, both as ranks": (_ranks(density), _ranks(plain)),
        "density, λ of centred rows": (min_max(density), min_max(centred)),
        "diffusion, λ": (min_max(diffusion), min_max(plain)),
        CONTROL: (min_max(density), min_max(direction)),
    }


def _diffusion(x: np.ndarray) -> Score:
    """Stationary density of the walk on the nearest rows: with a kernel of all pairs it has a single well."""
    fitted = diffusion_map(x, coordinates=1, neighbours=_KERNEL_NEIGHBOURS)
    return energies(StationaryField(fitted), x.astype(np.float64))


def _roughness(x: np.ndarray) -> Score:
    """λ of each row; rows without one (zero rows) get the highest."""
    energy = feature_laplacian(x)(x).energy
    return np.where(np.isnan(energy), np.nanmax(energy), energy)


def _ranks(values: Score) -> Score:
    from scipy.stats import rankdata

    return (rankdata(values) - 1) / (len(values) - 1)


def _core(x: np.ndarray, label: np.ndarray, centres: np.ndarray) -> Bool[np.ndarray, " n"]:
    """The tenth of each cluster nearest to its centre."""
    away = np.linalg.norm(x - centres[label], axis=1)
    core = np.zeros(len(x), bool)
    for cluster in range(len(centres)):
        rows = np.flatnonzero(label == cluster)
        core[rows[np.argsort(away[rows])[: max(1, len(rows) // 10)]]] = True
    return core


def _gaussians(quick: bool) -> Iterator[Case]:
    for seed in range(42, 43 if quick else 52):
        made = three_gaussians(seed=seed)
        yield Case(made.table.x, made.truth.labels, made.truth.core)  # type: ignore[arg-type]


def _blobs(quick: bool) -> Iterator[Case]:
    for seed in range(1 if quick else 10):
        made = blobs(1200, seed=seed)
        label, centres = made.truth.labels, made.truth.centres
        assert label is not None
        assert centres is not None
        yield Case(made.table.x, label, _core(made.table.x, label, centres))


def _digits(quick: bool) -> Iterator[Case]:
    yield from _samples(read_table("digits"), rows=1400, count=1 if quick else 5)


def _news(quick: bool) -> Iterator[Case]:
    yield from _samples(load_corpus("ag_news"), rows=_NEWS_ROWS, count=0 if quick else 3)


def _samples(table: Any, *, rows: int, count: int) -> Iterator[Case]:
    """Random samples of labelled rows; centres are the means of the classes over all rows."""
    label = np.unique(table.label, return_inverse=True)[1]
    x = np.asarray(table.x, np.float64)
    centres = np.stack([x[label == each].mean(axis=0) for each in range(label.max() + 1)])
    for seed in range(count):
        chosen = np.sort(np.random.default_rng(seed).choice(len(x), rows, replace=False))
        yield Case(table.x[chosen], label[chosen], _core(x[chosen], label[chosen], centres))


SETS: Mapping[str, Callable[[bool], Iterator[Case]]] = {
    "three_gaussians": _gaussians,
    "blobs": _blobs,
    "digits": _digits,
    "ag_news": _news,
}
"""Data set → its samples."""
