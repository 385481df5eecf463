"""How an atlas is fitted: the default problem, its budget and its stages."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, final

import numpy as np
import torch

from latentatlas.core import Batch, LatentLayout, Schedule, SpecError, Transformation, reproducible, to_spec
from latentatlas.data import DataWarning
from latentatlas.estimator.basins import bank_at, seed_bank
from latentatlas.estimator.charting import (
    ChartSettings,
    anchors_of,
    annealing,
    chart_terms,
    lasting_chart_terms,
    seat_cover,
    settings_of,
)
from latentatlas.estimator.curriculum import Wanted, basin_terms, contrast_terms, reads_of, records_every, settled
from latentatlas.estimator.curving import require_room
from latentatlas.estimator.distilling import (
    distillation_recipe,
    distillation_rows,
    distillation_terms,
    layout_of,
    principal,
    seat_charts,
)
from latentatlas.estimator.known import Known
from latentatlas.estimator.networks import stem_and_model
from latentatlas.estimator.rows import both_graphs
from latentatlas.estimator.views import Viewing
from latentatlas.geometry import Euclidean, Geometry
from latentatlas.graph import Neighbours, fuzzy_weights
from latentatlas.landscape import PrototypeBank
from latentatlas.models import (
    AtlasAutoencoder,
    Autoencoder,
    ElasticCells,
    Encoder,
    Ledger,
    Stem,
)
from latentatlas.terms import Objective, Term
from latentatlas.train import (
    BatchSource,
    Callback,
    Checkpoint,
    EdgeBatches,
    Progress,
    Recipe,
    RecordFile,
    RowBatches,
    Silent,
    fit,
)

__all__ = [
    "STAGES",
    "Fitted",
    "Problem",
    "default_edges",
    "default_steps",
    "fabric_on",
    "fit_problem",
    "joined",
]

_LAYOUT_COMPONENTS = 50
_FINAL_SHARE = 0.1
_FINAL_RECORDS = 4
_FINAL_RATE = 1e-3
STAGES = ("shape", "basins")


@final
@dataclass(frozen=True)
class Problem:
    """Everything that decides a fit, apart from the data."""

    dim: int
    n_neighbors: int
    n_basins: int | None
    encoder: Encoder | None
    neighbour_term: Wanted
    nuisance_term: Wanted
    basin_term: Wanted
    layout: LatentLayout | None
    transformation: Transformation | None
    partition_term: Wanted
    charts: ChartSettings | AtlasAutoencoder | None
    geometry: Geometry
    steps: int | None
    batch_edges: int | None
    device: str
    threads: int | None
    seed: int

    def distils(self, known: Known) -> bool:
        """Whether rows are laid out first: on flat places, without blocks and charts, which keep nuisances."""
        by_environment = known.environment is not None and "environment" in reads_of(self.nuisance_term)
        plain = self.layout is None and self.charts is None and isinstance(self.geometry, Euclidean)
        laid_out = self.neighbour_term == "auto" and plain
        return laid_out and not known.nuisance and not by_environment

    def removes_all(self) -> bool:
        """Whether all of a nuisance is to go, as by default, and not what a term of the user's own decides."""
        choice = self.nuisance_term
        return choice == "auto" or (isinstance(choice, int | float) and not isinstance(choice, bool) and choice > 0)

    def reads(self) -> set[str]:
        """Fields that the terms passed by the user read."""
        passed = (self.neighbour_term, self.nuisance_term, self.basin_term, self.partition_term)
        return set().union(*map(reads_of, passed))

    @classmethod
    def of(cls, atlas: Any) -> Problem:
        """The settings of an `Atlas`."""
        return cls(
            dim=atlas.dim,
            n_neighbors=atlas.n_neighbors,
            n_basins=atlas.n_basins,
            encoder=None if isinstance(atlas.encoder, str) else atlas.encoder,
            neighbour_term=atlas.neighbour_term,
            nuisance_term=atlas.nuisance_term,
            basin_term=atlas.basin_term,
            layout=atlas.layout,
            transformation=atlas.transformation,
            partition_term=atlas.partition_term,
            charts=settings_of(atlas.charts),
            geometry=atlas.geometry or Euclidean(),
            steps=atlas.steps,
            batch_edges=atlas.batch_edges,
            device=atlas.device,
            threads=atlas.threads,
            seed=atlas.random_state,
        )


