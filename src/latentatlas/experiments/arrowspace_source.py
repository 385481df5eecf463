"""What the ArrowSpace notebook on local minima does, faults included: a part of the study `minima` alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias, final

import numpy as np
from jaxtyping import Bool, Float, Int

__all__ = [
    "CORRELATIONS",
    "FAULTS",
    "PUBLISHED",
    "Figures",
    "SourceScores",
    "basin_hopping",
    "blended",
    "corrected_diffusion",
    "generator_after_rows",
    "lowest_tenth",
    "min_max",
    "plane_of",
    "rayleigh",
    "silverman_density",
    "source_scores",
    "source_table",
    "well_distance",
]


class Figures(NamedTuple):
    """The three columns of the published table."""

    purity: float
    jaccard: float
    mean_lambda: float


PUBLISHED = {
    "AS": Figures(0.558, 1.000, 0.1081),
    "KDE": Figures(0.383, 0.026, 0.4573),
    "KDE+AS": Figures(0.500, 0.148, 0.1645),
    "Diff": Figures(0.383, 0.043, 0.4501),
    "Diff+AS": Figures(0.600, 0.311, 0.1674),
    "BH": Figures(0.525, 0.017, 0.5495),
    "BH+AS": Figures(1.000, 0.212, 0.1555),
}
"""The table as printed: purity and Jaccard index to 3 digits, mean λ to 4."""

CORRELATIONS = {"KDE": 0.0215, "Diff": 0.1944}
"""Published correlation of λ with two of the other scores: the whole evidence for "orthogonal signals"."""

FAULTS = (
    "The row KDE takes the tenth of LOWEST density for minima; its blend, KDE+AS, takes high density.",
    "40 steps of ascent on the density are computed for every row, and never used (left out here).",
    "The diffusion step hands the row-stochastic matrix, which is not symmetric, to a solver for symmetric ones, which "
    "reads one triangle: the largest eigenvalue comes out above 1.",
    "The diffusion kernel takes its width from the first 300 rows, which all lie in the first cluster, and from their "
    "distances to their mean, not from pairs.",
    "Distance from the mean diffusion coordinate is called distance to an attractor; it is low between clusters.",
    "All restarts of basin-hopping share one seed, so they draw the same jumps; with 14 starts two of three wells are "
    "found.",
    "Negative similarities of features stay in the graph, so λ need not be ≥ 0; λ is not centred, so it is mostly the "
    "direction of a row.",
    "Purity is the share of the largest cluster among the chosen rows: it is best when the other clusters are missed.",
    "The library that the notebook is about is never called for these figures; λ here is the notebook's own formula.",
)
"""What is wrong in the source's procedure, and kept here because the table depends on it."""

_CLOSE = 0.5
_STARTS, _SPREAD = 14, 0.6
_FIRST = 300
_TINY = 1e-9

Score: TypeAlias = Float[np.ndarray, " n"]


@final
@dataclass(frozen=True, eq=False)
class SourceScores:
    """One number in [0, 1] for each row and method, low at what the source takes for a minimum.

    Attributes:
        rayleigh: λ, min-max scaled.
        density: of a kernel estimate in the plane of two principal axes, min-max scaled; HIGH where rows are dense.
        diffusion: distance from the mean diffusion coordinate.
        hopping: distance from the nearest minimum that basin-hopping found in the plane.
        wells: those minima.
        largest_eigenvalue: of the diffusion step; 1 were it right.
    """

    rayleigh: Score
    density: Score
    diffusion: Score
    hopping: Score
    wells: Float[np.ndarray, "wells 2"]
    largest_eigenvalue: float

    def chosen(self) -> dict[str, Bool[np.ndarray, " n"]]:
        """The rows each method takes for minima, by the names of the published table."""
        sparse = 1 - self.density
        scores = {
            "AS": self.rayleigh,
            "KDE": self.density,  # the wrong way round, as published
            "KDE+AS": blended(sparse, self.rayleigh),
            "Diff": self.diffusion,
            "Diff+AS": blended(self.diffusion, self.rayleigh),
            "BH": self.hopping,
            "BH+AS": blended(self.hopping, self.rayleigh),
        }
        return {name: lowest_tenth(score) for name, score in scores.items()}

    def correlations(self) -> dict[str, float]:
        """Pearson's r of λ with each other score, low = minimum in both."""
        others = {"KDE": 1 - self.density, "Diff": self.diffusion, "BH": self.hopping}
        return {name: float(np.corrcoef(self.rayleigh, other)[0, 1]) for name, other in others.items()}


def source_scores(x: Float[np.ndarray, "n features"], rng: np.random.Generator) -> SourceScores:
    """All scores of the source.

    Args:
        x: rows.
        rng: draws the starts of basin-hopping; the source goes on with the generator that drew the rows
            (`generator_after_rows`).
    """
    x = x.astype(np.float64)
    plane = plane_of(x)
    diffusion, largest = _diffusion(x)
    wells = basin_hopping(plane, rng)
    return SourceScores(
        rayleigh=rayleigh(x),
        density=min_max(silverman_density(plane)),
        diffusion=diffusion,
        hopping=min_max(well_distance(plane, wells)),
        wells=wells,
        largest_eigenvalue=largest,
    )


def source_table(scores: SourceScores, labels: Int[np.ndarray, " n"]) -> dict[str, Figures]:
    """The source's table, rounded as it is printed."""
    chosen = scores.chosen()
    reference = chosen["AS"]
    return {
        name: Figures(
            round(float(np.bincount(labels[rows]).max() / rows.sum()), 3),
            round(float((rows & reference).sum() / (rows | reference).sum()), 3),
            round(float(scores.rayleigh[rows].mean()), 4),
        )
        for name, rows in chosen.items()
    }


