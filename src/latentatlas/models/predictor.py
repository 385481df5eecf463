"""A label read from some blocks of the latent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from latentatlas.core import Batch, LatentLayout, Latents, SpecError
from latentatlas.models.encoders import Encoder
from latentatlas.models.layers import check_columns, perceptron, positive_ints
from latentatlas.models.views import of_rows_and_view

__all__ = ["Predictor", "TaskHead"]


@final
class TaskHead(nn.Module):
    """Reads a label from the named blocks of a latent; the others get no gradient from the task.

    Args:
        layout: the blocks.
        outputs: one for each class, or for each column of a label of numbers; 1 also for two classes.
        reads: names of blocks; `free` alone leaves `invariant` to the term of partition.
        hidden: widths of hidden layers; none is a linear head.
        spread: the encoder's `spread`.

    >>> head = TaskHead(LatentLayout(invariant=2, free=1), 3)
    >>> z = torch.zeros(4, 3)
    >>> head(z).shape, bool(torch.equal(head(z), head(z + torch.tensor([5.0, 5.0, 0.0]))))
    (torch.Size([4, 3]), True)

    Raises:
        SpecError: for a block that there is not, or blocks without an axis.
    """

    columns: Tensor

    def __init__(
        self,
        layout: LatentLayout,
        outputs: int,
        *,
        reads: Sequence[str] = ("free",),
        hidden: Sequence[int] = (),
        spread: float = 10.0,
    ):
        super().__init__()
        positive_ints("TaskHead", outputs=outputs, hidden=tuple(hidden))
        self.layout = layout
        self.outputs = outputs
        self.reads = tuple(reads)
        self.hidden = tuple(hidden)
        self.spread = spread
        axes = range(layout.dim)
        chosen = sorted({axis for name in self.reads for axis in axes[layout.slice(name)]})
        if not chosen:
            raise SpecError(
                f"TaskHead wants blocks with an axis; {', '.join(self.reads) or 'none'} has none ({layout}). Name "
                "others, or give one a size."
            )
        self.register_buffer("columns", torch.tensor(chosen), persistent=False)
        self.net = perceptron([len(chosen), *hidden, outputs])

    def forward(self, z: Float[Tensor, "n dim"]) -> Float[Tensor, "n outputs"]:
        """Logits, or the numbers themselves."""
        check_columns("TaskHead", z, self.layout.dim)
        return self.net(z[:, self.columns] / self.spread)


@final
class Predictor(nn.Module):
    """`Batch -> Latents` without a decoder: z = encoder(x), prediction = head(z).

    Where the batch has a view, terms see its latent as `z_view` and its prediction as `prediction_view`.

    Args:
        encoder: rows to latents.
        head: latents to predictions.
    """

    def __init__(self, encoder: Encoder, head: TaskHead):
        super().__init__()
        head.layout.require(encoder.dim, who="Predictor")
        self.encoder = encoder
        self.head = head

    def forward(self, batch: Batch) -> Latents:
        """All outputs for one batch; a view is encoded in the same pass as the rows."""
        return of_rows_and_view(self._latents, batch)

    def encode(self, x: Float[Tensor, "n *features"]) -> Float[Tensor, "n dim"]:
        """Latent coordinates; items may keep their axes."""
        return self.encoder(x.flatten(1))

    def predict(self, x: Float[Tensor, "n *features"]) -> Float[Tensor, "n outputs"]:
        """The prediction alone."""
        return self.head(self.encode(x))

    def adapt(self, x: Float[Tensor, "n *features"]) -> None:
        """Set the fixed scales of the encoder from training rows."""
        self.encoder.adapt(x.flatten(1))

    def _latents(self, x: Float[Tensor, "n *features"]) -> Latents:
        latents = self.encoder.latents(x.flatten(1))
        return latents._replace(prediction=self.head(latents.z))
