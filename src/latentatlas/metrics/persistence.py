"""Components, loops and cavities: persistence diagrams of landmarks, Betti numbers, and distances between diagrams.

Wants the extra `topology` (the package ripser).
"""

from __future__ import annotations

import math
from typing import ClassVar, Literal, final

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float, Int
from scipy.sparse.csgraph import maximum_bipartite_matching
from scipy.spatial.distance import cdist

from latentatlas.core import DataError, SpecError, require_extra
from latentatlas.metrics.base import Metric, finite_rows

__all__ = ["BettiDifference", "DiagramDistance", "betti_numbers", "bottleneck_distance", "persistence_diagrams"]

Diagram = Float[np.ndarray, "_ 2"]

_COVERS = 3.0
_ROWS_PER_LANDMARK = 8


def persistence_diagrams(
    x: np.ndarray, *, degree: int = 1, landmarks: int = 400, prime: int = 2
) -> tuple[Diagram, ...]:
    """Births and deaths of components, loops, cavities, … of the Rips complex of landmarks, one array per degree.

    At scale t two landmarks are joined where they are at most t apart, and three or more where all are joined. A bar
    (birth, death) of degree d is a d-dimensional hole that is there from the one scale to the other, in units of x. The
    component that never ends is left out. Landmarks are rows far from each other: the row that is farthest from the
    mean, then always the row that is farthest from those chosen; all distinct rows where there are no more.

    Cost: O(landmarks · n · features) for landmarks; ripser then takes .5 s for 400 of them up to degree 1, and 2 s
    for 600. Degree 2 takes far longer (pass 150, or use `betti_numbers`, which stops early).

    Args:
        x: rows; further axes are flattened.
        degree: highest dimension of holes.
        landmarks: most rows to take.
        prime: coefficients are whole numbers modulo this prime; orientable shapes do not care.

    >>> square = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    >>> components, loops = persistence_diagrams(square)
    >>> components.tolist(), loops.round(3).tolist()
    ([[0.0, 1.0], [0.0, 1.0], [0.0, 1.0]], [[1.0, 1.414]])

    Raises:
        SpecError: if ripser is not installed, or for a degree < 0, fewer than one landmark, or no prime.
        DataError: if a value is not finite.

    References:
        Bauer, Ripser: efficient computation of Vietoris–Rips persistence barcodes, 2021.
        de Silva & Carlsson, Topological estimation using witness complexes, 2004 (landmarks).
    """
    who = "persistence_diagrams"
    (rows,) = finite_rows(who, x=x)
    points = rows[_landmarks(rows, landmarks, who)[0]]
    return _rips(cdist(points, points), degree, prime=prime, who=who)


