"""What a run folder holds, as plain data, and how each part is written."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

import numpy as np

from latentatlas.core.errors import StoreError
from latentatlas.store.atomic import synced
from latentatlas.store.points import write_columns

__all__ = ["FILES", "RunContents", "json_bytes", "nulls_for_nonfinite", "write_parts"]


FILES = (
    "spec.json",
    "weights.safetensors",
    "points.parquet",
    "history.parquet",
    "verdicts.json",
    "metrics.json",
    "report.html",
    "map.png",
    "graph/input_indices.npy",
    "graph/input_distances.npy",
    "graph/latent_indices.npy",
    "graph/latent_distances.npy",
    "patterns/patterns.npy",
    "patterns/pointer.json",
    "index/vectors.npy",
)
"""Every file that a run of this version can have."""


@final
@dataclass(frozen=True, eq=False)
class RunContents:
    """Everything a run folder can hold. An empty part is not written.

    Attributes:
        spec: constructor arguments, versions, seed, data fingerprint.
        weights: name → array of the model.
        points: ordered columns with one entry per row; two-dimensional ones such as `latent` are kept as float32.
        graph: "input" and "latent" → {"indices": (n, k), "distances": (n, k)}, kept as int32 and float32.
        history: columns of the training log, one entry per logged step.
        verdicts: one dict per check.
        metrics: name → value.
        patterns: the raw rows, or a pointer to them: {"pointer", "fingerprint", "rows", "features"}.
        vectors: (n, dim) for search, kept as float32.
        report: a self-contained HTML page.
        picture: a PNG image of the map.

    Raises:
        StoreError: if the parts do not describe the same rows.
    """

    spec: Mapping[str, Any]
    weights: Mapping[str, np.ndarray] = field(default_factory=dict)
    points: Mapping[str, np.ndarray] = field(default_factory=dict)
    graph: Mapping[str, Mapping[str, np.ndarray]] = field(default_factory=dict)
    history: Mapping[str, np.ndarray] = field(default_factory=dict)
    verdicts: list[dict[str, Any]] = field(default_factory=list)
    metrics: Mapping[str, float] = field(default_factory=dict)
    patterns: np.ndarray | Mapping[str, Any] | None = None
    vectors: np.ndarray | None = None
    report: str = ""
    picture: bytes = b""

    def __post_init__(self):
        rows = {f"points[{name!r}]": len(column) for name, column in self.points.items()}
        if self.vectors is not None:
            if np.ndim(self.vectors) != 2:
                raise StoreError(
                    f"RunContents wants vectors (n, dim); got shape {np.shape(self.vectors)}. Reshape them."
                )
            rows["vectors"] = len(self.vectors)
        if isinstance(self.patterns, np.ndarray):
            rows["patterns"] = len(self.patterns)
        for name, part in self.graph.items():
            rows[f"graph[{name!r}]"] = _graph_rows(name, part)
        if len(set(rows.values())) > 1:
            came = ", ".join(f"{name} has {count:,}" for name, count in rows.items())
            raise StoreError(f"RunContents wants every part to describe the same rows; {came}. Pass matching parts.")


def write_parts(folder: Path, contents: RunContents) -> None:
    """Write every part into an existing empty folder, each file synced to the disk."""
    _write_bytes(folder / "spec.json", json_bytes(contents.spec))
    _write_bytes(folder / "verdicts.json", json_bytes(nulls_for_nonfinite(contents.verdicts)))
    _write_bytes(folder / "metrics.json", json_bytes(nulls_for_nonfinite(contents.metrics)))
    if contents.weights:
        _write_bytes(folder / "weights.safetensors", _safetensors(contents.weights))
    for name, columns in (("points.parquet", contents.points), ("history.parquet", contents.history)):
        if columns:
            with synced(folder / name) as file:
                write_columns(columns, file)
    for name, part in contents.graph.items():
        _write_array(folder / "graph" / f"{name}_indices.npy", np.asarray(part["indices"], dtype=np.int32))
        _write_array(folder / "graph" / f"{name}_distances.npy", np.asarray(part["distances"], dtype=np.float32))
    if isinstance(contents.patterns, Mapping):
        _write_bytes(folder / "patterns" / "pointer.json", json_bytes(contents.patterns))
    elif contents.patterns is not None:
        _write_array(folder / "patterns" / "patterns.npy", contents.patterns)
    if contents.vectors is not None:
        _write_array(folder / "index" / "vectors.npy", np.asarray(contents.vectors, dtype=np.float32))
    if contents.report:
        _write_bytes(folder / "report.html", contents.report.encode())
    if contents.picture:
        _write_bytes(folder / "map.png", contents.picture)


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
