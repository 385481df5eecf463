"""What an atlas says of every row, by the names of the columns of `points.parquet`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from latentatlas.core import AtlasError, LatentLayout
from latentatlas.data import Shards, Table
from latentatlas.estimator.leaking import told_by_neighbours
from latentatlas.estimator.model import AtlasModel
from latentatlas.estimator.naming import names_of
from latentatlas.estimator.rows import shared_neighbours
from latentatlas.store import ColumnBlocks, free_column

if TYPE_CHECKING:
    from latentatlas.estimator.atlas import Atlas

__all__ = ["all_points", "point_column", "points_of"]

_OWN_COLUMNS = {
    "id",
    "x",
    "y",
    "latent",
    "basin",
    "membership",
    "energy",
    "anomaly_p",
    "trust",
    "held_out",
    "basin_name",
    "chart",
    "chart_membership",
    "local",
    "routing_entropy",
    "code",
    "label",
    "environment",
}


def point_column(name: str) -> str:
    """The name among the points of a column of the data: its own, or with `_` added where the atlas has such a column.

    >>> point_column("age"), point_column("energy"), point_column("energy_"), point_column("latent.free")
    ('age', 'energy_', 'energy__', 'latent.free_')
    """
    of_blocks = {name.rstrip("_")} if name.startswith(("latent.", "leakage.")) else set()
    return free_column(name, _OWN_COLUMNS | of_blocks)


def points_of(atlas: Atlas) -> dict[str, np.ndarray]:
    """The rows of the fit."""
    known = {**_by_neighbours(atlas), "held_out": atlas.held_out_}
    rows = _columns(atlas.model_, atlas.table_, known=known, latent=atlas.latent_)
    return _with_blocks(_with_names(rows, names_of(atlas)), atlas.layout)


def all_points(atlas: Atlas) -> Mapping[str, np.ndarray] | ColumnBlocks:
    """The rows of the fit or, where that was a sample of larger shards, all rows of the shards, block by block.

    Rows outside the sample have no trust and no leakage (NaN), and training did not see them (`held_out`).
    """
    sample = atlas.streamed_
    if sample is None:
        return points_of(atlas)
    if sample.shards is None:
        raise AtlasError(
            "Atlas.save wants the shards that this atlas is a sample of; it was loaded and has the sample alone. Copy "
            "the run folder, or fit again."
        )
    known: dict[str, np.ndarray] = {}
    for name, values in _by_neighbours(atlas).items():
        known[name] = np.full(sample.total, np.nan, np.float32)
        known[name][sample.rows] = values
    known["held_out"] = np.ones(sample.total, dtype=bool)
    known["held_out"][sample.rows] = atlas.held_out_
    model, shards, dtypes, names = atlas.model_, sample.shards, sample.dtypes, names_of(atlas)
    blocks = partial(_blocks, model, shards, dtypes, known)
    return ColumnBlocks(
        sample.total, lambda: (_with_blocks(_with_names(block, names), atlas.layout) for block in blocks())
    )


def _by_neighbours(atlas: Atlas) -> dict[str, np.ndarray]:
    """What the neighbours of the rows of the fit tell: trust, and the leakage of each nuisance."""
    found = {"trust": shared_neighbours(atlas.graph_, atlas.latent_graph_)}
    for name, values in atlas.table_.nuisance.items():
        told = told_by_neighbours(atlas.latent_graph_.indices, np.asarray(values))
        found[f"leakage.{name}"] = told.astype(np.float32)
    return found


def _blocks(
    model: AtlasModel, shards: Shards, dtypes: Mapping[str, np.dtype], known: Mapping[str, np.ndarray]
) -> Iterator[dict[str, np.ndarray]]:
    start = 0
    for block in shards.blocks():
        here = slice(start, start + len(block))
        latent = model.encode(model.preparation(block.x))
        block = _of_one_kind(block, dtypes)
        yield _columns(model, block, known={name: values[here] for name, values in known.items()}, latent=latent)
        start += len(block)


def _with_names(columns: dict[str, np.ndarray], names: list[str]) -> dict[str, np.ndarray]:
    """With the name of each row's basin."""
    return columns | {"basin_name": np.array(names, dtype=object)[columns["basin"]]}


def _with_blocks(columns: dict[str, np.ndarray], layout: LatentLayout | None) -> dict[str, np.ndarray]:
    """With the blocks of the latent that have an axis, as `latent.NAME`."""
    if layout is None:
        return columns
    blocks = layout.blocks(columns["latent"])
    return columns | {f"latent.{name}": block for name, block in blocks.items() if block.shape[1]}


def _of_one_kind(block: Table, dtypes: Mapping[str, np.dtype]) -> Table:
    """Numbers that are whole in one block and have gaps or fractions in another are of one type in all."""
    wider = {name: block.metadata[name].astype(dtype) for name, dtype in dtypes.items() if name in block.metadata}
    label = block.label.astype(dtypes["label"]) if block.label is not None and "label" in dtypes else block.label
    return replace(block, metadata=block.metadata | wider, label=label)


def _columns(
    model: AtlasModel, table: Table, *, known: Mapping[str, np.ndarray], latent: np.ndarray
) -> dict[str, np.ndarray]:
    columns = {
        "id": table.ids,
        **model.describe(model.preparation(table.x), latent),
        **known,
    }
    roles = {"label": table.label, "environment": table.environment}
    columns |= {role: column for role, column in roles.items() if column is not None}
    others = {**table.metadata, **table.nuisance}
    return columns | {point_column(name): column for name, column in others.items()}