def betti_numbers(x: np.ndarray, *, degree: int = 1, landmarks: int = 400, prime: int = 2) -> tuple[int, ...]:
    """Numbers of components, loops, cavities, … up to `degree`, by a fixed rule.

    A hole counts if it is there in the Rips complex of landmarks at three times the radius at which balls around them
    cover all rows: half of that joins each landmark to its neighbours, and what is left open is wider than the gaps of
    the sample. An eighth of the rows are landmarks, at most `landmarks`, so that the radius is measured on rows that
    are none. The rule wants a dense sample, some thousand rows, and noise well below the size of the holes. With 2,000
    rows it found the declared numbers in 59 of 60 draws of linked circles, Swiss rolls, sphere, torus and Klein bottle;
    with 1,000 not yet those of the Swiss rolls, whose turns are close. A few points that occur again and again are
    counted as so many components.

    Cost: as `persistence_diagrams`, but holes are looked for up to that scale only: .1 s.

    Args:
        x: rows; further axes are flattened.
        degree: highest dimension of holes.
        landmarks: most rows to take. More landmarks see smaller holes.
        prime: coefficients are whole numbers modulo this prime. A Klein bottle has (1, 2, 1) for 2, else (1, 1, 0).

    >>> angle = np.arange(200) * 2 * np.pi / 200
    >>> betti_numbers(np.column_stack([np.cos(angle), np.sin(angle)]))
    (1, 1)

    Raises:
        SpecError: if ripser is not installed, or for a degree < 0, fewer than one landmark, or no prime.
        DataError: if a value is not finite.
    """
    who = "betti_numbers"
    (rows,) = finite_rows(who, x=x)
    chosen, cover = _landmarks(rows, min(landmarks, max(1, len(rows) // _ROWS_PER_LANDMARK)), who)
    scale = _COVERS * cover
    diagrams = _rips(cdist(rows[chosen], rows[chosen]), degree, prime=prime, who=who, highest=1.01 * scale)
    alive = [int(((bars[:, 0] <= scale) & (bars[:, 1] > scale)).sum()) for bars in diagrams]
    return alive[0] + 1, *alive[1:]


def bottleneck_distance(first: Diagram, second: Diagram) -> float:
    """How far a bar must move at most if one diagram is turned into the other, in units of the bars, ≥ 0.

    Bars are matched one to one or with the diagonal (birth = death), at the cost of the larger of the moves of birth
    and death; the result is the least possible largest cost. It is never more than half the longest bar, and it changes
    at most by as much as distances in the data do.

    Found by bisection over all costs that occur. A limit r will do if the bars of `first` that are too long for the
    diagonal have partners within r, and so have those of `second`: two matchings, which can always be made one
    (Mendelsohn & Dulmage, 1958).

    Cost: O(m² log m) memory and time for costs of m bars, and a matching per step.

    >>> bottleneck_distance(np.array([[0.0, 4.0], [1.0, 1.5]]), np.array([[0.0, 5.0]]))
    1.0

    Raises:
        DataError: if a birth or death is not finite.

    References:
        Cohen-Steiner, Edelsbrunner & Harer, Stability of persistence diagrams, 2007.
    """
    for bars in (first, second):
        if not np.isfinite(bars).all():
            raise DataError("bottleneck_distance wants finite births and deaths; got others. Drop bars that never end.")
    moves = cdist(first, second, "chebyshev")
    halves = [(bars[:, 1] - bars[:, 0]) / 2 for bars in (first, second)]
    most = max((half.max() for half in halves if len(half)), default=0.0)
    costs = np.unique(np.concatenate([[0.0], moves[moves <= most], *halves]))
    low, high = 0, len(costs) - 1
    while low < high:
        middle = (low + high) // 2
        limit = costs[middle]
        near = sp.csr_matrix(moves <= limit)
        if _partnered(near[halves[0] > limit]) and _partnered(near.T.tocsr()[halves[1] > limit]):
            high = middle
        else:
            low = middle + 1
    return float(costs[low])


@final
class DiagramDistance(Metric):
    """Are holes of the data holes of the map, of like size? Bottleneck distance of their diagrams, in [0, ½].

    Landmarks are chosen in x; the same rows are taken in z. Distances in both spaces are divided by the largest one
    between landmarks, so neither scale matters: .1 means that a hole of a fifth of the diameter appeared or vanished,
    or that one grew or shrank by a tenth. Diagrams do not know which rows are around a hole: neighbours may be torn
    (`Trustworthiness`, `Continuity`) and holes be kept. Cost as `persistence_diagrams`, for both spaces.

    Args:
        degree: of the holes that are compared: 0 gaps between clusters, 1 loops, 2 cavities.
        landmarks: most rows to take.
        prime: as in `persistence_diagrams`.

    >>> square = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    >>> DiagramDistance()(square, 3 * square)
    0.0
    >>> loop = (1 - 0.5**0.5) / 2  # of length 1 − 1 / √2 of the diameter, matched with the diagonal
    >>> abs(DiagramDistance()(square, square[:, :1]) - loop) < 1e-6  # ripser computes in float32
    True

    References:
        Cohen-Steiner, Edelsbrunner & Harer, Stability of persistence diagrams, 2007.
    """

    lower: ClassVar[float] = 0.0
    upper: ClassVar[float] = 0.5
    better: ClassVar[Literal["higher", "lower"]] = "lower"

    def __init__(self, degree: int = 1, *, landmarks: int = 400, prime: int = 2):
        self.degree = degree
        self.landmarks = landmarks
        self.prime = prime

    def __call__(self, x: np.ndarray, z: np.ndarray) -> float:
        """The distance between the diagrams of one degree."""
        x, z = finite_rows("DiagramDistance", x=x, z=z)
        chosen, _ = _landmarks(x, self.landmarks, "DiagramDistance")
        return bottleneck_distance(self._diagram(x[chosen]), self._diagram(z[chosen]))

    def _diagram(self, points: Float[np.ndarray, "landmarks features"]) -> Diagram:
        distances = cdist(points, points)
        scaled = distances / (distances.max() or 1.0)
        return _rips(scaled, self.degree, prime=self.prime, who="DiagramDistance")[-1]


@final
class BettiDifference(Metric):
    """Does the map have as many components, loops, cavities as the data? Σ over degrees of |β(z) − β(x)|; 0 is as many.

    Each space has its own landmarks, and the rule of `betti_numbers` decides what counts. Cost as there, for both.

    Args:
        degree: highest dimension of holes that are counted.
        landmarks: most rows to take.
        prime: as in `betti_numbers`.

    A circle that is flattened to a line loses its loop:

    >>> angle = np.arange(200) * 2 * np.pi / 200
    >>> circle = np.column_stack([np.cos(angle), np.sin(angle)])
    >>> BettiDifference()(circle, circle[:, :1])
    1.0
    """

    lower: ClassVar[float] = 0.0
    upper: ClassVar[float] = math.inf
    better: ClassVar[Literal["higher", "lower"]] = "lower"

    def __init__(self, degree: int = 1, *, landmarks: int = 400, prime: int = 2):
        self.degree = degree
        self.landmarks = landmarks
        self.prime = prime

    def __call__(self, x: np.ndarray, z: np.ndarray) -> float:
        """The sum over degrees 0 … `degree`."""
        x, z = finite_rows("BettiDifference", x=x, z=z)
        numbers = [
            betti_numbers(rows, degree=self.degree, landmarks=self.landmarks, prime=self.prime) for rows in (x, z)
        ]
        return float(sum(abs(one - other) for one, other in zip(*numbers, strict=True)))


def _landmarks(
    rows: Float[np.ndarray, "n features"], most: int, who: str
) -> tuple[Int[np.ndarray, " landmarks"], float]:
    """Rows chosen farthest first, without copies, and the largest distance of any row to the nearest of them."""
    if most < 1:
        raise SpecError(f"{who} wants at least one landmark; got {most}. 400 is usual.")
    chosen = [int(np.square(rows - rows.mean(axis=0)).sum(axis=1).argmax())]
    away = np.square(rows - rows[chosen[0]]).sum(axis=1)
    while len(chosen) < most and away.max() > 0:
        chosen.append(int(away.argmax()))
        np.minimum(away, np.square(rows - rows[chosen[-1]]).sum(axis=1), out=away)
    return np.array(chosen), math.sqrt(away.max())


def _rips(
    distances: Float[np.ndarray, "landmarks landmarks"], degree: int, *, prime: int, who: str, highest: float = math.inf
) -> tuple[Diagram, ...]:
    """Bars by degree, in float64, without the component that never ends."""
    if degree < 0:
        raise SpecError(f"{who} wants a degree ≥ 0; got {degree}. 1 is for loops.")
    if prime < 2 or any(prime % divisor == 0 for divisor in range(2, math.isqrt(prime) + 1)):
        raise SpecError(f"{who} wants a prime; got {prime}. 2 is usual.")
    ripser = require_extra("ripser", "topology", who=who).ripser
    found = ripser(distances, maxdim=degree, thresh=highest, coeff=prime, distance_matrix=True)["dgms"]
    first = found[0][np.argsort(found[0][:, 1], kind="stable")][:-1]
    return tuple(np.asarray(bars, np.float64).reshape(-1, 2) for bars in (first, *found[1:]))


def _partnered(near: sp.csr_matrix) -> bool:
    """Whether every row of a bipartite graph can have a column of its own."""
    return near.shape[0] == 0 or bool((maximum_bipartite_matching(near, perm_type="column") >= 0).all())
