"""From the words of a command line to a landscape: where the rows come from, which field, which minima count."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from latentatlas.core.errors import DataError, ShapeError, SpecError, did_you_mean
from latentatlas.data import Table, group_names, read_table, require_variation, telling_column, warn_of_scales
from latentatlas.graph import CosineDistance, EuclideanDistance, knn_graph
from latentatlas.landscape import Landscape, find_minima
from latentatlas.landscape.roughness import rough_prominence
from latentatlas.landscape.survey import density_neighbours, noise_prominence, survey
from latentatlas.report.field_comparison import scaled
from latentatlas.spectral import diffusion_map, feature_laplacian
from latentatlas.store import open_run

__all__ = [
    "FIELDS",
    "METRICS",
    "Found",
    "Rows",
    "Wanted",
    "found_in",
    "from_run",
    "is_run",
    "mapped",
    "named",
    "taken_out",
]

METRICS = {"euclidean": EuclideanDistance(), "cosine": CosineDistance()}


class Wanted(NamedTuple):
    """What landscape is asked for."""

    field: str
    alpha: float
    neighbours: int
    metric: str
    basins: int | None
    prominence: float | None
    seed: int


class Rows(NamedTuple):
    """Rows, the space in which the field lives, and their map."""

    table: Table
    x: np.ndarray
    xy: np.ndarray | None
    map_name: str
    notes: tuple[str, ...] = ()


class Found(NamedTuple):
    """A landscape and why it has so many minima."""

    kept: Landscape
    whole: Landscape
    threshold: float | None
    why: str
    field_name: str
    field_words: str


class _Field(NamedTuple):
    name: str
    words: str
    energy: Callable[[np.ndarray, Wanted], np.ndarray] | None  # None: the density that `survey` takes


def is_run(source: str) -> bool:
    """Whether a source is a run folder."""
    return (Path(source) / "manifest.json").is_file()


def from_run(source: str) -> Rows:
    """The latents and the map of a fitted atlas, with what is known about its rows."""
    from latentatlas.build import load

    run = open_run(source)
    if "atlas" not in run.spec:
        raise SpecError(
            f"minima wants the run of a fit, whose latents it reads; {source} is none. Give the source that it was "
            "made from."
        )
    atlas = load(run)
    table = replace(atlas.table_, name=f"the latents of {Path(source).name}", pointer=str(Path(source).resolve()))
    note = f"The field lives in the {atlas.dim} latent axes of {source}, not in the features of the data."
    return Rows(table, atlas.latent_, atlas.map_, f"the map of {Path(source).name}", (note,))


def taken_out(table: Table, names: Sequence[str]) -> tuple[Table, dict[str, np.ndarray]]:
    """The named columns, and the table without those of them that would be features of the field.

    Raises:
        DataError: for an unknown column, or if no feature is left.
    """
    rows, values = table.rows(), {}
    for name in names:
        if name in rows:
            values[name] = rows[name]
        elif name in table.columns:
            values[name] = table.x[:, table.columns.index(name)]
        else:
            known = [*rows, *(table.columns if table.columns[0] != "x0" else ())]
            raise DataError(f"{table.name} has no column {name!r}. {did_you_mean(name, known)}")
    left = [name for name in table.columns if name not in names]
    if not left:
        raise DataError(f"minima wants features besides {', '.join(names)}; {table.name} has none. Name fewer.")
    return (table if len(left) == len(table.columns) else read_table(table, vector=left)), values


def mapped(rows: Rows, seed: int) -> Rows:
    """The rows with a map: the one they have, else their first two principal components."""
    if rows.xy is not None:
        return rows
    from sklearn.decomposition import PCA

    axes = min(2, rows.x.shape[1])
    pca = PCA(axes, random_state=seed).fit(rows.x)
    xy = np.zeros((len(rows.x), 2))
    xy[:, :axes] = pca.transform(rows.x)
    share = float(pca.explained_variance_ratio_.sum())
    words = f"first two principal components, {share:.0%} of the variance" if axes == 2 else "the one feature there is"
    return rows._replace(xy=xy, map_name=words)


def found_in(rows: Rows, wanted: Wanted) -> Found:
    """The landscape of a field over the rows.

    Raises:
        ShapeError: for fewer than two rows.
        DataError: if all rows are equal, or a row has no energy.
    """
    if len(rows.x) < 2:
        raise ShapeError(f"minima wants two rows or more; {rows.table.name} has {len(rows.x)}. Add rows.")
    require_variation(rows.x, who="minima")
    if wanted.metric == "euclidean" and rows.x is rows.table.x:
        warn_of_scales(rows.x, rows.table.columns)
    chosen = FIELDS[wanted.field]
    metric, k = METRICS[wanted.metric], min(wanted.neighbours, len(rows.x) - 1)
    if chosen.energy is None:
        whole = survey(rows.x, n_neighbors=k, metric=metric, min_prominence=0.0, seed=wanted.seed)
        noise = noise_prominence(len(rows.x), density_neighbours(len(rows.x), k))
        rule = "which a density of so many rows reaches by chance once in twenty samples"
    else:
        energy = chosen.energy(rows.x, wanted)
        graph = knn_graph(rows.x, k, metric=metric, seed=wanted.seed).indices
        whole = find_minima(energy, graph)
        noise = rough_prominence(energy, graph)
        rule = "which the roughness of this field from row to row makes by chance once in twenty samples"
    name = f"{chosen.name}, α = {wanted.alpha:g}" if wanted.field == "blend" else chosen.name
    return Found(*_kept(whole, wanted, noise, rule), name, chosen.words)


def named(table: Table, basins: np.ndarray, values: np.ndarray | None, by: str | None) -> tuple[list[str], str]:
    """Names of the basins and the column they come from: the one asked for, else label, else the most telling one."""
    count = int(basins.max()) + 1
    if by is None:
        by = "label" if table.label is not None else telling_column(table.rows(), basins)
        if by is None:
            return [""] * count, ""
        values = table.rows()[by]
    assert values is not None
    whole = values.dtype.kind == "f" and bool((values == np.round(values)).all())
    return group_names(values.astype(np.int64) if whole else values, basins), by


def _kept(whole: Landscape, wanted: Wanted, noise: float, rule: str) -> tuple[Landscape, Landscape, float | None, str]:
    if wanted.basins is not None:
        kept = whole.merged(count=wanted.basins)
        why = f"{wanted.basins} were asked for; minima joined by least prominence × rows until so many were left."
        if len(kept.minima) > wanted.basins:
            why = f"{wanted.basins} were asked for, but the neighbour graph has {len(kept.minima)} parts with no way."
        elif len(kept.minima) < wanted.basins:
            why = f"{wanted.basins} were asked for, but the field has no more minima."
        return kept, whole, None, why
    if wanted.prominence is not None:
        least, why = wanted.prominence, f"They have the prominence of {wanted.prominence:g} that was asked for."
    else:
        least, why = noise, f"Their prominence exceeds {noise:.3g}, {rule}."
    return whole.merged(prominence=least), whole, least, why


def _rayleigh(x: np.ndarray, _: Wanted) -> np.ndarray:
    found = feature_laplacian(x)(x)
    if found.flagged.any():
        raise DataError(
            f"The Rayleigh energy wants rows with a direction; {int(found.flagged.sum())} of {len(x)} rows are zero, "
            f"the first is row {int(found.flagged.argmax())} (counted from 0). Drop them, or take --field density."
        )
    return found.energy


def _diffusion(x: np.ndarray, wanted: Wanted) -> np.ndarray:
    rows = METRICS[wanted.metric].prepare(x)
    return -np.log(diffusion_map(rows, coordinates=2, seed=wanted.seed).stationary * len(x))


def _blend(x: np.ndarray, wanted: Wanted) -> np.ndarray:
    k = min(wanted.neighbours, len(x) - 1)
    density = survey(x, n_neighbors=k, metric=METRICS[wanted.metric], seed=wanted.seed).energy
    return wanted.alpha * scaled(density) + (1 - wanted.alpha) * scaled(_rayleigh(x, wanted))


FIELDS = {
    "density": _Field("density", "The field is −log density, in nats: low where rows are dense.", None),
    "rayleigh": _Field(
        "roughness",
        "The field is the Rayleigh energy on the graph of features: low where similar features have similar values.",
        _rayleigh,
    ),
    "diffusion": _Field(
        "diffusion",
        "The field is −log of the share of time a random walk spends in a row, 0 on average: low where it lingers.",
        _diffusion,
    ),
    "blend": _Field(
        "blend of density and roughness",
        "The field is α · density + (1 − α) · roughness, both scaled from 0 to 1: low where rows are dense and smooth.",
        _blend,
    ),
}
