"""The landscape of anything like a matrix, without training."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from torch import Tensor

from latentatlas.data import as_matrix, require_variation, warn_of_scales
from latentatlas.graph import Dissimilarity
from latentatlas.landscape import Landscape, survey

if TYPE_CHECKING:
    from latentatlas.estimator.atlas import Atlas

__all__ = ["landscape_of", "minima"]


def minima(
    X: Any,
    *,
    field: Callable[[Tensor], Tensor] | None = None,
    n_neighbors: int = 15,
    metric: Dissimilarity | None = None,
    min_prominence: float | None = None,
    seed: int = 0,
) -> Landscape:
    """The minima, basins and barriers of the rows' own density, or of a field; nothing is trained.

    The result holds `.minima` (row numbers, most prominent first), `.prominence`, `.basins` (one per row), `.barriers`
    (between any two minima), `.energy` (one per row) and `.saddles`; `.merged(count=...)` and
    `.merged(prominence=...)` coarsen it, and `.path(i, j)` leads from one minimum to another.
    See `landscape.survey` for what is computed.

    Args:
        X: anything `data.as_matrix` takes: arrays, frames, tensors, sparse matrices.
        field: energy of points, (n, features) tensors to (n,); low is good. None takes the density of the rows.
        n_neighbors: edges per row of the graph, at most n − 1.
        metric: None takes Euclidean distance; `graph.CosineDistance()` suits embeddings of text.
        min_prominence: minima with less join the deeper one behind their saddle. None keeps what stands out from
            sampling noise (density) or from roughness (a field); 0 keeps all.
        seed: of the approximate neighbour search above 20,000 rows.

    Warns:
        DataWarning: if features differ in scale by more than 100 times.

    Raises:
        ShapeError: if `X` is not 2-D or empty.
        DataError: if `X` does not hold finite numbers, or all of several rows are equal.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(size=(300, 3)), rng.normal(10, 1, size=(300, 3))])
    >>> found = minima(X)
    >>> len(found.minima), found.basins[[0, 299, 300, 599]].tolist() in ([0, 0, 1, 1], [1, 1, 0, 0])
    (2, True)
    """
    rows, names = as_matrix(X, who="minima")
    if len(rows) > 1:
        require_variation(rows, who="minima")
        warn_of_scales(rows, names)
    return survey(rows, field=field, n_neighbors=n_neighbors, metric=metric, min_prominence=min_prominence, seed=seed)


def landscape_of(atlas: Atlas, field: Callable[[Tensor], Tensor] | None, *, min_prominence: float | None) -> Landscape:
    """See `Atlas.landscape`."""
    return survey(
        atlas.latent_,
        field=field,
        n_neighbors=atlas.n_neighbors,
        metric=atlas.model_.geometry,
        min_prominence=min_prominence,
        seed=atlas.random_state,
    )
