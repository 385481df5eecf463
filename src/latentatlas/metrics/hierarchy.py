"""Is there a tree in the distances, and does an embedding keep it? All of these read matrices of distances."""

from __future__ import annotations

import math
from typing import ClassVar, Literal, final

import numpy as np
from jaxtyping import Float, Int

from latentatlas.core import DataError, ShapeError, SpecError
from latentatlas.metrics.base import Metric

__all__ = ["FlatDistortion", "Hyperbolicity", "LinkMAP", "LinkRank", "StarDistortion", "TreeDistortion", "gromov_tree"]

_EXACT = 60
_SLACK = 1e-9


@final
class Hyperbolicity(Metric):
    r"""How far distances are from those of a tree: 2 δ/diameter, in [0, 1]; 0 is a tree.

    Of four points the two largest of d(a, b) + d(c, d), d(a, c) + d(b, d), d(a, d) + d(b, c) differ by 2δ; δ is the
    largest over all fours. A line, a star and every tree have 0, a loop has 1; in a hyperbolic plane δ is log 2
    whatever its size, so that large pieces of it come near 0. Up to 60 points all fours are tried, O(n⁴); above,
    `fours` random ones, and the value is a lower bound.

    Args:
        fours: number of random fours.
        seed: of the draw.

    >>> square = np.array([[0.0, 1, 2, 1], [1, 0, 1, 2], [2, 1, 0, 1], [1, 2, 1, 0]])  # a cycle of four edges
    >>> Hyperbolicity()(square)  # sums 4, 2, 2: δ = 1
    1.0

    References:
        Gromov, *Hyperbolic groups*, 1987; Fournier, Ismail, Vigneron, *Computing the Gromov hyperbolicity of a
        discrete metric space*, 2015.
    """

    lower: ClassVar[float] = 0.0
    upper: ClassVar[float] = 1.0
    better: ClassVar[Literal["higher", "lower"]] = "lower"

    def __init__(self, fours: int = 200_000, *, seed: int = 0):
        if fours < 1:
            raise SpecError(f"Hyperbolicity wants at least one random four; got {fours}. 200,000 is usual.")
        self.fours = fours
        self.seed = seed

    def __call__(self, distances: np.ndarray) -> float:
        """2 δ/diameter; 0 where all points coincide or there are fewer than four."""
        found, largest = self._deltas(_matrix("Hyperbolicity", distances)), float(np.max(distances))
        return min(1.0, 2 * float(found.max(initial=0.0)) / largest) if largest > 0 else 0.0

    def mean(self, distances: np.ndarray) -> float:
        """2/diameter times the mean of δ over the fours, which no single four decides."""
        found, largest = self._deltas(_matrix("Hyperbolicity", distances)), float(np.max(distances))
        return 2 * float(found.mean()) / largest if largest > 0 and len(found) else 0.0

    def _deltas(self, d: np.ndarray) -> Float[np.ndarray, " fours"]:
        n = len(d)
        if n < 4:
            return np.zeros(0)
        a, b, c, e = (_all_fours(n) if n <= _EXACT else self._drawn(n)).T
        sums = np.sort(np.stack([d[a, b] + d[c, e], d[a, c] + d[b, e], d[a, e] + d[b, c]]), axis=0)
        return (sums[2] - sums[1]) / 2

    def _drawn(self, n: int) -> Int[np.ndarray, "fours 4"]:
        fours = np.random.default_rng(self.seed).integers(0, n, (self.fours, 4))
        ordered = np.sort(fours, axis=1)
        return fours[(ordered[:, 1:] != ordered[:, :-1]).all(axis=1)]


@final
class TreeDistortion(Metric):
    r"""How well a tree can hold the distances: mean |s d_T − d|/d over pairs, ≥ 0; 0 for the distances of a tree.

    T is the best of the Gromov trees (`gromov_tree`) rooted at `roots` of the points, s the factor with the least
    Σ (s d_T/d − 1)²; a better tree may exist, so the value is an upper bound of the least distortion. A star is a tree:
    equal distances, as of many independent axes, have 0 too, so read `StarDistortion` beside it. Pairs at distance 0
    are left out. O(roots n²).

    Args:
        roots: how many points are tried, evenly spaced along their mean distance from the others.

    >>> path = np.abs(np.subtract.outer([0.0, 1.0, 3.0], [0.0, 1.0, 3.0]))
    >>> TreeDistortion()(path)
    0.0

    References:
        Gromov, *Hyperbolic groups*, 1987, section 6.1; Ghys, de la Harpe, 1990, theorem 2.12: |d_T − d| ≤ 2 δ log₂ n.
    """

    lower: ClassVar[float] = 0.0
    upper: ClassVar[float] = math.inf
    better: ClassVar[Literal["higher", "lower"]] = "lower"

    def __init__(self, roots: int = 8):
        if roots < 1:
            raise SpecError(f"TreeDistortion wants at least one root; got {roots}. 8 is usual.")
        self.roots = roots

    def __call__(self, distances: np.ndarray) -> float:
        """The distortion of the best tree that was tried."""
        d = _matrix("TreeDistortion", distances)
        order = np.argsort(d.mean(axis=1), kind="stable")
        tried = np.unique(np.linspace(0, len(d) - 1, min(self.roots, len(d))).astype(np.int64))
        return min(_distortion(gromov_tree(d, int(root)), d) for root in order[tried])


