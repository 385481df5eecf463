"""Memberships that become hard in the course of a fit."""

from __future__ import annotations

from typing import Any, final

from latentatlas.core import Constant, Schedule
from latentatlas.models import Gate
from latentatlas.train.callbacks import Callback

__all__ = ["AnnealGate"]


@final
class AnnealGate(Callback):
    """Temperature and hardness of a gate follow schedules: soft while charts form, a hard choice at the end.

    Args:
        gate: set before every step, such as `model.encoder.gate`.
        temperature: step → temperature, above 0; None leaves 1.
        hardness: step → hardness, 0 to 1; None leaves 0.

    >>> from latentatlas.core import Geometric, Ramp
    >>> gate = Gate()
    >>> AnnealGate(gate, temperature=Geometric(start=0, stop=10, low=1.0, high=0.01), hardness=Ramp(start=0, stop=10)
    ...     ).on_step(5)
    >>> round(gate.temperature, 6), gate.hardness
    (0.1, 0.5)
    """

    def __init__(self, gate: Gate, *, temperature: Schedule | None = None, hardness: Schedule | None = None):
        self.gate = gate
        self.temperature = temperature or Constant(1.0)
        self.hardness = hardness or Constant(0.0)

    def on_step(self, step: int) -> None:
        """Set the gate for the step."""
        self.gate.set(temperature=self.temperature(step), hardness=self.hardness(step))

    def state_dict(self) -> dict[str, Any]:
        """The numbers of the moment."""
        return {"temperature": self.gate.temperature, "hardness": self.gate.hardness}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to these."""
        self.gate.set(**state)
