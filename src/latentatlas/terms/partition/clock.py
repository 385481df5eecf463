"""A schedule inside of a term."""

from __future__ import annotations

from typing import Any, final

from torch import nn

from latentatlas.core import Schedule

__all__ = ["Clock"]


@final
class Clock(nn.Module):
    """Reads a schedule at the number of training steps so far; part of the state of its term, so checkpoints keep it.

    A step is a call in training mode: an objective evaluates each term once for each step of the optimiser.
    """

    def __init__(self, schedule: Schedule):
        super().__init__()
        self.schedule = schedule
        self.steps = 0

    def forward(self) -> float:
        """The value of this step."""
        value = float(self.schedule(self.steps))
        self.steps += int(self.training)
        return value

    def get_extra_state(self) -> dict[str, Any]:
        """The steps so far."""
        return {"steps": self.steps}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Go back."""
        self.steps = int(state["steps"])