def generator_after_rows(seed: int, *, rows: int = 1200, features: int = 32) -> np.random.Generator:
    """The generator as `three_gaussians` leaves it: the source draws the starts of basin-hopping next."""
    rng = np.random.default_rng(seed)
    rng.standard_normal(rows * 2 + 2 * features + rows * features)
    return rng


def lowest_tenth(score: Score) -> Bool[np.ndarray, " n"]:
    """Rows at or below the first decile."""
    return score <= np.quantile(score, 0.1)


def min_max(values: Score) -> Score:
    """Scaled to [0, 1]."""
    return (values - values.min()) / (values.max() - values.min() + _TINY)


def blended(geometric: Score, roughness: Score, alpha: float = 0.5) -> Score:
    """α · geometric + (1 − α) · λ."""
    return alpha * geometric + (1 - alpha) * roughness


def plane_of(x: Float[np.ndarray, "n features"]) -> Float[np.ndarray, "n 2"]:
    """The two first principal coordinates."""
    from sklearn.decomposition import PCA

    return PCA(2, random_state=42).fit_transform(x)


def silverman_density(plane: Float[np.ndarray, "n 2"]) -> Score:
    """Gaussian kernel density of the rows themselves, Silverman's width."""
    from scipy.stats import gaussian_kde

    return gaussian_kde(plane.T, bw_method="silverman")(plane.T)


def well_distance(plane: Float[np.ndarray, "n 2"], wells: Float[np.ndarray, "wells 2"]) -> Score:
    """Distance from the nearest well."""
    return np.linalg.norm(plane[:, None] - wells[None], axis=2).min(axis=1)


def rayleigh(x: Float[np.ndarray, "n features"]) -> Score:
    """xᵀLx / xᵀx with negative similarities kept and 8 features each, 0 for rows shorter than 1e-9; min-max scaled."""
    columns = x.T / np.linalg.norm(x, axis=0)[:, None]
    alike = columns @ columns.T
    weights = np.zeros_like(alike)
    for row, nearest in enumerate(np.argsort(-alike, axis=1)[:, 1:9]):
        weights[row, nearest] = alike[row, nearest]
    weights = np.maximum(weights, weights.T)
    laplacian = np.diag(weights.sum(axis=1)) - weights
    squared = np.square(x).sum(axis=1)
    energy = ((x @ laplacian) * x).sum(axis=1)
    return min_max(np.where(squared > _TINY, energy / np.maximum(squared, _TINY), 0.0))


def corrected_diffusion(x: Float[np.ndarray, "n features"]) -> Score:
    """The diffusion score with the source's width, solved as the symmetric problem it is."""
    from scipy.linalg import eigh

    kernel = _kernel(x.astype(np.float64))
    root = np.sqrt(kernel.sum(axis=1))
    values, vectors = eigh(kernel / root[:, None] / root, subset_by_index=[len(x) - 3, len(x) - 2])
    return _from_centroid(vectors / root[:, None] * values)


def _diffusion(x: Float[np.ndarray, "n features"]) -> tuple[Score, float]:
    from scipy.linalg import eigh

    kernel = _kernel(x)
    walk = kernel / kernel.sum(axis=1, keepdims=True)
    values, vectors = eigh(walk, subset_by_index=[len(x) - 3, len(x) - 1])  # sees the lower triangle only
    return _from_centroid(vectors[:, :2] * values[:2]), float(values[2])


def _kernel(x: Float[np.ndarray, "n features"]) -> Float[np.ndarray, "n n"]:
    from scipy.spatial.distance import pdist, squareform

    first = x[:_FIRST]
    width = np.median(np.square(first - first.mean(axis=0)).sum(axis=1))
    return np.exp(-squareform(pdist(x, "sqeuclidean")) / (2 * width))


def _from_centroid(places: Float[np.ndarray, "n 2"]) -> Score:
    return min_max(np.linalg.norm(places - places.mean(axis=0), axis=1))


def basin_hopping(plane: Float[np.ndarray, "n 2"], rng: np.random.Generator) -> Float[np.ndarray, "wells 2"]:
    """Minima of −log density from 14 starts around the mean, joined where they are nearer than ½."""
    from scipy.optimize import basinhopping
    from sklearn.cluster import AgglomerativeClustering

    energy = _minus_log_density(plane)
    local = {"method": "Nelder-Mead", "options": {"xatol": 1e-3, "fatol": 1e-3, "maxiter": 300}}
    starts = [plane.mean(axis=0) + _SPREAD * rng.standard_normal(2) for _ in range(_STARTS)]
    found = [
        basinhopping(energy, start, niter=60, T=1.2, stepsize=0.6, minimizer_kwargs=local, seed=42).x
        for start in starts
    ]
    ends = np.array(found)
    group = AgglomerativeClustering(None, distance_threshold=_CLOSE, linkage="single").fit(ends).labels_
    return np.array([ends[group == each].mean(axis=0) for each in np.unique(group)])


def _minus_log_density(plane: Float[np.ndarray, "n 2"]) -> Callable[[np.ndarray], float]:
    """−log of the kernel density at one point: the numbers of `gaussian_kde`, several times as fast."""
    from scipy.stats import gaussian_kde

    density = gaussian_kde(plane.T, bw_method="silverman")
    whiten = np.linalg.cholesky(density.inv_cov)
    u, v = np.ascontiguousarray((plane @ whiten).T)
    norm = len(plane) * np.sqrt(np.linalg.det(2 * np.pi * density.covariance))

    def energy(place: np.ndarray) -> float:
        a, b = place @ whiten
        return float(-np.log(np.exp(-0.5 * (np.square(u - a) + np.square(v - b))).sum() / norm + 1e-20))

    return energy
