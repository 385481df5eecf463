"""A run as other tools take it: AnnData, a data set of Hugging Face, a table for Embedding Atlas."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from latentatlas.core.errors import DataError, require_extra
from latentatlas.store.neighbours import among_all_points
from latentatlas.store.points import free_column
from latentatlas.store.run import Run

if TYPE_CHECKING:
    import pyarrow as pa
    from scipy.sparse import csr_array

__all__ = ["embedding_atlas_table", "to_anndata", "to_dataset"]

_GRAPHS = ("input", "latent")
_GROUPS = ("basin", "chart", "code")
_MAP = {"x": "projection_x", "y": "projection_y"}
_NEIGHBOURS = "neighbors"
_FIELDS = ("name", "status", "value", "threshold", "better", "reason", "remedy", "tier")


def to_anndata(run: Run) -> Any:
    """A run as `anndata.AnnData`, with which the tools of single cells go on. Needs the extra `anndata`.

    - `X`, `var`: the raw rows and their columns, where the run keeps a row for every point;
    - `obs`: every column of the points that is one value a row; numbers of basins, charts and codes as categories;
    - `obsm`: `X_map`, and every vector under its name, `X_latent`, `X_local`;
    - `obsp`: `input_distances` and `latent_distances`, sparse distances to the neighbours in data and latent;
    - `uns`: `certificate` (a frame of the verdicts), `metrics`, `spec` (JSON), `latentatlas` (the version).

    Rows are named by their ids, or by their numbers where ids repeat.

    Args:
        run: the run.

    Raises:
        SpecError: if anndata is not installed.
        StoreError: if a part of the run is damaged.

    Cost: O(rows (columns + k + features)); the raw rows are copied.
    """
    library: Any = require_extra("anndata", "anndata", who="to_anndata")
    import pandas as pd

    points = run.points()
    flat = {name: values for name, values in points.items() if values.ndim == 1}
    names = flat["id"].astype(str) if "id" in flat else np.arange(_rows(points)).astype(str)
    if len(np.unique(names)) < len(names):
        names = np.arange(len(names)).astype(str)
    obs = pd.DataFrame({name: values for name, values in flat.items() if name not in _MAP}, index=pd.Index(names))
    for name in _GROUPS:
        if name in obs:
            obs[name] = obs[name].astype("category")
    patterns, sampled = run.patterns(), run.sampled()
    whole = None if patterns is None or sampled is not None else np.array(patterns, np.float32)
    return library.AnnData(
        X=whole,
        obs=obs,
        var=None if whole is None else pd.DataFrame(index=pd.Index(_features(run, whole.shape[1]))),
        obsm={f"X_{name}": values for name, values in points.items() if values.ndim == 2} | _map_of(points),
        obsp={f"{name}_distances": _distances(run, name, len(obs)) for name in _GRAPHS if _has_graph(run, name)},
        uns={
            "latentatlas": run.version,
            "certificate": _certificate(run),
            "metrics": {name.replace("/", "|"): float(value) for name, value in run.metrics.items()},
            "spec": json.dumps(run.spec, ensure_ascii=False, default=str),
        },
    )


def to_dataset(run: Run) -> Any:
    """The points of a run as `datasets.Dataset`. Needs the extra `hf`.

    Columns are those of `points.parquet`, vectors as lists of a fixed length; the raw rows, where the run keeps one for
    every point, come last as `pattern`. The description tells the verdicts.

    Args:
        run: the run.

    Raises:
        SpecError: if datasets is not installed.
        StoreError: if a part of the run is damaged.

    Cost: O(rows (columns + features)), in memory.
    """
    library: Any = require_extra("datasets", "hf", who="to_dataset")
    table, patterns = run.points_table(), run.patterns()
    if patterns is not None and run.sampled() is None:
        table = table.append_column(free_column("pattern", table.column_names), _lists(np.array(patterns)))
    verdicts = "\n".join(f"{verdict['status']} {verdict['name']}: {verdict['reason']}" for verdict in run.verdicts)
    description = f"Points of a run of latentatlas {run.version}.\n{verdicts}"
    info, name = library.DatasetInfo(description=description), library.fingerprint.generate_random_fingerprint()
    return library.Dataset(library.table.InMemoryTable(table), info=info, fingerprint=name)


def embedding_atlas_table(run: Run) -> pa.Table:
    """The points of a run as Embedding Atlas (Apple) reads them from a Parquet file.

    The map is `projection_x` and `projection_y`; `neighbors` are those in the data, else in the latent, of each row:
    {"ids": numbers of rows, "distances": …}, null where the run knows none. Columns of yours with these names get an
    underscore at their end. The file is opened with::

        embedding-atlas FILE --x projection_x --y projection_y --neighbors neighbors

    Args:
        run: the run.

    Raises:
        DataError: if the run has no map.
        StoreError: if a part of the run is damaged.

    References:
        Ren, Hohman, Lin, Moritz 2025, Embedding Atlas: low-friction, interactive embedding visualization.
    """
    table = run.points_table()
    for name in _MAP:
        if name not in table.column_names:
            raise DataError(f"Embedding Atlas shows a map; the run {run.path} has no column {name!r}. Fit one.")
    ours = {*_MAP.values(), _NEIGHBOURS}
    table = table.rename_columns([_MAP.get(name) or free_column(name, ours) for name in table.column_names])
    graph = next((name for name in _GRAPHS if _has_graph(run, name)), None)
    if graph is None:
        return table
    indices, distances = among_all_points(run.graph(graph), run.sampled(), len(table))
    return table.append_column(_NEIGHBOURS, _as_structs(indices, distances))


def _rows(points: Mapping[str, np.ndarray]) -> int:
    return len(next(iter(points.values()), ()))


def _has_graph(run: Run, name: str) -> bool:
    return f"graph/{name}_indices.npy" in run.files


def _features(run: Run, count: int) -> list[str]:
    """Names of the columns of the data, or their numbers."""
    names = [str(name) for name in (run.spec.get("data") or {}).get("columns") or ()]
    return names if len(set(names)) == count else [str(number) for number in range(count)]


def _map_of(points: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    there = all(name in points for name in _MAP)
    return {"X_map": np.stack([points[name] for name in _MAP], axis=1)} if there else {}


def _distances(run: Run, name: str, rows: int) -> csr_array:
    """Row i holds the distances to its neighbours; a neighbour at distance 0 is kept."""
    from scipy.sparse import csr_array

    indices, distances = among_all_points(run.graph(name), run.sampled(), rows)
    known = indices >= 0
    starts = np.concatenate([[0], np.cumsum(known.sum(axis=1))])
    return csr_array((distances[known], indices[known], starts), shape=(rows, rows))


def _certificate(run: Run) -> Any:
    """A frame with a line for each verdict; texts are empty and numbers NaN where a verdict says nothing."""
    import pandas as pd

    numbers = ("value", "threshold")
    columns = {field: [verdict.get(field) for verdict in run.verdicts] for field in _FIELDS}
    return pd.DataFrame(
        {
            field: np.array(values, float) if field in numbers else [str(value or "") for value in values]
            for field, values in columns.items()
        },
        index=pd.Index([str(number) for number in range(len(run.verdicts))]),
    )


def _lists(rows: np.ndarray) -> pa.Array:
    import pyarrow as pa

    flat = np.ascontiguousarray(rows.reshape(len(rows), -1))
    return pa.FixedSizeListArray.from_arrays(pa.array(flat.ravel()), flat.shape[1])


def _as_structs(indices: np.ndarray, distances: np.ndarray) -> pa.Array:
    import pyarrow as pa

    known = indices >= 0
    starts = pa.array(np.concatenate([[0], np.cumsum(known.sum(axis=1))]).astype(np.int32))
    parts = [
        pa.ListArray.from_arrays(starts, pa.array(values[known].astype(kind)))
        for values, kind in ((indices, np.int64), (distances, np.float64))
    ]
    nothing = pa.array(~known.any(axis=1))
    return pa.StructArray.from_arrays(parts, names=["ids", "distances"], mask=nothing)
