"""The descent that lays rows out: neighbours first as tight groups, then groups in their order, then their inside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
import torch
from jaxtyping import Float, Int
from torch import Tensor

from latentatlas.core import ShapeError, SpecError
from latentatlas.layout.arrangement import arrangement, mean_of_cells
from latentatlas.layout.cells import cells_of
from latentatlas.layout.forces import Attraction, GridRepulsion, Repulsion, SampledRepulsion

__all__ = ["PHASES", "Phase", "lay_out", "start_of"]

_FIRST_SPREAD = 1e-4
_LONGEST_STEP = 5.0
_ALL_PAIRS = 1_000
_ROWS_PER_CELL = 50


class Phase(NamedTuple):
    """A part of the descent with one balance of forces.

    Attributes:
        steps: of the descent.
        exaggeration: factor on the attraction; above 1 groups are tight and gaps are wide.
        momentum: share of the last step that is kept.
        arrangement: weight of the force that arranges the large shape; 0 leaves it out.
    """

    steps: int
    exaggeration: float
    momentum: float = 0.8
    arrangement: float = 0.0


PHASES = (
    Phase(60, 12.0, momentum=0.5),
    Phase(60, 6.0),
    Phase(60, 3.0),
    Phase(60, 1.2, arrangement=5.0),
)
"""Tight groups, groups apart by and by, then their inside while the large shape is put in order."""


def lay_out(
    graph: sp.csr_matrix,
    start: Float[np.ndarray, "n dim"],
    *,
    x: Float[np.ndarray, "n features"] | None = None,
    phases: Sequence[Phase] = PHASES,
    repulsion: Repulsion | None = None,
    cells: int | Int[np.ndarray, " n"] = 60,
    rigid: bool = False,
    seed: int = 0,
    device: torch.device | str = "cpu",
    on_step: Callable[[], None] = lambda: None,
) -> Float[np.ndarray, "n dim"]:
    r"""Places of the rows of a neighbour graph, by gradient descent on the divergence of t-SNE.

    Minimised is KL(p ‖ q) with p_ij the edge weights divided by their sum and q_ij ∝ 1/(1 + ‖y_i − y_j‖²), its
    attraction times the exaggeration of the phase, plus `arrangement` · (1 − r), r the correlation of far distances
    with those of `x` (see `arrangement`; its cells are found by k-means in the places at the beginning of the phase).
    Steps have momentum and a gain per coordinate, rate n/exaggeration, and are cut to length 5. Equal arguments
    give equal places on the processor.

    Args:
        graph: symmetric (n, n) sparse matrix of edge weights > 0, as from `graph.fuzzy_weights`.
        start: where to begin; tiny for a new layout (see `start_of`), the places of an earlier phase to go on.
        x: patterns; only for phases with an arrangement, the large shape is not arranged without them.
        phases: what to do, in order.
        repulsion: how the repulsion is computed; None takes all pairs of up to 1,000 rows, else a grid on the plane and
            a sample in other dimensions.
        cells: the groups that the arrangement moves as rigid bodies: how many to find, fewer where rows are few, or
            the number of the group of each row.
        rigid: whether these groups move as rigid bodies under all forces, so that their inside stays as it is.
        seed: of the pairs and cells.
        device: where to compute.
        on_step: called after every step.

    Cost: O(steps (edges + n dim)) and the repulsion.

    Raises:
        ShapeError: if graph, start and x differ in rows.
        SpecError: for a graph without edges.

    References:
        van der Maaten & Hinton, *Visualizing data using t-SNE*, 2008; Belkina et al., *Automated optimized parameters
        for t-SNE*, 2019 (rate n/exaggeration); Böhm et al., *Attraction–repulsion spectrum*, 2022.
    """
    _check(graph, start, x)
    n, dim = start.shape
    pull = Attraction(graph, device=device)
    push = repulsion or _usual_repulsion(n, dim, seed)
    y = torch.from_numpy(np.ascontiguousarray(start, dtype=np.float32)).to(device)
    patterns = None if x is None else torch.from_numpy(np.ascontiguousarray(x, dtype=np.float32)).to(device)
    generator = torch.Generator().manual_seed(seed)
    for phase in phases:
        arranged = phase.arrangement > 0 and patterns is not None
        groups = _groups(y, cells, seed) if arranged or rigid else None
        velocity, gain = torch.zeros_like(y), torch.ones_like(y)
        for _ in range(phase.steps):
            repelled, total = push(y)
            slope = 4 * (phase.exaggeration * pull(y) - repelled / total)
            if rigid and groups is not None:
                slope = mean_of_cells(slope, groups)
            if arranged and groups is not None and patterns is not None:
                slope += phase.arrangement * arrangement(y, patterns, groups, generator=generator)
            gain = torch.where((slope > 0) == (velocity > 0), gain * 0.8, gain + 0.2).clamp_(min=0.01)
            velocity = phase.momentum * velocity - (n / phase.exaggeration) * gain * slope
            velocity *= _LONGEST_STEP / velocity.norm(dim=1, keepdim=True).clamp(min=_LONGEST_STEP)
            y = y + velocity
            y -= y.mean(dim=0)
            on_step()
    return y.cpu().numpy()


def start_of(h: Float[np.ndarray, "n components"], dim: int) -> Float[np.ndarray, "n dim"]:
    """The first principal components, tiny, so that the forces decide and the components break the symmetry."""
    missing = max(0, dim - h.shape[1])
    first = np.pad(h[:, :dim], ((0, 0), (0, missing)))
    return (_FIRST_SPREAD / max(float(first[:, 0].std()), np.finfo(np.float32).tiny) * first).astype(np.float32)


def _usual_repulsion(n: int, dim: int, seed: int) -> Repulsion:
    if n <= _ALL_PAIRS:
        return SampledRepulsion(rows=n)
    return GridRepulsion() if dim == 2 else SampledRepulsion(seed=seed)


def _groups(y: Tensor, cells: int | np.ndarray, seed: int) -> Tensor:
    places = y.cpu().numpy()
    if isinstance(cells, int):
        cells = cells_of(places, min(cells, max(1, len(places) // _ROWS_PER_CELL)), seed=seed)
    return torch.from_numpy(cells.astype(np.int64)).to(y.device)


def _check(graph: sp.csr_matrix, start: np.ndarray, x: np.ndarray | None) -> None:
    n = len(start)
    if graph.shape != (n, n) or (x is not None and len(x) != n):
        raise ShapeError(
            f"lay_out wants one place and one pattern per graph node; got a graph of shape {graph.shape}, {n} places"
            + ("." if x is None else f" and {len(x)} patterns.")
            + " Build all three on the same rows."
        )
    if graph.nnz == 0:
        raise SpecError("lay_out wants a graph with edges; got none. Raise k.")