@final
@dataclass(frozen=True, eq=False)
class _Stage:
    """How the first stage is trained, and where the basins are after it."""

    terms: dict[str, tuple[Term, Schedule]]
    source: BatchSource
    recipe: Recipe
    bank: Callable[[np.ndarray, np.ndarray], PrototypeBank]


@final
@dataclass(frozen=True, eq=False)
class Fitted:
    """What a fit leaves behind; `graph` holds the neighbours of all rows, `ledger` how charts were counted."""

    stem: Stem
    model: Autoencoder | AtlasAutoencoder
    graph: Neighbours
    objective: Objective
    recipes: tuple[Recipe, ...]
    history: dict[str, np.ndarray]
    threads: int
    seconds: float
    ledger: Ledger | None = None


def default_steps(n: int) -> int:
    """Optimiser steps for n training rows: 1,200 for 1,500 rows, growing with the cube root, between 400 and 4,000.

    >>> default_steps(10), default_steps(1_500), default_steps(70_000)
    (400, 1200, 4000)
    """
    return int(min(4000, max(400, 1200 * (n / 1500) ** (1 / 3))))


def default_edges(n: int) -> int:
    """Graph edges per step for n training rows: 256 below 5,000 rows, 512 above."""
    return 256 if n < 5000 else 512


