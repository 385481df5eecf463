"""Are batches mixed, and are labels kept? The scores that single-cell benchmarks compare integrations by."""

from __future__ import annotations

import math
from typing import ClassVar, Literal, final

import numpy as np
from jaxtyping import Float, Int

from latentatlas.core import ShapeError, SpecError
from latentatlas.graph import knn_graph
from latentatlas.metrics.base import Metric, codes, finite_rows
from latentatlas.metrics.clustering import NormalizedMutualInfo

__all__ = [
    "ConservedLabels",
    "GraphConnectivity",
    "LabelLISI",
    "MixingAcceptance",
    "MixingLISI",
    "inverse_simpson",
]

_TOLERANCE = 1e-5
_HALVINGS = 50


@final
class MixingLISI(Metric):
    """iLISI, how many batches a row's neighbourhood holds, scaled to [0, 1]: 0 one batch only, 1 all in equal parts.

    (median LISI − 1)/(batches − 1), with LISI the inverse Simpson index (`inverse_simpson`). With unequal batches, or
    labels of different batches, 1 cannot be reached. Equal to `scib_metrics.ilisi_knn`. Cost that of the neighbours
    and O(n k).

    Args:
        k: neighbourhood, the row itself counted; the effective number of neighbours is a third of it.

    >>> z = np.arange(60.0)[:, None]
    >>> MixingLISI(30)(z, np.arange(60) % 2) > 0.8, MixingLISI(9)(z, np.arange(60) // 30)
    (True, 0.0)

    References:
        Korsunsky et al., Fast, sensitive and accurate integration of single-cell data with Harmony, Nature Methods
        2019. Luecken et al., Benchmarking atlas-level data integration in single-cell genomics, Nature Methods 2022.
    """

    lower: ClassVar[float] = 0.0
    upper: ClassVar[float] = 1.0
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def __init__(self, k: int = 90):
        self.k = _neighbourhood("MixingLISI", k)

    def __call__(self, z: np.ndarray, nuisance: np.ndarray) -> float:
        """The scaled median; 1 where there is one batch alone."""
        rows, batch = _rows("MixingLISI", z, nuisance=nuisance)
        count = int(batch.max()) + 1
        return 1.0 if count == 1 else (float(np.median(inverse_simpson(rows, batch, k=self.k))) - 1) / (count - 1)


@final
class LabelLISI(Metric):
    """cLISI, how few labels a row's neighbourhood holds, scaled to [0, 1]: 1 its own label only, 0 all in equal parts.

    (labels − median LISI)/(labels − 1). Equal to `scib_metrics.clisi_knn`. Cost as of `MixingLISI`.

    Args:
        k: neighbourhood, the row itself counted.

    >>> LabelLISI(9)(np.arange(40.0)[:, None], np.arange(40) // 20)
    1.0

    References:
        As of `MixingLISI`.
    """

    lower: ClassVar[float] = 0.0
    upper: ClassVar[float] = 1.0
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def __init__(self, k: int = 90):
        self.k = _neighbourhood("LabelLISI", k)

    def __call__(self, z: np.ndarray, label: np.ndarray) -> float:
        """The scaled median; 1 where there is one label alone."""
        rows, code = _rows("LabelLISI", z, label=label)
        count = int(code.max()) + 1
        return 1.0 if count == 1 else (count - float(np.median(inverse_simpson(rows, code, k=self.k)))) / (count - 1)


