"""Do the basins agree with the labels? Labels and basins may be numbers or text; their names do not matter."""

from __future__ import annotations

from typing import ClassVar, Literal, final

import numpy as np
from jaxtyping import Int

from latentatlas.metrics.base import Metric, codes

__all__ = ["AdjustedMutualInfo", "AdjustedRand", "ClusteringAccuracy", "NormalizedMutualInfo", "Purity", "VMeasure"]
__all__ += ["contingency"]


def contingency(label: np.ndarray, basins: np.ndarray) -> Int[np.ndarray, "classes clusters"]:
    """How many rows each label (sorted, down) shares with each basin (sorted, across).

    >>> contingency(np.array(["a", "a", "b"]), np.array([1, 0, 0])).tolist()
    [[1, 1], [1, 0]]

    Raises:
        ShapeError: if the two differ in length or are not one-dimensional.
    """
    row, column = codes("A clustering metric", label=label, basins=basins)
    table = np.zeros((row.max() + 1, column.max() + 1), dtype=np.int64)
    np.add.at(table, (row, column), 1)
    return table


@final
class ClusteringAccuracy(Metric):
    """Share of rows in the basin of their label, under the best one-to-one match of basins to labels, in [0, 1].

    max over matchings σ of (1/n) Σᵢ [σ(basinᵢ) = labelᵢ] (Hungarian algorithm). With more basins than labels the
    unmatched basins count as wrong, so splitting a class costs. O(n + K³).

    >>> ClusteringAccuracy()(np.array(["a", "a", "b", "b"]), np.array([7, 7, 3, 7]))
    0.75

    References:
        Kuhn, The Hungarian method for the assignment problem, Naval Research Logistics Quarterly 1955.
    """

    lower: ClassVar[float] = 0.0
    upper: ClassVar[float] = 1.0
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def __call__(self, label: np.ndarray, basins: np.ndarray) -> float:
        """The accuracy of the best matching."""
        from scipy.optimize import linear_sum_assignment

        table = contingency(label, basins)
        return float(table[linear_sum_assignment(table, maximize=True)].sum() / table.sum())


@final
class Purity(Metric):
    """Share of rows that have the majority label of their basin, in (0, 1].

    (1/n) Σ_basins max_label count. It rewards many basins (one row per basin gives 1): read it beside their number.
    O(n + classes · basins).

    >>> Purity()(np.array(["a", "a", "b", "b"]), np.array([0, 0, 1, 2]))
    1.0
    """

    lower: ClassVar[float] = 0.0
    upper: ClassVar[float] = 1.0
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def __call__(self, label: np.ndarray, basins: np.ndarray) -> float:
        """The purity."""
        table = contingency(label, basins)
        return float(table.max(axis=0).sum() / table.sum())


@final
class AdjustedRand(Metric):
    """Share of row pairs on which labels and basins agree, corrected for chance, in [−½, 1]; 0 is chance. O(n).

    >>> AdjustedRand()(np.array([0, 0, 1, 1]), np.array([1, 1, 0, 0]))
    1.0

    References:
        Hubert & Arabie, Comparing partitions, Journal of Classification 1985; `sklearn.metrics.adjusted_rand_score`.
    """

    lower: ClassVar[float] = -0.5
    upper: ClassVar[float] = 1.0
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def __call__(self, label: np.ndarray, basins: np.ndarray) -> float:
        """The adjusted Rand index."""
        from sklearn.metrics import adjusted_rand_score

        return float(adjusted_rand_score(*codes("AdjustedRand", label=label, basins=basins)))


@final
class AdjustedMutualInfo(Metric):
    """Mutual information of labels and basins, corrected for chance: (I − E I) / (mean of their entropies − E I).

    At most 1, the same partition; 0 is chance, below 0 is worse. Unlike `NormalizedMutualInfo` it does not grow with
    the number of basins alone. O(n + classes · basins · n / classes) for the expectation E I.

    >>> AdjustedMutualInfo()(np.array([0, 0, 1, 1]), np.array([1, 1, 0, 0]))
    1.0
    >>> round(AdjustedMutualInfo()(np.array([0, 0, 1, 1]), np.array([0, 1, 2, 3])), 9) + 0.0  # a basin for each row
    0.0

    References:
        Vinh, Epps, Bailey, Information theoretic measures for clusterings comparison, JMLR 2010;
        `sklearn.metrics.adjusted_mutual_info_score`.
    """

    lower: ClassVar[float] = -1.0
    upper: ClassVar[float] = 1.0
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def __call__(self, label: np.ndarray, basins: np.ndarray) -> float:
        """The adjusted mutual information."""
        from sklearn.metrics import adjusted_mutual_info_score

        return float(adjusted_mutual_info_score(*codes("AdjustedMutualInfo", label=label, basins=basins)))


@final
class NormalizedMutualInfo(Metric):
    """I(label; basin) / mean of their entropies, in [0, 1]; 1 is the same partition. O(n).

    Not corrected for chance: with few rows per basin it is above 0 for unrelated partitions. With the arithmetic
    mean of entropies used here it equals `VMeasure()`.

    >>> NormalizedMutualInfo()(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]))
    0.0

    References:
        `sklearn.metrics.normalized_mutual_info_score`.
    """

    lower: ClassVar[float] = 0.0
    upper: ClassVar[float] = 1.0
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def __call__(self, label: np.ndarray, basins: np.ndarray) -> float:
        """The normalised mutual information."""
        from sklearn.metrics import normalized_mutual_info_score

        return float(normalized_mutual_info_score(*codes("NormalizedMutualInfo", label=label, basins=basins)))


@final
class VMeasure(Metric):
    """Weighted harmonic mean of homogeneity h and completeness c, (1 + β) h c / (β h + c), in [0, 1]. O(n).

    Args:
        beta: above 1 completeness weighs more, below 1 homogeneity.

    >>> VMeasure()(np.array(["a", "b"]), np.array([5, 5]))
    0.0

    References:
        Rosenberg & Hirschberg, V-measure, EMNLP 2007; `sklearn.metrics.v_measure_score`.
    """

    lower: ClassVar[float] = 0.0
    upper: ClassVar[float] = 1.0
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def __init__(self, beta: float = 1.0):
        self.beta = beta

    def __call__(self, label: np.ndarray, basins: np.ndarray) -> float:
        """The V-measure."""
        from sklearn.metrics import v_measure_score

        return float(v_measure_score(*codes("VMeasure", label=label, basins=basins), beta=self.beta))