def fit_problem(
    problem: Problem,
    x: np.ndarray,
    train: np.ndarray,
    *,
    known: Known,
    callbacks: Sequence[Callback],
    checkpoints: Path | None = None,
    viewing: Viewing | None = None,
) -> Fitted:
    """Fit stem and model on the training rows of prepared patterns.

    Args:
        problem: the settings.
        x: (n, features) float32.
        train: row numbers to train on; nothing about the others reaches the model.
        known: nuisances, environments, and the label where a term reads it.
        callbacks: progress and stopping rules, used in both stages.
        checkpoints: folder for the states of both stages; where it holds them the fit goes on from there.
        viewing: makes a second view of the rows.
    """
    started = time.perf_counter()
    with reproducible(problem.seed, threads=problem.threads) as threads:
        graph, trained = both_graphs(x, train, problem.n_neighbors, seed=problem.seed)
        rows = torch.from_numpy(x[train])
        stem, model, cells = stem_and_model(problem, rows, trained, distils=problem.distils(known))
        held_out = np.setdiff1d(np.arange(len(x)), train)
        with torch.no_grad():
            batch = known.batch(stem, rows, train)
            spare = torch.from_numpy(x[held_out])
            aside = known.batch(stem, spare, held_out) if len(held_out) else None
        model.adapt(batch.x)
        require_room(model, batch.x)
        stage = _first_stage(problem, model, batch, trained, callbacks, cells, distils=problem.distils(known))
        if viewing is not None:
            stage = replace(stage, source=viewing.source(stage.source, stem, seed=problem.seed))
            aside = None if aside is None else viewing.once(aside, stem, seed=problem.seed)
        if aside is not None and (problem.distils(known) or problem.charts is not None):
            aside = aside._replace(row=None)  # rows that were not laid out have no place to be compared with
        last = max(1, int(_FINAL_SHARE * stage.recipe.steps))
        recipes = (
            stage.recipe,
            Recipe(last, rate=_FINAL_RATE, mixed=stage.recipe.mixed, log_every=max(1, last // _FINAL_RECORDS)),
        )
        fabric = fabric_on(problem.device)
        resumable = [[*callbacks, *_checkpoint(checkpoints, name)] for name in STAGES]
        objective = Objective(stage.terms)
        _warn_if_it_cannot_be_saved(objective, model, problem.transformation)
        first = fit(
            model,
            objective,
            stage.source,
            stage.recipe,
            held_out=aside,
            callbacks=[*annealing(problem.charts, model), *resumable[0]],
            fabric=fabric,
        )
        with torch.no_grad():
            z = model.encode(batch.x)
            model.bank = stage.bank(z.numpy(), model.map(z).numpy())
        lasting, late = _lasting(objective), basin_terms(problem, last)
        objective = Objective(lasting | {name: late[name] for name in late if name not in lasting})
        second = fit(
            model,
            objective,
            stage.source,
            recipes[1],
            held_out=aside,
            callbacks=resumable[1],
            fabric=fabric,
        )
        history = joined(first.columns(), second.columns())
    ledger = None if cells is None else cells.ledger
    return Fitted(stem, model, graph, objective, recipes, history, threads, time.perf_counter() - started, ledger)


def _first_stage(
    problem: Problem,
    model: Autoencoder | AtlasAutoencoder,
    batch: Batch,
    near: Neighbours,
    callbacks: Sequence[Callback],
    cells: ElasticCells | None,
    *,
    distils: bool,
) -> _Stage:
    if isinstance(model, AtlasAutoencoder):
        steps = problem.steps or default_steps(len(batch.x))
        seat_cover(model, batch.x, near, steps=steps, seed=problem.seed, cells=cells)
        held = anchors_of(model, batch)
        if annealing(problem.charts, model):
            held.pop("cover", None)  # memberships that harden do not stay
        stage = _contrasted(problem, model, batch, near)
        return replace(stage, terms=stage.terms | held)
    if distils:
        return _distilled(problem, model, batch, near, callbacks)
    return _contrasted(problem, model, batch, near)


def _contrasted(problem: Problem, model: Autoencoder | AtlasAutoencoder, batch: Batch, near: Neighbours) -> _Stage:
    """The network is trained on the edges of the graph."""
    steps = problem.steps or default_steps(len(batch.x))
    size = problem.batch_edges or default_edges(len(batch.x))
    terms = contrast_terms(problem, model, batch, steps)
    if isinstance(model, AtlasAutoencoder):
        terms |= chart_terms(model)  # which decode by themselves, so that "recon" is theirs
    return _Stage(
        terms=terms,
        source=EdgeBatches(batch, fuzzy_weights(near), size=size, seed=problem.seed),
        recipe=Recipe(steps, log_every=records_every(steps)),
        bank=lambda z, xy: seed_bank(z, xy, problem.n_basins, seed=problem.seed, space=problem.geometry),
    )


def _distilled(
    problem: Problem, model: Autoencoder, batch: Batch, near: Neighbours, callbacks: Sequence[Callback]
) -> _Stage:
    """The rows are laid out, and the network learns their places."""
    n = len(batch.x)
    rows = 2 * problem.batch_edges if problem.batch_edges else distillation_rows(n)
    layout = layout_of(
        near,
        principal(batch.x, _LAYOUT_COMPONENTS),
        problem.dim,
        n_basins=problem.n_basins,
        seed=problem.seed,
        device=fabric_on(problem.device).device,
        shown=Progress("Laying out") if any(isinstance(each, Progress) for each in callbacks) else Silent(),
    )
    cells = seat_charts(model, layout, seed=problem.seed)
    return _Stage(
        terms=distillation_terms(layout, model, batch, cells),
        source=RowBatches(batch, size=rows, seed=problem.seed),
        recipe=distillation_recipe(n, rows, steps=problem.steps),
        bank=lambda z, _: bank_at(z, layout.basins, seed=problem.seed),
    )


def _lasting(objective: Objective) -> dict[str, tuple[Term, Schedule]]:
    """The terms of the first stage that go on in the second, when charts or prototypes are those of the bank."""
    return {name: entry for name, entry in lasting_chart_terms(settled(objective)).items() if name != "assignment"}


def _checkpoint(folder: Path | None, stage: str) -> list[Callback]:
    if folder is None:
        return []
    return [RecordFile(folder / f"{stage}.json"), Checkpoint(folder / f"{stage}.safetensors")]


def _warn_if_it_cannot_be_saved(objective: Objective, model: Any, transformation: Transformation | None) -> None:
    try:
        to_spec([objective, model, transformation])
    except SpecError as error:
        warnings.warn(f"This atlas can be used but not saved: {error}", DataWarning, stacklevel=4)


def joined(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Two histories as one, steps and seconds running on."""
    second = dict(second)
    second["step"] = second["step"] + first["step"][-1] + 1
    second["seconds"] = second["seconds"] + first["seconds"][-1]
    names = dict.fromkeys([*first, *second])
    gaps = [np.full(len(part["step"]), np.nan) for part in (first, second)]
    return {name: np.concatenate([first.get(name, gaps[0]), second.get(name, gaps[1])]) for name in names}


def fabric_on(device: str) -> Any:
    """Lightning Fabric on one device.

    Raises:
        SpecError: if the device is not there.
    """
    from lightning_fabric import Fabric

    try:
        return Fabric(accelerator=device, devices=1)
    except (ValueError, RuntimeError) as error:
        reason = str(error).rstrip(".")
        raise SpecError(
            f'Atlas wants a device that is there; got {device!r}: {reason}. Pass device="cpu" or "auto".'
        ) from error
