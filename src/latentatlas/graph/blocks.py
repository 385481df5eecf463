"""The neighbour graph of rows that come block by block, as many as the disk holds."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from latentatlas.core import AtlasError, DataError, ShapeError
from latentatlas.graph.inverted_file import bytes_kept
from latentatlas.graph.knn import (
    EXACT_ROWS,
    Dissimilarity,
    EuclideanDistance,
    Neighbours,
    Search,
    centred,
    working_room,
)

__all__ = ["knn_graph_of_blocks"]

_WHO = "knn_graph_of_blocks"


def knn_graph_of_blocks(
    blocks: Callable[[], Iterator[np.ndarray]],
    k: int,
    *,
    metric: Dissimilarity | None = None,
    min_recall: float = 0.95,
    seed: int = 0,
    max_memory: int | None = None,
    folder: Path | None = None,
) -> Neighbours:
    """The k-nearest-neighbour graph of rows that are never in memory at once. Equal to `knn_graph` of them all.

    One pass writes the rows to a temporary file. The search keeps only the leading principal axes of all rows (64
    numbers a row where that is enough, never more than half of the features, or up to 128 features as they are) and
    reads the rest from the file where it is needed. Up to 20,000 rows are read back and searched exactly.

    Cost: time as `knn_graph`; disk 4 n features bytes; memory some 600 bytes a row (2,300 where 256 axes are needed),
    one block, and the result unless `folder` is given.

    Args:
        blocks: called once; gives an iterator over float32 blocks of rows.
        k: number of neighbours.
        metric: None is Euclidean. It prepares each block by itself.
        min_recall: as in `knn_graph`.
        seed: as in `knn_graph`.
        max_memory: most bytes to take besides one block and the result; None is as much as usual.
        folder: existing folder for the temporary file, and for the result, whose arrays are then mapped from
            `indices.npy` and `distances.npy` there. None: the usual temporary folder, and a result in memory.

    >>> whole = np.array([[0.0], [1.0], [5.0]], dtype=np.float32)
    >>> knn_graph_of_blocks(lambda: iter([whole[:2], whole[2:]]), k=1).indices.ravel().tolist()
    [1, 0, 1]

    Raises:
        ShapeError: unless 1 ≤ k < n, or if blocks differ in their number of columns.
        DataError: that names the block, if it holds NaN or infinity or the metric cannot use a row.
        SpecError: if `max_memory` is too small, with the least that will do.
    """
    metric = metric or EuclideanDistance()
    with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as place:
        path = Path(place) / "rows"
        shape = _write(blocks(), metric, path)
        if not 1 <= k < shape[0]:
            raise ShapeError(f"{_WHO} wants 1 ≤ k < n; got k={k} for n={shape[0]} rows. Use another k or more rows.")
        rows = np.memmap(path, np.float32, "r+", shape=shape)
        exact = shape[0] <= EXACT_ROWS
        kept = rows.nbytes if exact else bytes_kept(*shape)
        room = working_room(_WHO, kept, max_memory=max_memory)
        centred(rows, out=rows)
        search = Search(k, metric, min_recall, seed)
        return search(np.array(rows) if exact else rows, exact=exact, room=room, folder=folder)


def _write(blocks: Iterator[np.ndarray], metric: Dissimilarity, path: Path) -> tuple[int, int]:
    """Put the prepared rows into a file; how many there are, and of how many features."""
    rows, features = 0, None
    with path.open("wb") as file:
        for number, block in enumerate(blocks):
            features = block.shape[1] if features is None else features
            if block.shape[1] != features:
                raise ShapeError(
                    f"{_WHO} wants blocks of one width; block {number} has {block.shape[1]} columns, those before it "
                    f"{features}. Read all with the same columns."
                )
            if not np.isfinite(block).all():
                raise DataError(f"{_WHO} wants finite rows; block {number} holds NaN or infinity. Drop or fill them.")
            try:
                prepared = metric.prepare(block)
            except AtlasError as error:
                raise DataError(f"Block {number}, from row {rows} on: {error}") from error
            file.write(np.ascontiguousarray(prepared, np.float32).data)
            rows += len(block)
    return rows, features or 0
