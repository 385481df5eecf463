"""How a fitted atlas takes in new rows: a reservoir of earlier ones, and a short fit that holds them in place."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, final

import numpy as np
import scipy.sparse as sp
import torch

from latentatlas.core import Batch, Constant, Schedule, SpecError, reproducible
from latentatlas.data import DataWarning, Table
from latentatlas.estimator.curriculum import neighbour_terms, settled
from latentatlas.estimator.drift import Placement, drift_between
from latentatlas.estimator.fitting import (
    Problem,
    default_edges,
    default_steps,
    fabric_on,
    joined,
)
from latentatlas.estimator.joining import joined_table
from latentatlas.estimator.known import Known
from latentatlas.estimator.model import AtlasModel
from latentatlas.estimator.rows import both_graphs
from latentatlas.estimator.views import Viewing
from latentatlas.graph import Neighbours, fuzzy_weights
from latentatlas.models import Stem
from latentatlas.terms import Anchor, Objective, Rebind, Term
from latentatlas.train import BatchSource, Callback, EdgeBatches, Recipe, fit

if TYPE_CHECKING:
    from latentatlas.estimator.atlas import Atlas

__all__ = ["Pace", "Updated", "reservoir_rows", "take_in", "update_atlas"]

_CAPACITY = 50_000
_FULL_SHARE = 0.1  # of new rows among all, from which an update takes all its steps
_FEWEST_STEPS = 50
_ANCHORS = ("anchor", "map_anchor")
_PLACES = ("layout", "map_layout", "cover", "seats")
_ANOMALOUS = 0.05
_FEW = 10


@final
@dataclass(frozen=True)
class Pace:
    """How an update is trained; decision 0010 tells why so.

    Attributes:
        anchor: weight of the term that holds earlier rows in place; 0 leaves it out.
        rate: highest learning rate.
        share: steps, as a share of those of a fit of all rows; fewer where less than a tenth of the rows is new.
    """

    anchor: float = 0.3
    rate: float = 3e-3
    share: float = 0.3

    def recipe(self, steps: int, *, new: float) -> Recipe:
        """The recipe, where a fit would take so many steps and a share `new` of the rows is new."""
        return Recipe(max(_FEWEST_STEPS, int(self.share * min(1, new / _FULL_SHARE) * steps)), rate=self.rate)


@final
@dataclass(frozen=True, eq=False)
class Updated:
    """What an update leaves behind.

    Attributes:
        table: the reservoir of earlier rows, then the new rows.
        kept: number in the earlier table of each row of the reservoir.
        held_out: True for rows that no training saw.
        unlike: share of the new rows that looked anomalous before; NaN where that cannot be said.
        model: the networks after the update.
        graph: neighbours of all rows.
        objective: the terms with their last weights, and the anchors.
        recipes: how the two stages of the fit and this update were trained.
        history: the training log, running on from that of the fit.
        threads: used.
        seconds: used.
    """

    table: Table
    kept: np.ndarray
    held_out: np.ndarray
    unlike: float
    model: AtlasModel
    graph: Neighbours
    objective: Objective
    recipes: tuple[Recipe, ...]
    history: dict[str, np.ndarray]
    threads: int
    seconds: float


def take_in(atlas: Atlas, new: Table, pace: Pace, callbacks: Sequence[Callback]) -> None:
    """Update a fitted atlas in place; if that fails it stays as it was."""
    update = update_atlas(atlas, new, pace=pace, callbacks=callbacks)
    earlier = slice(0, len(update.kept))
    before = Placement(atlas.latent_[update.kept], atlas.labels_[update.kept])
    atlas._install(update.model, update.table)
    atlas.streamed_ = None
    atlas.objective_, atlas.recipes_, atlas.history_ = update.objective, update.recipes, update.history
    atlas.threads_, atlas.seconds_ = update.threads, atlas.seconds_ + update.seconds
    atlas.rows_seen_, atlas.rows_new_ = atlas.rows_seen_ + len(new), len(new)
    atlas.held_out_ = update.held_out
    atlas._place(atlas.model_.preparation(update.table.x), update.graph)
    after = Placement(atlas.latent_[earlier], atlas.labels_[earlier])
    atlas.drift_ = drift_between(before, after, k=atlas.n_neighbors, unlike=update.unlike, space=atlas.model_.geometry)


def _require_views(atlas: Atlas) -> None:
    """Views are made of earlier rows too."""
    viewing = Viewing.of(atlas, atlas.table_, atlas.model_.preparation)
    if viewing is not None and not viewing.has_room():
        raise SpecError(
            f"Atlas.partial_fit wants views of earlier rows, and {type(atlas.transformation).__name__} reads them from "
            "the room beside a window, which an atlas does not keep. Call fit with all rows."
        )


def update_atlas(atlas: Atlas, new: Table, *, pace: Pace, callbacks: Sequence[Callback]) -> Updated:
    """Train on from the fitted networks with a reservoir of earlier rows and the new rows.

    Preparation, stem and the number of basins stay. A share of the new rows is held out; what was held out stays so.

    Warns:
        DataWarning: if most of ten or more new rows look unlike the earlier ones.
    """
    started = time.perf_counter()
    _require_views(atlas)
    rng = np.random.default_rng([atlas.random_state, atlas.rows_seen_])
    kept = reservoir_rows(len(atlas.table_), atlas.rows_new_, seen=atlas.rows_seen_, capacity=_CAPACITY, rng=rng)
    table = joined_table(atlas.table_, kept, new, seen=atlas.rows_seen_)
    unlike = _share_unlike(atlas.model_, new)
    held_out = np.concatenate([atlas.held_out_[kept], rng.random(len(new)) < atlas.held_out])
    problem = replace(Problem.of(atlas), seed=int(rng.integers(2**31)))
    network = deepcopy(atlas.model_.network)
    objective = Objective(_terms(atlas, kept, len(table), pace.anchor))
    steps = problem.steps or default_steps(int((~held_out).sum()))
    recipe = pace.recipe(steps, new=len(new) / len(table))
    x = atlas.model_.preparation(table.x)
    with reproducible(problem.seed, threads=problem.threads) as threads:
        graph, trained = both_graphs(x, np.flatnonzero(~held_out), problem.n_neighbors, seed=problem.seed)
        source, aside = _batches(problem, atlas.model_.stem, x, held_out, table, fuzzy_weights(trained))
        viewing = Viewing.of(atlas, table, atlas.model_.preparation)
        if viewing is not None:
            source = viewing.source(source, atlas.model_.stem, seed=problem.seed)
            aside = None if aside is None else viewing.once(aside, atlas.model_.stem, seed=problem.seed)
        history = fit(
            network,
            objective,
            source,
            recipe,
            held_out=aside,
            callbacks=callbacks,
            fabric=fabric_on(problem.device),
        ).columns()
    return Updated(
        table,
        kept,
        held_out,
        unlike,
        replace(atlas.model_, network=network),
        graph,
        objective,
        (*atlas.recipes_[:2], recipe),
        joined(atlas.history_, history),
        threads,
        time.perf_counter() - started,
    )


def reservoir_rows(n: int, new: int, *, seen: int, capacity: int, rng: np.random.Generator) -> np.ndarray:
    """Which rows of a table to keep, ascending: a uniform sample, without replacement, of all rows ever seen.

    The last `new` of the n rows are all that came last; those before them are such a sample of the rows that came
    earlier. The number to keep of the last is hypergeometric, as in a sample of everything.

    Args:
        n: rows of the table.
        new: how many of them came last.
        seen: rows that ever came, these included.
        capacity: most rows to keep; no more are kept than the earlier part has, where that is a smaller sample.
        rng: of the draw; not used while every row ever seen is kept.

    References:
        Vitter, *Random sampling with a reservoir*, 1985.

    >>> reservoir_rows(5, 2, seen=5, capacity=10, rng=np.random.default_rng(0)).tolist()
    [0, 1, 2, 3, 4]
    """
    if seen <= capacity and n == seen:
        return np.arange(n)
    earlier, before = n - new, seen - new
    size = min(capacity, seen) if earlier == before or earlier >= capacity else min(capacity, earlier)
    of_new = int(rng.hypergeometric(new, before, size))
    chosen = rng.choice(earlier, size - of_new, replace=False), earlier + rng.choice(new, of_new, replace=False)
    return np.sort(np.concatenate(chosen))


def _share_unlike(model: AtlasModel, new: Table) -> float:
    """Share of new rows with an anomaly p-value ≤ .05; NaN where too few held-out rows can give such a p-value."""
    if model.usual is None or 1 / (1 + len(model.usual.surprise)) > _ANOMALOUS:
        return float("nan")
    x = model.preparation(new.x)
    share = float(np.mean(model.p_values(x, model.encode(x)) <= _ANOMALOUS))
    if share > 0.5 and len(new) >= _FEW:
        warnings.warn(
            f"{share:.0%} of the {len(new):,} new rows look unlike the earlier ones (p ≤ {_ANOMALOUS}), and an update "
            "keeps the stem and the number of basins. Compare with a new fit on all rows.",
            DataWarning,
            stacklevel=5,
        )
    return share


def _terms(atlas: Atlas, kept: np.ndarray, rows: int, weight: float) -> dict[str, tuple[Term, Schedule]]:
    """The terms of the fit with their last weights, and an anchor at the place of each earlier row."""
    before = settled(deepcopy(atlas.objective_))
    terms = {name: entry for name, entry in before.items() if name not in (*_ANCHORS, *_PLACES)}
    if "layout" in before:
        terms |= neighbour_terms(atlas.model_.network)  # new rows have no place in the layout
    if weight == 0:
        return terms
    numbers = torch.arange(len(kept))
    anchor = Anchor(rows, atlas.latent_.shape[1], geometry=atlas.model_.geometry)
    anchor.hold(numbers, torch.from_numpy(atlas.latent_[kept]))
    terms["anchor"] = (anchor, Constant(weight))
    if atlas.model_.network.head is not None:
        on_map = Anchor(rows, 2, geometry=atlas.model_.geometry)
        on_map.hold(numbers, torch.from_numpy(atlas.map_[kept]))
        terms["map_anchor"] = (Rebind(on_map, {"z": "map"}), Constant(weight))
    return terms


def _batches(
    problem: Problem, stem: Stem, x: np.ndarray, held_out: np.ndarray, table: Table, weights: sp.csr_matrix
) -> tuple[BatchSource, Batch | None]:
    """Edges between rows to train on, and the rows to watch."""
    train, aside = np.flatnonzero(~held_out), np.flatnonzero(held_out)
    known = Known.of(table, reads=problem.reads())
    size = problem.batch_edges or default_edges(len(train))
    with torch.no_grad():
        rows = known.batch(stem, torch.from_numpy(x[train]), train)
        watched = known.batch(stem, torch.from_numpy(x[aside]), aside) if len(aside) else None
    return EdgeBatches(rows, weights, size=size, seed=problem.seed), watched