@final
class MixingAcceptance(Metric):
    """kBET, the share of rows whose neighbourhood has batches in the proportions of the whole, in [0, 1].

    For each row χ² = Σ_b (count_b − k f_b)²/(k f_b) over its k nearest rows, itself among them; accepted where the
    χ² distribution with batches − 1 degrees of freedom gives p ≥ α. Well mixed rows reach about 1 − α. The measure is
    strict: slight and harmless differences of density are rejected with a large k. Equal to `scib_metrics.kbet`; the
    original R package examines a tenth of the rows, and scib labels one by one. Cost that of the neighbours.

    Args:
        k: neighbourhood, the row itself counted.
        alpha: level of each test.

    >>> z = np.repeat(np.arange(30.0), 2)[:, None]
    >>> MixingAcceptance(10)(z, np.arange(60) % 2), MixingAcceptance(10)(z, np.arange(60) // 30) < 0.2
    (1.0, True)

    References:
        Büttner et al., A test metric for assessing single-cell RNA-seq batch correction, Nature Methods 2019.
    """

    lower: ClassVar[float] = 0.0
    upper: ClassVar[float] = 1.0
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def __init__(self, k: int = 50, *, alpha: float = 0.05):
        self.k = _neighbourhood("MixingAcceptance", k)
        if not 0 < alpha < 1:
            raise SpecError(f"MixingAcceptance wants alpha between 0 and 1; got {alpha}. .05 is usual.")
        self.alpha = alpha

    def __call__(self, z: np.ndarray, nuisance: np.ndarray) -> float:
        """The share of accepted rows; 1 where there is one batch alone."""
        from scipy.stats import chi2

        rows, batch = _rows("MixingAcceptance", z, nuisance=nuisance)
        count = int(batch.max()) + 1
        if count == 1:
            return 1.0
        near = np.column_stack([batch, batch[_neighbours(rows, self.k)[0]]])
        expected = np.bincount(batch) / len(batch) * near.shape[1]
        seen = np.stack([(near == number).sum(axis=1) for number in range(count)], axis=1)
        statistic = ((seen - expected) ** 2 / expected).sum(axis=1)
        return float((chi2.sf(statistic, count - 1) >= self.alpha).mean())


@final
class GraphConnectivity(Metric):
    """Is each label in one piece? The mean over labels of the share of its rows in its largest component, in (0, 1].

    Components are strongly connected ones of the graph that leads from each row to its k nearest rows, with the rows of
    the label alone. An integration that left batches apart tears labels into one piece per batch. Equal to
    `scib_metrics.graph_connectivity`. Cost that of the neighbours.

    Args:
        k: neighbourhood, the row itself counted.

    >>> z = np.array([0.0, 0.1, 0.2, 9.0, 9.1, 9.2])[:, None]
    >>> GraphConnectivity(3)(z, np.array(["a"] * 3 + ["b"] * 3)), GraphConnectivity(3)(z, np.array(["a"] * 6))
    (1.0, 0.5)

    References:
        Luecken et al., Benchmarking atlas-level data integration in single-cell genomics, Nature Methods 2022.
    """

    lower: ClassVar[float] = 0.0
    upper: ClassVar[float] = 1.0
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def __init__(self, k: int = 15):
        self.k = _neighbourhood("GraphConnectivity", k)

    def __call__(self, z: np.ndarray, label: np.ndarray) -> float:
        """The mean share."""
        import scipy.sparse as sp
        from scipy.sparse.csgraph import connected_components

        rows, code = _rows("GraphConnectivity", z, label=label)
        near, _ = _neighbours(rows, self.k)
        tails = np.repeat(np.arange(len(rows)), near.shape[1])
        graph = sp.csr_matrix((np.ones(near.size), (tails, near.ravel())), shape=(len(rows), len(rows)))
        shares = []
        for number in range(int(code.max()) + 1):
            own = np.flatnonzero(code == number)
            pieces = connected_components(graph[own][:, own], connection="strong")[1]
            shares.append(np.bincount(pieces).max() / len(own))
        return float(np.mean(shares))


@final
class ConservedLabels(Metric):
    """Do groups found in the embedding agree with the labels? k-means with as many groups as labels, then an agreement.

    With `NormalizedMutualInfo()` (default) or `AdjustedRand()` these are NMI and ARI cluster conservation, equal to
    `scib_metrics.nmi_ari_cluster_labels_kmeans` where k-means finds the same groups. k-means, the best of ten starts,
    likes round groups of equal size. O(n · labels · dim) per pass.

    Args:
        agreement: of label and group; None is `NormalizedMutualInfo()`.
        seed: of the starts.

    >>> z = np.array([0.0, 0.1, 9.0, 9.1])[:, None]
    >>> ConservedLabels()(z, np.array(["a", "a", "b", "b"]))
    1.0
    """

    lower: ClassVar[float] = -0.5
    upper: ClassVar[float] = 1.0
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def __init__(self, agreement: Metric | None = None, *, seed: int = 0):
        self.agreement = NormalizedMutualInfo() if agreement is None else agreement
        self.seed = seed

    def __call__(self, z: np.ndarray, label: np.ndarray) -> float:
        """The agreement."""
        from sklearn.cluster import KMeans

        rows, code = _rows("ConservedLabels", z, label=label)
        groups = KMeans(int(code.max()) + 1, n_init=10, random_state=self.seed).fit_predict(rows)
        return self.agreement(code, groups)


