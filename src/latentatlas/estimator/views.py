"""Views of the rows of an atlas: transformed in the units of the data, then prepared as the rows are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, final

import numpy as np
import torch
from torch import Tensor

from latentatlas.core import Batch, DataError, ShapeError, Transformation
from latentatlas.data import Table
from latentatlas.estimator.preparation import Preparation
from latentatlas.models import Stem
from latentatlas.train import BatchSource, at_rest

if TYPE_CHECKING:
    from latentatlas.estimator.atlas import Atlas

__all__ = ["Viewing", "without_room"]


def without_room(table: Table, transformation: Transformation | None) -> Table:
    """The rows as an atlas sees them: of rows with room, from which a slide reads, the windows alone.

    These are the columns that a change by nothing keeps. A transformation that cannot change by nothing, or keeps the
    shape of a row, leaves the table as it is.

    Raises:
        ShapeError: if the rows do not suit the transformation.
    """
    identity = getattr(transformation, "identity", None)
    shape = table.item_shape or table.x.shape[1:]
    if transformation is None or identity is None:
        return table
    numbers = torch.arange(table.x.shape[1], dtype=torch.float64).reshape(1, *shape)
    rest = transformation.apply(numbers, identity(1))
    if rest.shape == numbers.shape:
        return table
    kept = rest.flatten().long().numpy()
    return replace(
        table,
        x=np.ascontiguousarray(table.x[:, kept]),
        columns=tuple(np.asarray(table.columns, dtype=object)[kept]),
        item_shape=tuple(rest.shape[1:]),
        pointer=None,
    )


@final
@dataclass(frozen=True, eq=False)
class Viewing:
    """How the rows of a table are changed.

    Attributes:
        transformation: of items in the units of the data.
        table: the rows, with room where the transformation needs it.
        shape: of one item as the transformation wants it.
        preparation: of the changed rows.
    """

    transformation: Transformation
    table: Table
    shape: tuple[int, ...]
    preparation: Preparation

    @classmethod
    def of(cls, atlas: Atlas, table: Table, preparation: Preparation) -> Viewing | None:
        """The views of an atlas; None without a transformation."""
        if atlas.transformation is None:
            return None
        shape = table.item_shape or getattr(atlas.encoder, "shape", None) or table.x.shape[1:]
        return cls(atlas.transformation, table, tuple(shape), preparation)

    def rows(self, numbers: np.ndarray, generator: torch.Generator) -> tuple[np.ndarray, Tensor]:
        """Prepared views of some rows of the table, and the parameters that were drawn for them.

        Raises:
            ShapeError: if the transformation changes the shape of an item.
            DataError: if it makes numbers that are not finite.
        """
        items = torch.from_numpy(self.table.x[numbers]).reshape(-1, *self.shape)
        parameters = self.transformation.sample(len(items), generator)
        changed = self.transformation.apply(items, parameters)
        who = type(self.transformation).__name__
        seen = at_rest(items[:1], self.transformation).shape[1:]
        if changed.shape[1:] != seen:
            raise ShapeError(
                f"Atlas wants views shaped like the items {tuple(seen)}; {who} made {tuple(changed.shape[1:])}. Take "
                "a transformation that keeps the shape, or one with an `identity`, which says what of a row is seen."
            )
        if not bool(torch.isfinite(changed).all()):
            raise DataError(f"Atlas wants finite views; {who} made NaN or infinite numbers. Look at its parameters.")
        return self.preparation(changed.flatten(1).float().numpy()), parameters.float()

    def has_room(self) -> bool:
        """Whether the rows suit the transformation: windows alone do not suit a slide, which reads beside them."""
        try:
            at_rest(torch.tensor(self.table.x[:1]).reshape(-1, *self.shape), self.transformation)
        except ShapeError:
            return False
        return True

    def add(self, batch: Batch, stem: Stem, generator: torch.Generator) -> Batch:
        """The batch with `view` in stem coordinates and `transform`."""
        assert batch.row is not None
        prepared, parameters = self.rows(batch.row.cpu().numpy(), generator)
        with torch.no_grad():
            view = stem(torch.from_numpy(prepared))
        return batch._replace(view=view.to(batch.x), transform=parameters.to(batch.x))

    def source(self, inner: BatchSource, stem: Stem, *, seed: int) -> BatchSource:
        """The batches of another source, each with a fresh view."""
        return _Viewed(self, inner, stem, seed)

    def once(self, batch: Batch, stem: Stem, *, seed: int) -> Batch:
        """The batch with one view for good: of rows that are watched."""
        return self.add(batch, stem, torch.Generator().manual_seed(seed))


@final
class _Viewed:
    """A batch source; see `train.ViewBatches`, which transforms the rows of the batch itself."""

    def __init__(self, viewing: Viewing, inner: BatchSource, stem: Stem, seed: int):
        self._viewing, self._inner, self._stem = viewing, inner, stem
        self._generator = torch.Generator().manual_seed(seed)

    def draw(self) -> Batch:
        return self._viewing.add(self._inner.draw(), self._stem, self._generator)

    def to(self, device: torch.device) -> _Viewed:
        self._inner = self._inner.to(device)
        return self

    def state_dict(self) -> dict[str, Any]:
        return {"inner": self._inner.state_dict(), "generator": self._generator.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._inner.load_state_dict(state["inner"])
        self._generator.set_state(state["generator"])
