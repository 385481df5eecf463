"""Batches with a second, transformed view of their rows."""

from __future__ import annotations

from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor

from latentatlas.core import Batch, Transformation
from latentatlas.train.batches import BatchSource

__all__ = ["ViewBatches", "at_rest", "with_view"]


def at_rest(x: Float[Tensor, "n *features"], transformation: Transformation) -> Float[Tensor, "n *rows"]:
    """The rows as a model sees them beside their views: changed by nothing, which cuts off the room of a slide.

    Of a transformation without `identity` these are the rows themselves.

    >>> from latentatlas.data.transformations import WindowSlide
    >>> at_rest(torch.arange(5.0).reshape(1, 1, 5), WindowSlide(3, after=2)).tolist()
    [[[0.0, 1.0, 2.0]]]
    """
    identity = getattr(transformation, "identity", None)
    return x if identity is None else transformation.apply(x, identity(len(x)).to(x))


def with_view(batch: Batch, transformation: Transformation, generator: torch.Generator) -> Batch:
    """The batch with `view`, its rows transformed, and `transform`, the parameters that were drawn.

    Rows with room around them, from which a slide reads, lose it (`at_rest`), so that rows and views have one shape.
    Parameters are drawn on the processor, so they are the same on every device.
    """
    parameters = transformation.sample(len(batch.x), generator).to(batch.x)
    view = transformation.apply(batch.x, parameters)
    rows = batch.x if view.shape == batch.x.shape else at_rest(batch.x, transformation)
    return batch._replace(x=rows, view=view, transform=parameters)


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
