"""What happens beside the optimiser: progress, stopping, recording, staged events."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol, final, runtime_checkable

import numpy as np
import torch

from latentatlas.core import Batch, Latents, SpecError, did_you_mean

__all__ = ["At", "Callback", "EarlyStop", "History", "Never", "Progress", "Resumable", "Silent"]


@runtime_checkable
class Resumable(Protocol):
    """What has a state of numbers, texts, tensors, and lists and dicts of them, and can go back to it."""

    def state_dict(self) -> dict[str, Any]:
        """The state."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to a state."""
        ...


class Callback:
    """Hooks of a fit; each does nothing by default. `stop`, read at every logging step, ends the fit."""

    stop: bool = False

    def on_start(self, steps: int) -> None:
        """Before the first step."""

    def on_optimiser(self, optimiser: torch.optim.Optimizer) -> None:
        """Before the first step: for hooks that change parameters, and what the optimiser remembers of them."""

    def on_ready(self, fit: Resumable) -> None:
        """Before the first step, after every hook has started: the fit may be put back to an earlier state here."""

    def on_step(self, step: int) -> None:
        """Before every step."""

    def on_batch(self, step: int, batch: Batch, latents: Latents) -> None:
        """After every step, with its batch and, without gradient, the latents it had before the step."""

    def on_log(self, step: int, record: Mapping[str, float]) -> None:
        """At every logging step, with the record of `History`."""

    def on_finish(self) -> None:
        """After the last step, or an early stop."""

    def on_end(self) -> None:
        """At the very end, also when the fit was interrupted."""

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps of this callback."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to a state that `state_dict` gave."""


@final
class Silent(Callback):
    """No progress output."""


@final
class Never(Callback):
    """No early stop."""


@final
class At(Callback):
    """Call a function once, before a given step."""

    def __init__(self, step: int, action: Callable[[], None]):
        self.step = step
        self.action = action

    def on_step(self, step: int) -> None:
        """Act at the step."""
        if step == self.step:
            self.action()


@final
class EarlyStop(Callback):
    """Stop when the watched column is not below its best by `tolerance` times its size for `patience` logs in a row.

    Logs in which the column is NaN, because its term is not active yet, are passed over.

    Args:
        watch: a column of the history, such as `held_out/recon` or `loss`.
        patience: logs to wait.
        tolerance: relative improvement that counts.
        warmup: share of the planned steps before which it never stops.
    """

    def __init__(
        self, watch: str = "held_out/recon", *, patience: int = 10, tolerance: float = 1e-3, warmup: float = 0.3
    ):
        if patience < 1:
            raise SpecError(f"EarlyStop wants patience ≥ 1; got {patience}. To never stop use Never().")
        self.watch = watch
        self.patience = patience
        self.tolerance = tolerance
        self.warmup = warmup
        self._steps = 0
        self._best = math.inf
        self._waited = 0

    def on_start(self, steps: int) -> None:
        """Forget earlier fits."""
        self.stop, self._steps, self._best, self._waited = False, steps, math.inf, 0

    def on_log(self, step: int, record: Mapping[str, float]) -> None:
        """Compare with the best value so far."""
        if self.watch not in record:
            raise SpecError(f"EarlyStop watches {self.watch!r}, not recorded. {did_you_mean(self.watch, record)}")
        value = record[self.watch]
        if math.isnan(value):
            return
        if math.isinf(self._best) or self._best - value > self.tolerance * abs(self._best):
            self._best, self._waited = value, 0
        elif step >= self.warmup * self._steps:
            self._waited += 1
        self.stop = self._waited >= self.patience

    def state_dict(self) -> dict[str, Any]:
        """The best value, and how long it has been waited since."""
        return {"best": self._best, "waited": self._waited, "stop": self.stop}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on waiting."""
        self._best, self._waited, self.stop = state["best"], state["waited"], state["stop"]


@final
class History(Callback):
    """The record of a fit, one row per logging step.

    Columns: `step`, `seconds`, `loss`, `learning_rate`, and per term `value/NAME` (raw), `weight/NAME`, `share/NAME`
    (of the summed gradient norms); `held_out/NAME` where held-out rows were given. What was not evaluated is NaN.
    """

    def __init__(self) -> None:
        self._rows: list[dict[str, float]] = []

    def on_log(self, step: int, record: Mapping[str, float]) -> None:
        """Keep the row."""
        self._rows.append({"step": float(step), **record})

    def columns(self) -> dict[str, np.ndarray]:
        """All columns as float64 arrays of one length."""
        names = list(dict.fromkeys(name for row in self._rows for name in row))
        return {name: np.array([row.get(name, math.nan) for row in self._rows]) for name in names}

    def state_dict(self) -> dict[str, Any]:
        """The rows so far."""
        return {"rows": list(self._rows)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Begin with these rows."""
        self._rows = list(state["rows"])


@final
class Progress(Callback):
    """A progress bar on standard error with the loss and the time left."""

    def __init__(self, title: str = "Fitting", *, console: Any = None):
        self.title = title
        self.console = console
        self._bar: Any = None
        self._task: Any = None
        self._steps = 0
        self._tenths = 0

    def on_start(self, steps: int) -> None:
        """Draw the bar."""
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        self._bar = Bar(
            TextColumn("[bold]{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[loss]}"),
            console=self.console or Console(stderr=True),
        )
        self._steps, self._tenths = steps, 0
        self._bar.start()
        self._task = self._bar.add_task(self.title, total=steps, loss="")

    def on_step(self, step: int) -> None:
        """Advance."""
        self._bar.update(self._task, completed=step)

    def on_log(self, step: int, record: Mapping[str, float]) -> None:
        """Show the loss; where no bar can be drawn, a line for every tenth of the steps."""
        self._bar.update(self._task, completed=step + 1, loss=f"loss {record['loss']:.3f}")
        if not self._bar.console.is_terminal and step * 10 // self._steps > self._tenths:
            self._tenths = step * 10 // self._steps
            self._bar.console.print(f"{self.title}: step {step:,} of {self._steps:,}, loss {record['loss']:.3f}")

    def on_end(self) -> None:
        """Leave the finished bar."""
        if self._bar is not None:
            self._bar.stop()