def inverse_simpson(
    z: Float[np.ndarray, "n dim"], code: Int[np.ndarray, " n"], *, k: int = 90
) -> Float[np.ndarray, " n"]:
    """LISI: the effective number of categories among the k − 1 nearest rows of each, in [1, categories].

    1/Σ_c p_c², p_c the weight of category c among the neighbours; weights e^(−β d) sum to 1, with β such that their
    perplexity is ⌊k/3⌋, found by bisection. O(n k).

    References:
        As of `MixingLISI`.
    """
    near, distances = _neighbours(z, k)
    weights = _with_perplexity(distances, max(1, k // 3))
    sums = np.stack([np.where(code[near] == c, weights, 0).sum(axis=1) for c in range(int(code.max()) + 1)], axis=1)
    return np.clip(1 / (sums**2).sum(axis=1), 1, sums.shape[1])


def _with_perplexity(distances: Float[np.ndarray, "n k"], perplexity: float) -> Float[np.ndarray, "n k"]:
    """Weights e^(−β d) of sum 1 whose entropy is log(perplexity), as nearly as a β in (2^−50, 2^50) makes it."""
    shifted = distances - distances[:, :1]  # the same weights, without underflow
    beta, low, high = np.ones(len(shifted)), np.zeros(len(shifted)), np.full(len(shifted), np.inf)
    for _ in range(_HALVINGS):
        weights = np.exp(-shifted * beta[:, None])
        total = weights.sum(axis=1)
        gap = np.log(total) + beta * (shifted * weights).sum(axis=1) / total - math.log(perplexity)
        if (np.abs(gap) < _TOLERANCE).all():
            break
        wide, open_ended = gap > 0, np.isinf(high)
        done = np.abs(gap) < _TOLERANCE
        low = np.where(wide & ~done, beta, low)
        high = np.where(~wide & ~done, beta, high)
        middle = np.where(wide & open_ended, 2 * beta, np.where(np.isinf(high), 2 * beta, (low + high) / 2))
        beta = np.where(done, beta, middle)
    weights = np.exp(-shifted * beta[:, None])
    return weights / weights.sum(axis=1, keepdims=True)


def _neighbourhood(who: str, k: int) -> int:
    if k < 2:
        raise SpecError(f"{who} wants k of at least 2, the row itself and a neighbour; got {k}. Raise it.")
    return k


def _rows(who: str, z: np.ndarray, **named: np.ndarray) -> tuple[Float[np.ndarray, "n dim"], Int[np.ndarray, " n"]]:
    """Finite rows, and one column of codes."""
    ((name, values),) = named.items()
    (code,) = codes(who, **named)
    (rows,) = finite_rows(who, z=z)
    if len(rows) != len(code):
        raise ShapeError(
            f"{who} wants one {name} per row; z has {len(rows)} rows, {name} has {len(values)}. Pass matching rows."
        )
    return rows, code


def _neighbours(rows: np.ndarray, k: int) -> tuple[Int[np.ndarray, "n k"], Float[np.ndarray, "n k"]]:
    """The k − 1 nearest other rows, compared one with another up to 20,000 rows."""
    if len(rows) < k:
        raise ShapeError(
            f"A neighbourhood of {k} rows wants as many rows; got {len(rows)}. Lower k, or pass more rows."
        )
    graph = knn_graph(np.ascontiguousarray(rows, dtype=np.float32), k - 1)
    return graph.indices, graph.distances.astype(np.float64)
