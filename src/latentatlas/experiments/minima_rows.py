"""Study `minima`, the honest table: every way to score rows, on data whose wells and cores are known."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, final

import numpy as np
from jaxtyping import Bool, Float, Int

from latentatlas.data.synthetic import Synthetic
from latentatlas.experiments.arrowspace_source import (
    basin_hopping,
    blended,
    generator_after_rows,
    lowest_tenth,
    min_max,
    plane_of,
    rayleigh,
    silverman_density,
    well_distance,
)
from latentatlas.graph import knn_graph
from latentatlas.landscape import energies, find_minima, fit_wells, rough_prominence, survey
from latentatlas.spectral import MixingField, StationaryField, diffusion_map

__all__ = ["BLENDS", "COLUMNS", "OURS", "SCORES", "Found", "Rows", "found_in", "judged", "rows_of", "steadiness"]

COLUMNS = (
    "clusters covered",
    "core precision@10%",
    "AUROC of the core",
    "purity",
    "balanced purity",
    "minima",
    "bootstrap Jaccard",
    "seconds",
)
OURS = "**ours**, wells fitted twice"
_COVERED = 0.05
_KERNEL_NEIGHBOURS = 32
_NEIGHBOURS = 15


@final
@dataclass(frozen=True, eq=False)
class Rows:
    """Rows to score; the last three fields are for the oracle, the one-cluster row and random numbers alone.

    Attributes:
        x: the rows.
        away: distance of each from the true centre of its cluster, in the plane it was drawn in.
        labels: its true cluster.
        rng: where a method draws.
    """

    x: Float[np.ndarray, "n features"]
    away: Float[np.ndarray, " n"]
    labels: Int[np.ndarray, " n"]
    rng: np.random.Generator

    @cached_property
    def plane(self) -> Float[np.ndarray, "n 2"]:
        """Two principal coordinates."""
        return plane_of(self.x.astype(np.float64))

    def resampled(self, rng: np.random.Generator) -> tuple[Rows, Int[np.ndarray, " kept"]]:
        """The distinct rows of a bootstrap sample (about 63 %), and which they are."""
        kept = np.unique(rng.integers(len(self.x), size=len(self.x)))
        return Rows(self.x[kept], self.away[kept], self.labels[kept], rng), kept


class Found(NamedTuple):
    """Scores in [0, 1], low at minima, the number of minima where the method counts them, and its seconds."""

    score: Float[np.ndarray, " n"]
    minima: int | None
    seconds: float


def rows_of(made: Synthetic, seed: int) -> Rows:
    """What methods may see of three Gaussians."""
    truth = made.truth
    assert truth.labels is not None
    assert truth.parameters is not None
    centres = np.array([[-2.0, 0.0], [2.0, 0.5], [0.0, 2.5]])
    away = np.linalg.norm(truth.parameters - centres[truth.labels], axis=1)
    return Rows(made.table.x, away, truth.labels, generator_after_rows(seed))


def found_in(rows: Rows) -> dict[str, Found]:
    """Every score and every blend with λ."""
    found = {name: _timed(score, rows) for name, score in SCORES.items()}
    for name, (first, second) in BLENDS.items():
        started = time.perf_counter()
        score = blended(found[first].score, found[second].score)
        seconds = time.perf_counter() - started + found[first].seconds + found[second].seconds
        found[name] = Found(score, None, seconds)
    return found


def judged(found: Mapping[str, Found], rows: Rows, core: Bool[np.ndarray, " n"]) -> dict[str, dict[str, float]]:
    """The columns of the table, but for the bootstrap.

    Chosen is the lowest tenth. A cluster is covered if 5 % of the chosen lie in it; purity is the share of the largest
    cluster among them, balanced purity Σ min(share among the chosen, share among all): 1 for an even choice, ⅓ for one
    of three clusters.
    """
    from sklearn.metrics import roc_auc_score

    graph = knn_graph(rows.x, _NEIGHBOURS).indices
    usual = np.bincount(rows.labels) / len(rows.labels)
    figures = {}
    for name, (score, minima, seconds) in found.items():
        chosen = lowest_tenth(score)
        share = np.bincount(rows.labels[chosen], minlength=len(usual)) / chosen.sum()
        figures[name] = {
            "clusters covered": float((share >= _COVERED).sum()),
            "core precision@10%": float(core[chosen].mean()),
            "AUROC of the core": float(roc_auc_score(core, -score)),
            "purity": float(share.max()),
            "balanced purity": float(np.minimum(share, usual).sum()),
            "minima": float(_prominent(score, graph) if minima is None else minima),
            "seconds": seconds,
        }
    return figures


def steadiness(found: Mapping[str, Found], rows: Rows, rng: np.random.Generator) -> dict[str, float]:
    """Jaccard index of the lowest tenths of a bootstrap sample: scored anew, and by the scores of all rows."""
    sample, kept = rows.resampled(rng)
    overlap = {}
    for name, again in found_in(sample).items():
        before, after = lowest_tenth(found[name].score[kept]), lowest_tenth(again.score)
        overlap[name] = float((before & after).sum() / (before | after).sum())
    return overlap


def _timed(score: Callable[[Rows], tuple[Any, int | None]], rows: Rows) -> Found:
    started = time.perf_counter()
    values, minima = score(Rows(rows.x, rows.away, rows.labels, rows.rng))  # no shared cache: each pays for itself
    return Found(min_max(np.asarray(values, np.float64)), minima, time.perf_counter() - started)


def _prominent(score: np.ndarray, graph: np.ndarray) -> int:
    return len(find_minima(score, graph).merged(prominence=rough_prominence(score, graph)).minima)


def _oracle(rows: Rows) -> tuple[Any, None]:
    return rows.away, None


def _random(rows: Rows) -> tuple[Any, None]:
    return np.random.default_rng(len(rows.x)).random(len(rows.x)), None


def _one_cluster(rows: Rows) -> tuple[Any, None]:
    return np.linalg.norm(rows.plane - rows.plane[rows.labels == 0].mean(axis=0), axis=1), None


def _mean_shift(rows: Rows) -> tuple[Any, int]:
    from sklearn.cluster import MeanShift, estimate_bandwidth

    width = estimate_bandwidth(rows.plane, random_state=0)
    modes = MeanShift(bandwidth=width, bin_seeding=True).fit(rows.plane).cluster_centers_
    return well_distance(rows.plane, modes), len(modes)


def _density(rows: Rows) -> tuple[Any, None]:
    return -silverman_density(rows.plane), None


def _hopping(rows: Rows) -> tuple[Any, int]:
    wells = basin_hopping(rows.plane, rows.rng)
    return well_distance(rows.plane, wells), len(wells)


def _rayleigh(rows: Rows) -> tuple[Any, None]:
    return rayleigh(rows.x.astype(np.float64)), None


def _centrality(rows: Rows) -> tuple[Any, None]:
    fitted = diffusion_map(rows.x, coordinates=2)
    return np.sqrt(energies(MixingField(fitted), rows.x.astype(np.float64))), None


def _stationary(rows: Rows) -> tuple[Any, None]:
    fitted = diffusion_map(rows.x, coordinates=1, neighbours=_KERNEL_NEIGHBOURS)
    return energies(StationaryField(fitted), rows.x.astype(np.float64)), None


def _labels_known(rows: Rows) -> tuple[Any, None]:
    return _levels(rows, rows.labels), None


def _ours_density(rows: Rows) -> tuple[Any, int]:
    found = survey(rows.x)
    return found.levels, len(found.minima)


def _ours_once(rows: Rows) -> tuple[Any, int]:
    found = survey(rows.x)
    return _levels(rows, found.basins), len(found.minima)


def _ours(rows: Rows) -> tuple[Any, int]:
    found = survey(rows.x)
    again = survey(rows.x, field=fit_wells(rows.x, found.basins)).merged(count=len(found.minima))
    return _levels(rows, again.basins), len(found.minima)


def _levels(rows: Rows, basins: np.ndarray) -> np.ndarray:
    """Rank of each row in its basin by the energy of Gaussian wells around the basins."""
    energy = energies(fit_wells(rows.x, basins), rows.x.astype(np.float64))
    levels = np.empty(len(energy))
    for basin in range(basins.max() + 1):
        members = np.flatnonzero(basins == basin)
        levels[members[np.argsort(energy[members])]] = np.arange(len(members)) / len(members)
    return levels


SCORES: Mapping[str, Callable[[Rows], tuple[Any, int | None]]] = {
    "oracle: distance from the true centre": _oracle,
    "labels known, centres estimated": _labels_known,
    "random numbers": _random,
    "one cluster": _one_cluster,
    "mean-shift": _mean_shift,
    "KDE, dense = low": _density,
    "BH": _hopping,
    "AS": _rayleigh,
    "Diff, central = low": _centrality,
    "Diff, stationary = low": _stationary,
    "ours, density of the rows": _ours_density,
    "ours, wells around its basins": _ours_once,
    OURS: _ours,
}
"""Name and function of each score."""

BLENDS = {
    "mean-shift + AS": ("mean-shift", "AS"),
    "KDE + AS": ("KDE, dense = low", "AS"),
    "BH + AS": ("BH", "AS"),
    "Diff + AS": ("Diff, stationary = low", "AS"),
    "ours + AS": (OURS, "AS"),
}
"""Equal parts of two scores."""
