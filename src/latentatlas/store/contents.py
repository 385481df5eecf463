"""What a run folder holds, as plain data, and how each part is written."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

import numpy as np

from latentatlas.core.errors import StoreError
from latentatlas.store.atomic import synced
from latentatlas.store.points import ColumnBlocks, write_blocks, write_columns

__all__ = ["FILES", "RunContents", "json_bytes", "nulls_for_nonfinite", "write_parts"]


FILES = (
    "spec.json",
    "weights.safetensors",
    "points.parquet",
    "history.parquet",
    "verdicts.json",
    "metrics.json",
    "basins.json",
    "charts.json",
    "report.html",
    "map.png",
    "graph/rows.npy",
    "graph/input_indices.npy",
    "graph/input_distances.npy",
    "graph/latent_indices.npy",
    "graph/latent_distances.npy",
    "patterns/patterns.npy",
    "patterns/pointer.json",
    "index/vectors.npy",
    "landscape/minima.parquet",
    "landscape/barriers.npy",
)
"""Every file that a run of this version can have."""


@final
@dataclass(frozen=True, eq=False)
class RunContents:
    """Everything a run folder can hold. An empty part is not written.

    Attributes:
        spec: constructor arguments, versions, seed, data fingerprint.
        weights: name → array of the model.
        points: ordered columns with one entry per row, or blocks of them; two-dimensional ones such as `latent` are
            kept as float32.
        graph: "input" and "latent" → {"indices": (n, k), "distances": (n, k)}, kept as int32 and float32.
        sampled: numbers of the points that graph and patterns describe, ascending; None where they describe all.
        history: columns of the training log, one entry per logged step.
        verdicts: one dict per check.
        metrics: name → value.
        basins: one dict per basin: number, name, whether it was given, size, share, ids of exemplars and border rows.
        charts: what is known of many charts, as plain data: "charts", "transitions", "orientation".
        patterns: the raw rows, or a pointer to them: {"pointer", "fingerprint", "rows", "features"}.
        vectors: (n, dim) for search, kept as float32, or the name of the column of points that holds them.
        landscape: "minima": columns with one entry per minimum, most prominent first; "barriers": (m, m) energies of
            the lowest saddles between them, infinite where there is no way.
        report: a self-contained HTML page.
        picture: a PNG image of the map.

    Raises:
        StoreError: if the parts do not describe the same rows.
    """

    spec: Mapping[str, Any]
    weights: Mapping[str, np.ndarray] = field(default_factory=dict)
    points: Mapping[str, np.ndarray] | ColumnBlocks = field(default_factory=dict)
    graph: Mapping[str, Mapping[str, np.ndarray]] = field(default_factory=dict)
    sampled: np.ndarray | None = None
    history: Mapping[str, np.ndarray] = field(default_factory=dict)
    verdicts: list[dict[str, Any]] = field(default_factory=list)
    metrics: Mapping[str, float] = field(default_factory=dict)
    basins: list[dict[str, Any]] = field(default_factory=list)
    charts: Mapping[str, Any] = field(default_factory=dict)
    patterns: np.ndarray | Mapping[str, Any] | None = None
    vectors: np.ndarray | str | None = None
    landscape: Mapping[str, Any] = field(default_factory=dict)
    report: str = ""
    picture: bytes = b""

    def __post_init__(self):
        if isinstance(self.points, ColumnBlocks):
            all_rows = {"points": len(self.points)}
        else:
            all_rows = {f"points[{name!r}]": len(column) for name, column in self.points.items()}
        if isinstance(self.vectors, np.ndarray):
            if self.vectors.ndim != 2:
                raise StoreError(f"RunContents wants vectors (n, dim); got shape {self.vectors.shape}. Reshape them.")
            all_rows["vectors"] = len(self.vectors)
        rows = {} if self.sampled is None else {"sampled": len(self.sampled)}
        if isinstance(self.patterns, np.ndarray):
            rows["patterns"] = len(self.patterns)
        for name, part in self.graph.items():
            rows[f"graph[{name!r}]"] = _graph_rows(name, part)
        _require_square(self.landscape)
        for together in (all_rows, rows) if self.sampled is not None else (all_rows | rows,):
            if len(set(together.values())) > 1:
                came = ", ".join(f"{name} has {count:,}" for name, count in together.items())
                raise StoreError(
                    f"RunContents wants every part to describe the same rows; {came}. Pass matching parts."
                )


def write_parts(folder: Path, contents: RunContents) -> None:
    """Write every part into an existing empty folder, each file synced to the disk."""
    _write_bytes(folder / "spec.json", json_bytes(contents.spec))
    _write_bytes(folder / "verdicts.json", json_bytes(nulls_for_nonfinite(contents.verdicts)))
    _write_bytes(folder / "metrics.json", json_bytes(nulls_for_nonfinite(contents.metrics)))
    if contents.basins:
        _write_bytes(folder / "basins.json", json_bytes(nulls_for_nonfinite(contents.basins)))
    if contents.charts:
        _write_bytes(folder / "charts.json", json_bytes(nulls_for_nonfinite(contents.charts)))
    if contents.weights:
        _write_bytes(folder / "weights.safetensors", _safetensors(contents.weights))
    _write_points(folder, contents)
    if contents.history:
        with synced(folder / "history.parquet") as file:
            write_columns(contents.history, file)
    if contents.sampled is not None:
        _write_array(folder / "graph" / "rows.npy", np.asarray(contents.sampled, dtype=np.int64))
    for name, part in contents.graph.items():
        _write_array(folder / "graph" / f"{name}_indices.npy", np.asarray(part["indices"], dtype=np.int32))
        _write_array(folder / "graph" / f"{name}_distances.npy", np.asarray(part["distances"], dtype=np.float32))
    if isinstance(contents.patterns, Mapping):
        _write_bytes(folder / "patterns" / "pointer.json", json_bytes(contents.patterns))
    elif contents.patterns is not None:
        _write_array(folder / "patterns" / "patterns.npy", contents.patterns)
    if isinstance(contents.vectors, np.ndarray):
        _write_array(folder / "index" / "vectors.npy", np.asarray(contents.vectors, dtype=np.float32))
    if contents.landscape:
        (folder / "landscape").mkdir()
        with synced(folder / "landscape" / "minima.parquet") as file:
            write_columns(contents.landscape["minima"], file)
        _write_array(folder / "landscape" / "barriers.npy", np.asarray(contents.landscape["barriers"], np.float64))
    if contents.report:
        _write_bytes(folder / "report.html", contents.report.encode())
    if contents.picture:
        _write_bytes(folder / "map.png", contents.picture)


def _write_points(folder: Path, contents: RunContents) -> None:
    """The points and, if they are one of their columns, the vectors for search, in one pass over the blocks."""
    points = contents.points
    if not points:
        return
    named = contents.vectors if isinstance(contents.vectors, str) else None
    blocks = points.blocks() if isinstance(points, ColumnBlocks) else iter([points])
    if named is not None:
        (folder / "index").mkdir()
        blocks = _with_vectors(blocks, named, folder / "index" / "vectors.npy", rows=_rows(points))
    with synced(folder / "points.parquet") as file:
        write_blocks(blocks, file)


def _rows(points: Mapping[str, np.ndarray] | ColumnBlocks) -> int:
    return len(points) if isinstance(points, ColumnBlocks) else len(next(iter(points.values())))


def _with_vectors(
    blocks: Iterator[Mapping[str, np.ndarray]], column: str, path: Path, *, rows: int
) -> Iterator[Mapping[str, np.ndarray]]:
    """The same blocks; one column of each is also appended to an array file."""
    with synced(path) as file:
        for number, block in enumerate(blocks):
            vectors = np.ascontiguousarray(block[column], dtype=np.float32)
            if number == 0:
                header = {"descr": "<f4", "fortran_order": False, "shape": (rows, vectors.shape[1])}
                np.lib.format.write_array_header_1_0(file, header)
            file.write(vectors.astype("<f4", copy=False).data)
            yield block


def json_bytes(data: Any) -> bytes:
    r"""Plain data as indented JSON text in UTF-8; NumPy numbers and arrays become numbers and lists.

    >>> json_bytes({"a": np.float32(0.5)})
    b'{\n "a": 0.5\n}'

    Raises:
        StoreError: if something inside is not plain data.
    """
    try:
        return json.dumps(data, indent=1, ensure_ascii=False, default=_plain).encode()
    except TypeError as error:
        raise StoreError(
            f"A run folder wants plain data (numbers, text, lists, dicts); {error}. Convert it."
        ) from error


def nulls_for_nonfinite(data: Any) -> Any:
    """The same data with None for NaN and infinity, which JSON does not know.

    >>> nulls_for_nonfinite({"a": [1.0, float("nan")]})
    {'a': [1.0, None]}
    """
    if isinstance(data, float | np.floating):
        return float(data) if math.isfinite(data) else None
    if isinstance(data, Mapping):
        return {key: nulls_for_nonfinite(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [nulls_for_nonfinite(value) for value in data]
    return data


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"got {type(value).__name__}")


def _graph_rows(name: str, part: Mapping[str, np.ndarray]) -> int:
    shapes = {key: np.shape(part[key]) if key in part else () for key in ("indices", "distances")}
    if len(shapes["indices"]) != 2 or shapes["indices"] != shapes["distances"]:
        raise StoreError(
            f"RunContents wants graph[{name!r}] with indices and distances of one shape (n, k); got {shapes}. "
            "Pass both, as the neighbour search gives them."
        )
    return shapes["indices"][0]


def _require_square(landscape: Mapping[str, Any]) -> None:
    if not landscape:
        return
    if set(landscape) != {"minima", "barriers"} or not landscape["minima"]:
        raise StoreError(
            f"RunContents wants a landscape of minima and barriers; got {', '.join(landscape)}. Pass both."
        )
    lengths = {len(column) for column in landscape["minima"].values()}
    barriers = np.shape(landscape["barriers"])
    if len(lengths) != 1 or barriers != (*lengths, *lengths):
        raise StoreError(
            f"RunContents wants one row of barriers per minimum; got minima of {sorted(lengths)} rows and barriers of "
            f"shape {barriers}. Pass matching parts."
        )


def _safetensors(weights: Mapping[str, np.ndarray]) -> bytes:
    from safetensors.numpy import save

    return save({name: np.asarray(array, order="C") for name, array in weights.items()})


def _write_bytes(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    with synced(path) as file:
        file.write(content)


def _write_array(path: Path, array: np.ndarray) -> None:
    if array.dtype.hasobject:
        raise StoreError(
            f"{path.name} wants an array of numbers; got dtype {array.dtype}. Convert it, for example to float."
        )
    path.parent.mkdir(exist_ok=True)
    with synced(path) as file:
        np.save(file, array, allow_pickle=False)
