"""Weights over the course of training: `step -> weight`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Protocol, final, runtime_checkable

from latentatlas.core.errors import MissingInput, SpecError

__all__ = ["Constant", "Cosine", "Geometric", "Logistic", "OnPlateau", "Ramp", "Schedule"]


@runtime_checkable
class Schedule(Protocol):
    """The weight of a term at an optimiser step (counted from 0), a finite number ≥ 0."""

    def __call__(self, step: int) -> float:
        """The weight λ(step)."""
        ...


@final
class Constant:
    """The same weight at every step.

    >>> Constant(0.5)(1000)
    0.5
    """

    def __init__(self, weight: float = 1.0):
        self.weight = _weight("Constant", weight)

    def __call__(self, step: int) -> float:
        """The weight λ(step)."""
        return self.weight


@final
class Ramp:
    """Linear from `low` at step `start` to `high` at step `stop`; constant outside.

    >>> ramp = Ramp(start=10, stop=20, high=2.0)
    >>> ramp(0), ramp(15), ramp(99)
    (0.0, 1.0, 2.0)
    """

    def __init__(self, *, start: int, stop: int, low: float = 0.0, high: float = 1.0):
        self.start, self.stop = _interval("Ramp", start, stop)
        self.low = _weight("Ramp", low)
        self.high = _weight("Ramp", high)

    def __call__(self, step: int) -> float:
        """The weight λ(step)."""
        return self.low + (self.high - self.low) * _fraction(step, self.start, self.stop)


@final
class Cosine:
    """Half a cosine from `low` at step `start` to `high` at step `stop`; constant outside.

    >>> round(Cosine(start=0, stop=100)(50), 6)
    0.5
    """

    def __init__(self, *, start: int, stop: int, low: float = 0.0, high: float = 1.0):
        self.start, self.stop = _interval("Cosine", start, stop)
        self.low = _weight("Cosine", low)
        self.high = _weight("Cosine", high)

    def __call__(self, step: int) -> float:
        """The weight λ(step)."""
        fraction = _fraction(step, self.start, self.stop)
        return self.low + (self.high - self.low) * (1 - math.cos(math.pi * fraction)) / 2


@final
class Logistic:
    r"""high · (2/(1 + exp(−steepness · p)) − 1) with p the share of the way from `start` to `stop`; constant outside.

    Rises fast, then levels off: with the steepness 10 it is at .99991 of `high` at the stop. The schedule of gradient
    reversal, whose discriminator must learn something before it is fought.

    >>> schedule = Logistic(start=0, stop=100)
    >>> [round(schedule(step), 4) for step in (0, 10, 50, 100)]
    [0.0, 0.4621, 0.9866, 0.9999]

    References:
        Ganin, Lempitsky, *Unsupervised domain adaptation by backpropagation*, 2015, section 4.
    """

    def __init__(self, *, start: int, stop: int, high: float = 1.0, steepness: float = 10.0):
        self.start, self.stop = _interval("Logistic", start, stop)
        self.high = _weight("Logistic", high)
        if not (math.isfinite(steepness) and steepness > 0):
            raise SpecError(f"Logistic wants a finite steepness > 0; got {steepness!r}. 10 is usual.")
        self.steepness = float(steepness)

    def __call__(self, step: int) -> float:
        """The weight λ(step)."""
        fraction = _fraction(step, self.start, self.stop)
        return self.high * math.tanh(self.steepness * fraction / 2)  # the same function, without overflow


@final
class Geometric:
    """low · (high/low)^p with p the share of the way from `start` to `stop`; constant outside.

    Every step multiplies the weight by the same factor: for penalties that rise over orders of magnitude, where a jump
    would throw the network off and a linear ramp is at its height at once. Goes with `terms.LargestWeight`.

    >>> schedule = Geometric(start=100, stop=200, low=1.0, high=10_000.0)
    >>> [round(schedule(step)) for step in (0, 125, 150, 999)]
    [1, 10, 100, 10000]
    """

    def __init__(self, *, start: int, stop: int, low: float = 1.0, high: float = 1.0):
        self.start, self.stop = _interval("Geometric", start, stop)
        self.low = _weight("Geometric", low)
        self.high = _weight("Geometric", high)
        if not (self.low > 0 and self.high > 0):
            raise SpecError(f"Geometric wants low > 0 and high > 0; got {low} and {high}. From 0 use a Ramp.")

    def __call__(self, step: int) -> float:
        """The weight λ(step)."""
        return self.low * (self.high / self.low) ** _fraction(step, self.start, self.stop)


@final
class OnPlateau:
    """0 until the term named `watch` has stopped falling, then a linear ramp to `high` over `ramp` steps.

    A plateau: `patience` observations in a row that are not below the best one by `tolerance` times its size. The
    trainer calls `observe` at every logging step; whoever uses a schedule without a trainer calls it himself.

    >>> schedule = OnPlateau("recon", patience=1, ramp=10)
    >>> schedule.observe(0, {"recon": 1.0}); schedule.observe(50, {"recon": 1.0})
    >>> schedule(49), schedule(55), schedule(60)
    (0.0, 0.5, 1.0)
    """

    def __init__(self, watch: str, *, patience: int = 3, tolerance: float = 0.01, ramp: int = 100, high: float = 1.0):
        if patience < 1 or ramp < 0 or not 0 <= tolerance < 1:
            raise SpecError(
                f"OnPlateau wants patience ≥ 1, ramp ≥ 0 and 0 ≤ tolerance < 1; got {patience}, {ramp}, {tolerance}. "
                "The defaults are 3, 100 and 0.01."
            )
        self.watch = watch
        self.patience = patience
        self.tolerance = tolerance
        self.ramp = ramp
        self.high = _weight("OnPlateau", high)
        self._best = math.inf
        self._waited = 0
        self._triggered: int | None = None

    def __call__(self, step: int) -> float:
        """The weight λ(step)."""
        if self._triggered is None or step < self._triggered:
            return 0.0
        return self.high * _fraction(step, self._triggered, self._triggered + self.ramp)

    def observe(self, step: int, values: Mapping[str, float]) -> None:
        """Take note of the raw term values at a step; NaN says that a term was not evaluated, and is passed over.

        Raises:
            MissingInput: if no term has the name `watch`.
        """
        if self.watch not in values:
            raise MissingInput(
                f"OnPlateau watches the term {self.watch!r}, but there are {', '.join(values)}. Name one of them."
            )
        value = values[self.watch]
        if math.isnan(value):
            return
        if math.isinf(self._best) or self._best - value > self.tolerance * abs(self._best):
            self._best, self._waited = value, 0
        else:
            self._waited += 1
        if self._triggered is None and self._waited >= self.patience:
            self._triggered = step

    def state_dict(self) -> dict[str, float | int | None]:
        """The best value, how long it has been waited since, and the step of the plateau."""
        return {"best": self._best, "waited": self._waited, "triggered": self._triggered}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go back to a state."""
        self._best, self._waited, self._triggered = state["best"], state["waited"], state["triggered"]


def _weight(who: str, value: float) -> float:
    if not (math.isfinite(value) and value >= 0):
        raise SpecError(f"{who} wants a finite weight ≥ 0; got {value!r}. To switch a term off use 0.")
    return float(value)


def _interval(who: str, start: int, stop: int) -> tuple[int, int]:
    if not 0 <= start <= stop:
        raise SpecError(
            f"{who} wants 0 ≤ start ≤ stop in steps; got start={start}, stop={stop}. Exchange or raise them."
        )
    return int(start), int(stop)


def _fraction(step: int, start: int, stop: int) -> float:
    if step >= stop:
        return 1.0
    return 0.0 if step <= start else (step - start) / (stop - start)
