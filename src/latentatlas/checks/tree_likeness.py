"""Is a curved space worth its cost? Measured on distances before it is recommended."""

from __future__ import annotations

from typing import ClassVar, Literal, NamedTuple, final

import numpy as np
from jaxtyping import Float

from latentatlas.checks.base import Check, Evidence, Tier, Verdict
from latentatlas.core import ShapeError
from latentatlas.geometry import Euclidean, Geometry, PoincareBall
from latentatlas.metrics import FlatDistortion, Hyperbolicity, StarDistortion, TreeDistortion
from latentatlas.metrics.base import sample_rows

__all__ = ["GeometryAdvice", "TreeLikeness", "advise_geometry"]

_FEWEST = 8


class GeometryAdvice(NamedTuple):
    """Which space distances ask for, and why.

    Attributes:
        space: a `PoincareBall` where a tree holds the distances better than flat axes and than a star do, else
            `Euclidean`.
        tree: mean relative error of the distances in a tree (`metrics.TreeDistortion`).
        flat: the same in flat axes (`metrics.FlatDistortion`).
        star: the same in a star, a tree without a hierarchy (`metrics.StarDistortion`).
        hyperbolicity: 2δ/diameter (`metrics.Hyperbolicity`).
        mean_hyperbolicity: its mean over fours of points.
    """

    space: Geometry
    tree: float
    flat: float
    star: float
    hyperbolicity: float
    mean_hyperbolicity: float


def advise_geometry(
    distances: Float[np.ndarray, "n n"], *, dim: int = 2, points: int = 300, seed: int = 0
) -> GeometryAdvice:
    """The space that distances ask for in so many axes, from a sample of the points.

    A ball can hold any tree, flat axes any flat shape: recommended is the one that the data are nearer to. Where many
    axes vary independently all distances are nearly equal, which is a star, a tree that no hierarchy made; so the tree
    must be better than the best star too. All errors are those of one construction, so a small difference decides
    nothing, and nothing is said of how well a network will learn. O(points³).

    Args:
        distances: of all points to all, such as lengths of paths in a graph.
        dim: axes of the latent.
        points: sampled where there are more.
        seed: of the sample.

    >>> node = np.arange(1, 16)  # of a tree in which k has the parent k // 2
    >>> chain = [{k >> up for up in range(4)} - {0} for k in node]
    >>> advice = advise_geometry(np.array([[len(a ^ b) for b in chain] for a in chain], dtype=np.float64))
    >>> type(advice.space).__name__, advice.tree, advice.hyperbolicity
    ('PoincareBall', 0.0, 0.0)

    Raises:
        ShapeError: for fewer than 8 points, or distances that are no square matrix.
        DataError: for distances that are infinite, negative or not symmetric.
    """
    if distances.ndim != 2 or len(distances) < _FEWEST or len(distances) != distances.shape[1]:
        raise ShapeError(
            f"advise_geometry wants a square matrix for at least {_FEWEST} points; got {distances.shape}. Pass the "
            "distances of all points to all."
        )
    chosen = sample_rows(len(distances), points, seed)
    d = distances[np.ix_(chosen, chosen)]
    tree, flat, star = TreeDistortion()(d), FlatDistortion(dim)(d), StarDistortion()(d)
    space, fours = PoincareBall() if tree < min(flat, star) else Euclidean(), Hyperbolicity(seed=seed)
    return GeometryAdvice(space, tree, flat, star, fours(d), fours.mean(d))


@final
class TreeLikeness(Check):
    """Passes where a curved latent is worth trying: a tree holds the distances between rows better than what has none.

    The value is the error of a tree over the smaller one of `dim` flat axes and of a star (`advise_geometry`), on
    Euclidean distances of a sample of rows. A fail is no fault of a map: it says that flat space is the right one.

    Args:
        dim: axes of the latent.
        most: the largest ratio that passes.
        rows: sampled where there are more.
        seed: of the sample.

    O(rows² · (features + rows)).
    """

    name: ClassVar[str] = "tree_likeness"
    tier: ClassVar[Tier] = Tier.ADVANCED
    reads: ClassVar[tuple[str, ...]] = ("x",)
    better: ClassVar[Literal["higher", "lower"]] = "lower"

    def __init__(self, dim: int = 2, *, most: float = 1.0, rows: int = 300, seed: int = 0):
        self.dim = dim
        self.most = most
        self.rows = rows
        self.seed = seed

    def judge(self, evidence: Evidence) -> tuple[Verdict, ...]:
        """One verdict; a skip for fewer than 8 rows, or rows that all coincide."""
        from scipy.spatial.distance import cdist

        x = np.asarray(evidence.x, dtype=np.float64).reshape(len(evidence.x), -1)  # type: ignore[arg-type]
        x = x[sample_rows(len(x), self.rows, self.seed)]
        distances = cdist(x, x)
        if len(x) < _FEWEST or not distances.any():
            return (self.skip(f"There are fewer than {_FEWEST} different rows.", "Pass more rows."),)
        advice = advise_geometry(distances, dim=self.dim, seed=self.seed)
        verdict = self.verdict(
            advice.tree / max(min(advice.flat, advice.star), np.finfo(np.float64).eps),
            self.most,
            reason=f"A tree holds the distances of {len(x)} rows with an error of {advice.tree:.1%}, {self.dim} flat "
            f"axes with {advice.flat:.1%}, a star with {advice.star:.1%}; 2δ/diameter is {advice.hyperbolicity:.2f}.",
            remedy="Stay in flat space. A geometry would cost time and gain nothing that these rows hold.",
        )
        return (verdict,)