@final
class StarDistortion(Metric):
    r"""How well a star can hold the distances: mean |s (a_i + a_j) − d|/d over pairs, ≥ 0; 0 for those of a star.

    What remains when every point has a length of its own, a_i, and no two belong together: the tree without a
    hierarchy. a minimises Σ (a_i + a_j − d)², s is as in `TreeDistortion`. Pairs at distance 0 are left out. O(n²).

    >>> star = np.array([[0.0, 3, 4], [3, 0, 5], [4, 5, 0]])  # lengths 1, 2, 3
    >>> StarDistortion()(star)
    0.0
    """

    lower: ClassVar[float] = 0.0
    upper: ClassVar[float] = math.inf
    better: ClassVar[Literal["higher", "lower"]] = "lower"

    def __call__(self, distances: np.ndarray) -> float:
        """The distortion of the best star."""
        d = _matrix("StarDistortion", distances)
        n = len(d)
        if n < 3:
            return 0.0
        length = (d.sum(axis=1) - d.sum() / (2 * (n - 1))) / (n - 2)
        star = length[:, None] + length[None, :]
        np.fill_diagonal(star, 0)
        return _distortion(star, d)


@final
class FlatDistortion(Metric):
    r"""How well so many flat axes can hold the distances: mean |s‖z_i − z_j‖ − d|/d over pairs, ≥ 0.

    z are the first axes of classical scaling, and s is as in `TreeDistortion`; a nonlinear map may do better. Pairs at
    distance 0 are left out. O(n³).

    Args:
        dim: axes.

    >>> square = np.array([[0.0, 1, 2, 1], [1, 0, 1, 2], [2, 1, 0, 1], [1, 2, 1, 0]])
    >>> round(FlatDistortion(2)(square), 3)  # corners of a square: diagonals √2 sides, not 2
    0.133

    References:
        Torgerson, *Multidimensional scaling*, 1952.
    """

    lower: ClassVar[float] = 0.0
    upper: ClassVar[float] = math.inf
    better: ClassVar[Literal["higher", "lower"]] = "lower"

    def __init__(self, dim: int = 2):
        if dim < 1:
            raise SpecError(f"FlatDistortion wants at least one axis; got {dim}. 2 is a map.")
        self.dim = dim

    def __call__(self, distances: np.ndarray) -> float:
        """The distortion of the axes."""
        d = _matrix("FlatDistortion", distances)
        return _distortion(_between(_classical_axes(d, self.dim)), d)


@final
class LinkMAP(Metric):
    r"""Are the linked points the nearest ones? Mean over points of the average precision of their links, in [0, 1].

    AP(i) = mean over the links j of i of (links of i not farther than j)/(points not farther than j); i itself is left
    out, and at equal distance strangers come first. Points without a link are passed over. 1 is a graph that can be
    read off the embedding. O(n² log n).

    >>> line = np.abs(np.subtract.outer([0.0, 1.0, 3.0], [0.0, 1.0, 3.0]))
    >>> LinkMAP()(line, np.array([[0, 0, 1], [0, 0, 0], [0, 1, 0]], dtype=bool))  # ½ for 0 → 2, 1 for 2 → 1
    0.75

    References:
        Nickel, Kiela, *Poincaré embeddings for learning hierarchical representations*, 2017, section 4.1.
    """

    lower: ClassVar[float] = 0.0
    upper: ClassVar[float] = 1.0
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def __call__(self, distances: np.ndarray, links: np.ndarray) -> float:
        """The mean over points with links."""
        return float(
            np.mean(
                [
                    np.mean((1 + np.arange(len(s))) / (1 + np.arange(len(s)) + s))
                    for s in _strangers("LinkMAP", distances, links)
                ]
            )
        )


@final
class LinkRank(Metric):
    r"""Mean over all links i → j of 1 + the number of points not linked from i that are as near to i as j, ≥ 1.

    O(n² log n).

    >>> line = np.abs(np.subtract.outer([0.0, 1.0, 3.0], [0.0, 1.0, 3.0]))
    >>> LinkRank()(line, np.array([[0, 0, 1], [0, 0, 0], [0, 1, 0]], dtype=bool))  # 2 and 1
    1.5

    References:
        Nickel, Kiela, *Poincaré embeddings for learning hierarchical representations*, 2017, section 4.1.
    """

    lower: ClassVar[float] = 1.0
    upper: ClassVar[float] = math.inf
    better: ClassVar[Literal["higher", "lower"]] = "lower"

    def __call__(self, distances: np.ndarray, links: np.ndarray) -> float:
        """The mean over links."""
        return float(1 + np.concatenate(_strangers("LinkRank", distances, links)).mean())


