"""The objective: named terms with schedules, summed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, final

import torch
from torch import Tensor, nn

from latentatlas.core import Batch, Constant, Latents, Reach, Schedule, ShapeError, SpecError
from latentatlas.terms.base import Term

__all__ = ["LargestWeight", "Objective", "Report", "Scaling", "Unscaled", "gather_fields"]


class Report(NamedTuple):
    """What an objective returns.

    Attributes:
        total: L = Σ_t λ_t L_t / s, with gradient.
        values: raw value of every active term, with gradient.
        weights: λ_t of every term at this step, 0 where a term was not evaluated.
    """

    total: Tensor
    values: dict[str, Tensor]
    weights: dict[str, float]


def gather_fields(batch: Batch, latents: Latents, reach: Reach | None = None) -> dict[str, Any]:
    """All fields a term can read, by name; what is not there is None.

    >>> fields = gather_fields(Batch(torch.ones(2, 3)), Latents(torch.ones(2, 1)), Reach(prototypes=torch.ones(4, 1)))
    >>> [name for name, value in fields.items() if value is not None]
    ['x', 'z', 'prototypes']

    Of several nuisances each is also there alone, as `nuisance.NAME`, for `Rebind`:

    >>> fields = gather_fields(Batch(torch.ones(2, 3), nuisance={"day": torch.ones(2)}), Latents(torch.ones(2, 1)))
    >>> fields["nuisance.day"].tolist()
    [1.0, 1.0]
    """
    columns = batch.nuisance if isinstance(batch.nuisance, Mapping) else {}
    alone = {f"nuisance.{name}": column for name, column in columns.items()}
    return {**batch._asdict(), **latents._asdict(), **(reach or Reach())._asdict(), **alone}


class Scaling(ABC):
    """What the sum of all terms is divided by, so that heavy terms do not enlarge the steps."""

    @abstractmethod
    def __call__(self, weights: Mapping[str, float]) -> float:
        """The divisor, > 0, for the weights at a step."""


@final
class Unscaled(Scaling):
    """1: the sum as it is."""

    def __call__(self, weights: Mapping[str, float]) -> float:
        """Always 1."""
        return 1.0


@final
class LargestWeight(Scaling):
    """max(1, largest weight): once a penalty outweighs the loss, the loss shrinks in place of the penalty growing.

    The ratio of the terms stays what the schedules say, and gradients keep their size, so that a penalty that rises to
    10,000 neither explodes nor freezes what the optimiser has learned of their scale.

    >>> LargestWeight()({"risk": 1.0, "penalty": 10_000.0}), LargestWeight()({"risk": 1.0, "penalty": 0.1})
    (10000.0, 1.0)

    References:
        The code of Arjovsky, Bottou, Gulrajani, Lopez-Paz, *Invariant risk minimization*, 2019.
    """

    def __call__(self, weights: Mapping[str, float]) -> float:
        """The largest weight, 1 where all are smaller."""
        return max(1.0, *weights.values())


@final
class Objective(nn.Module):
    """L(step) = Σ_t λ_t(step) L_t / s over named terms; a term with weight 0 is not evaluated.

    Args:
        terms: name → (term, schedule), or name → term for a constant weight of 1.
        scaling: s; `Unscaled`, which is 1, by default.

    >>> from latentatlas.core import Constant
    >>> from latentatlas.terms import Reconstruction
    >>> objective = Objective({"recon": (Reconstruction(), Constant(2.0))})
    >>> report = objective({"x": torch.ones(3, 2), "recon": torch.zeros(3, 2)}, step=0)
    >>> float(report.total), float(report.values["recon"])
    (2.0, 1.0)
    """

    def __init__(self, terms: Mapping[str, Term | Sequence[Term | Schedule]], *, scaling: Scaling | None = None):
        super().__init__()
        self.scaling = scaling or Unscaled()
        self.terms: dict[str, tuple[Term, Schedule]] = {}
        for name, entry in terms.items():
            if not name or "." in name or hasattr(nn.ModuleDict, name):
                raise SpecError(f"Objective wants names that PyTorch takes for modules; got {name!r}. Choose another.")
            term, schedule = entry if isinstance(entry, tuple | list) else (entry, Constant())
            if not isinstance(term, Term) or not isinstance(schedule, Schedule):
                raise SpecError(
                    f"Objective wants name → (term, schedule); {name!r} is ({type(term).__name__}, "
                    f"{type(schedule).__name__}). Pass a Term and a Schedule such as Constant(1.0)."
                )
            self.terms[name] = (term, schedule)
        if not self.terms:
            raise SpecError("Objective wants at least one term; got none. Pass {'recon': Reconstruction()} or more.")
        self.members = nn.ModuleDict({name: term for name, (term, _) in self.terms.items()})

    def forward(self, fields: Mapping[str, Any], *, step: int) -> Report:
        """Evaluate all active terms on the fields of one batch.

        Raises:
            MissingInput: if an active term reads a field that is not there.
            ShapeError: if a term does not return a scalar.
        """
        weights = {name: float(schedule(step)) for name, (_, schedule) in self.terms.items()}
        values = {}
        for name, (term, _) in self.terms.items():
            if weights[name] > 0:
                value = term(**term.bind(fields, name=name))
                if not isinstance(value, Tensor) or value.ndim:
                    came = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
                    raise ShapeError(
                        f"Objective wants a scalar tensor from each term; {name!r} returned {came}. "
                        "Reduce it with .mean()."
                    )
                values[name] = value
        if not values:
            raise SpecError(f"Objective has no active term at step {step} (weights: {weights}). Raise one weight.")
        total = torch.stack([weights[name] * value for name, value in values.items()]).sum()
        return Report(total / self.scaling(weights), values, weights)

    def observe(self, step: int, values: Mapping[str, float]) -> None:
        """Pass raw values, NaN for terms not evaluated, to the schedules that watch them, such as `OnPlateau`."""
        for _, schedule in self.terms.values():
            watch = getattr(schedule, "observe", None)
            if watch is not None:
                watch(step, values)

    def get_extra_state(self) -> dict[str, Any]:
        """The states of schedules that have one; part of `state_dict`."""
        states = {name: getattr(schedule, "state_dict", None) for name, (_, schedule) in self.terms.items()}
        return {name: state() for name, state in states.items() if state is not None}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Put the schedules back."""
        for name, entry in state.items():
            restore = getattr(self.terms[name][1], "load_state_dict", None)
            if restore is not None:
                restore(entry)
