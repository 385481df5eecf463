"""The default terms of an atlas, and when each comes in."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

import torch

from latentatlas.core import Batch, Constant, LatentLayout, Ramp, Schedule, SpecError, Transformation
from latentatlas.models import AtlasAutoencoder, Autoencoder
from latentatlas.terms import (
    HSIC,
    ChartBalance,
    Concatenation,
    NeighborContrast,
    Objective,
    Partition,
    PrototypeEnergy,
    ReadableTransformation,
    Rebind,
    Reconstruction,
    Term,
)

if TYPE_CHECKING:
    from latentatlas.estimator.fitting import Problem

__all__ = [
    "Wanted",
    "basin_terms",
    "blocks_to_read",
    "contrast_terms",
    "neighbour_terms",
    "partition_terms",
    "readable_columns",
    "reads_of",
    "records_every",
    "settled",
]

Wanted = str | float | Term | tuple[Term, Schedule] | None
"""What a user may pass for a family of terms: "auto", a factor on the default weight, a term, a term with its schedule,
or None for none."""


def contrast_terms(
    problem: Problem, model: Autoencoder | AtlasAutoencoder, batch: Batch, steps: int
) -> dict[str, tuple[Term, Schedule]]:
    """Reconstruction from the start, then neighbours, then invariance."""
    early = Ramp(start=0, stop=max(1, steps // 20))
    terms: dict[str, tuple[Term, Schedule]] = {"recon": (Reconstruction(), Constant(1.0))}
    neighbours = _wanted(
        problem.neighbour_term, NeighborContrast(geometry=problem.geometry), early, who="neighbour_term"
    )
    if neighbours is not None:
        terms["neighbours"] = neighbours
        if model.head is not None:
            terms["map"] = (Rebind(deepcopy(neighbours[0]), {"z": "map"}), neighbours[1])
    by_environment = batch.environment is not None and "environment" in reads_of(problem.nuisance_term)
    if batch.nuisance is not None or by_environment:
        middle = Ramp(start=steps // 10, stop=max(1, 3 * steps // 10), high=20.0)
        invariance = _wanted(problem.nuisance_term, HSIC(), middle, who="nuisance_term")
        if invariance is not None:
            terms["invariance"] = invariance
    return terms | partition_terms(problem, early)


def partition_terms(problem: Problem, schedule: Ramp) -> dict[str, tuple[Term, Schedule]]:
    """What cuts the latent into blocks, and a head that reads the transformation from `variant`."""
    layout, transformation = problem.layout, problem.transformation
    if layout is None or transformation is None:
        return {}
    partition = _wanted(problem.partition_term, Partition(layout), schedule, who="partition_term")
    if partition is None:
        return {}
    terms: dict[str, tuple[Term, Schedule]] = {"partition": partition}
    for block, columns in blocks_to_read(layout, transformation).items():
        name = f"readable{block.removeprefix('variant').replace('.', '_')}"
        terms[name] = (ReadableTransformation(layout, columns, block=block, pairing=Concatenation()), partition[1])
    return terms


def readable_columns(transformation: Transformation) -> tuple[int, ...]:
    """The parameters that can be read from what a change did: all, unless the transformation tells (`readable`)."""
    drawn = transformation.sample(1, torch.Generator().manual_seed(0))
    return tuple(getattr(transformation, "readable", range(drawn.shape[1])))


def blocks_to_read(layout: LatentLayout, transformation: Transformation) -> dict[str, tuple[int, ...]]:
    """Columns of the parameters by the block that is to tell them.

    A part of `variant` that is called like a step of the transformation (its `blocks`: name → slice) tells that step;
    where none is, `variant` tells everything.
    """
    columns, steps = readable_columns(transformation), getattr(transformation, "blocks", {})
    by_part = {f"variant.{name}": step for name, step in steps.items()}
    named = {part: by_part[part] for part in layout.parts if part in by_part}
    if not named:
        return {"variant": columns} if layout.parts and columns else {}
    read = {part: tuple(c for c in columns if step.start <= c < step.stop) for part, step in named.items()}
    return {part: chosen for part, chosen in read.items() if chosen}


def neighbour_terms(model: Autoencoder | AtlasAutoencoder) -> dict[str, tuple[Term, Schedule]]:
    """What keeps neighbours of latent and map together where rows are not laid out first."""
    terms: dict[str, tuple[Term, Schedule]] = {"neighbours": (NeighborContrast(), Constant(1.0))}
    if model.head is not None:
        terms["map"] = (Rebind(NeighborContrast(), {"z": "map"}), Constant(1.0))
    return terms


def basin_terms(problem: Problem, steps: int) -> dict[str, tuple[Term, Schedule]]:
    """Energy last, once the bank has been seeded."""
    late = Ramp(start=0, stop=max(1, steps // 3), high=0.1)
    energy = _wanted(problem.basin_term, PrototypeEnergy(), late, who="basin_term")
    if energy is None:
        return {}
    return {"energy": energy, "balance": (ChartBalance(), late)}


def _wanted(choice: Wanted, term: Term, schedule: Ramp, *, who: str) -> tuple[Term, Schedule] | None:
    """The user's choice for one family of terms, as a term with its schedule."""
    if choice is None:
        return None
    if choice == "auto":
        return term, schedule
    if isinstance(choice, int | float) and not isinstance(choice, bool):
        if choice == 0:
            return None
        return term, Ramp(start=schedule.start, stop=schedule.stop, high=schedule.high * choice)
    if isinstance(choice, Term):
        return deepcopy(choice), schedule
    if isinstance(choice, tuple | list) and len(choice) == 2 and isinstance(choice[0], Term):
        return deepcopy(choice[0]), choice[1]
    raise SpecError(
        f'Atlas wants {who}="auto", None, a factor on the default weight, a Term, or (Term, Schedule); got {choice!r}.'
    )


def reads_of(choice: Wanted) -> set[str]:
    """Fields that a term passed by the user reads; none for the defaults, which never read a label."""
    term = choice[0] if isinstance(choice, tuple | list) and choice else choice
    return {entry.field for entry in term.inputs()} if isinstance(term, Term) else set()


def settled(objective: Objective) -> dict[str, tuple[Term, Schedule]]:
    """The terms with the weights they have at the end of their stage."""
    last = 2**62
    return {name: (term, Constant(schedule(last))) for name, (term, schedule) in objective.terms.items()}


def records_every(steps: int) -> int:
    """Steps between two records: 50, less where there would be fewer than eight records to draw."""
    return max(1, min(50, steps // 8))