def gromov_tree(distances: Float[np.ndarray, "n n"], root: int) -> Float[np.ndarray, "n n"]:
    r"""Distances in the tree that keeps those from a root exactly and shortens the others the least.

    (i|j) = ½ (d(r, i) + d(r, j) − d(i, j)), how long two ways from the root run together, is raised to the largest
    bottleneck over chains from i to j; then d_T = d(r, i) + d(r, j) − 2 (i|j). Never longer than d, and d itself for a
    tree. O(n²).

    >>> square = np.array([[0.0, 1, 2, 1], [1, 0, 1, 2], [2, 1, 0, 1], [1, 2, 1, 0]])
    >>> gromov_tree(square, 0)[1].tolist()  # the two ways round become one
    [1.0, 0.0, 1.0, 0.0]
    """
    d = _matrix("gromov_tree", distances)
    from_root = d[root]
    together = (from_root[:, None] + from_root[None, :] - d) / 2
    return np.maximum(from_root[:, None] + from_root[None, :] - 2 * _widest(together), 0)


def _widest(together: np.ndarray) -> Float[np.ndarray, "n n"]:
    """The largest bottleneck between any two: Prim's tree, each point joined to all before it as it enters."""
    n = len(together)
    widest = together.copy()
    best, via, done = together[0].copy(), np.zeros(n, np.int64), np.zeros(n, bool)
    entered = [0]
    done[0] = True
    for _ in range(n - 1):
        new = int(np.argmax(np.where(done, -np.inf, best)))
        before = np.array(entered)
        reach = np.minimum(best[new], widest[via[new], before])
        reach[before == via[new]] = best[new]
        widest[new, before] = widest[before, new] = reach
        entered.append(new)
        done[new] = True
        nearer = ~done & (together[new] > best)
        best[nearer], via[nearer] = together[new][nearer], new
    np.fill_diagonal(widest, together.diagonal())
    return widest


def _distortion(found: np.ndarray, d: np.ndarray) -> float:
    """Mean |s found − d|/d where d > 0, with the best s."""
    apart = d > 0
    ratio = found[apart] / d[apart]
    if not ratio.any():
        return float(apart.any())
    return float(np.abs(ratio * ratio.sum() / (ratio @ ratio) - 1).mean())


def _classical_axes(d: np.ndarray, dim: int) -> Float[np.ndarray, "n dim"]:
    centring = np.eye(len(d)) - 1 / len(d)
    sizes, axes = np.linalg.eigh(-centring @ np.square(d) @ centring / 2)
    return axes[:, ::-1][:, :dim] * np.sqrt(np.maximum(sizes[::-1][:dim], 0))


def _between(z: np.ndarray) -> Float[np.ndarray, "n n"]:
    from scipy.spatial.distance import cdist

    return cdist(z, z)


def _strangers(who: str, distances: np.ndarray, links: np.ndarray) -> list[Int[np.ndarray, " links"]]:
    """Of every point with links: how many strangers are as near as each of them, nearest link first."""
    d = _matrix(who, distances)
    if links.shape != d.shape or not links.any():
        raise ShapeError(
            f"{who} wants links in a matrix of the shape of the distances, at least one; got {links.shape} with "
            f"{int(links.sum())} for {d.shape}. Pass links[i, j] = True where j belongs to i."
        )
    found, every = [], np.arange(len(d))
    for i in np.flatnonzero(links.any(axis=1)):
        own = links[i] & (every != i)
        away = np.sort(d[i, ~links[i] & (every != i)])
        found.append(np.searchsorted(away, np.sort(d[i, own]), side="right"))
    return [each for each in found if len(each)]


def _all_fours(n: int) -> Int[np.ndarray, "fours 4"]:
    from itertools import combinations

    return np.array(list(combinations(range(n), 4)))


def _matrix(who: str, distances: np.ndarray) -> Float[np.ndarray, "n n"]:
    d = np.asarray(distances, dtype=np.float64)
    if d.ndim != 2 or d.shape[0] != d.shape[1] or not d.size:
        raise ShapeError(f"{who} wants a square matrix of distances; got the shape {d.shape}. Compare all rows to all.")
    if not (np.isfinite(d).all() and (d >= 0).all()):
        raise DataError(f"{who} wants finite distances ≥ 0; got others. Join the parts that no path joins.")
    if np.abs(d - d.T).max() > _SLACK * d.max() or d.diagonal().any():
        raise DataError(f"{who} wants symmetric distances with 0 from a point to itself; got others. Mend the matrix.")
    return d
