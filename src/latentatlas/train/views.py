"""Batches with a second, transformed view of their rows."""

from __future__ import annotations

from typing import Any, final

import torch

from latentatlas.core import Batch, Transformation
from latentatlas.train.batches import BatchSource

__all__ = ["ViewBatches", "with_view"]


def with_view(batch: Batch, transformation: Transformation, generator: torch.Generator) -> Batch:
    """The batch with `view`, its rows transformed, and `transform`, the parameters that were drawn.

    Parameters are drawn on the processor, so they are the same on every device.
    """
    parameters = transformation.sample(len(batch.x), generator).to(batch.x)
    return batch._replace(view=transformation.apply(batch.x, parameters), transform=parameters)


@final
class ViewBatches:
    """The batches of another source, each with a fresh view of its rows.

    Args:
        source: of the rows.
        transformation: makes the views.
        seed: of the parameters.
    """

    def __init__(self, source: BatchSource, transformation: Transformation, *, seed: int = 0):
        self.source = source
        self.transformation = transformation
        self.seed = seed
        self._generator = torch.Generator().manual_seed(seed)

    def draw(self) -> Batch:
        """The next batch, with its view."""
        return with_view(self.source.draw(), self.transformation, self._generator)

    def to(self, device: torch.device) -> ViewBatches:
        """The same source on a device."""
        self.source = self.source.to(device)
        return self

    def state_dict(self) -> dict[str, Any]:
        """That of the inner source, and the generator of the parameters."""
        return {"source": self.source.state_dict(), "generator": self._generator.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to a state."""
        self.source.load_state_dict(state["source"])
        self._generator.set_state(state["generator"])
