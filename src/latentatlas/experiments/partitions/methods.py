"""Ways to learn a latent of images that is not to break when the image is changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from latentatlas.core import Batch, Constant, LatentLayout, Schedule, reproducible
from latentatlas.experiments.partitions.pictures import Pictures
from latentatlas.models import Autoencoder, Encoder, ImageEncoder, Predictor, TaskHead
from latentatlas.terms import (
    NTXent,
    Objective,
    Partition,
    Prediction,
    ReadableTransformation,
    Rebind,
    Reconstruction,
    Term,
    VICReg,
)
from latentatlas.train import BatchSource, Recipe, RowBatches, ViewBatches, fit

__all__ = ["METHODS", "ORACLE", "Budget", "Trained", "trained"]

_CLASSES = 10


@final
@dataclass(frozen=True)
class Budget:
    """How long is trained, and how large the networks are.

    Attributes:
        steps: of the optimiser.
        batch: rows of a step.
        channels: of the convolutions.
        hidden: width of the last hidden layer.
        invariant: axes of the invariant block.
        variant: axes of the variant block, shared evenly by the changes.
        free: axes of the free block.
    """

    steps: int = 250
    batch: int = 128
    channels: Sequence[int] = (16, 32)
    hidden: int = 128
    invariant: int = 32
    variant: int = 24
    free: int = 8

    @classmethod
    def of(cls, *, quick: bool) -> Budget:
        """Small where it is only to run."""
        return cls(steps=8, batch=32, channels=(4, 8), hidden=16, invariant=6, variant=6, free=2) if quick else cls()

    def layout(self, pictures: Pictures) -> LatentLayout:
        """One part of `variant` for each change."""
        names = list(pictures.changes.columns)
        return LatentLayout(self.invariant, dict.fromkeys(names, self.variant // len(names)), self.free)


@final
@dataclass(frozen=True)
class Trained:
    """A latent of flat rows, cut into the blocks that are judged.

    Attributes:
        encoder: rows to latents; None leaves the pixels as they are.
        layout: the blocks; None is one block, `z`.
    """

    encoder: nn.Module | None
    layout: LatentLayout | None = None

    @torch.no_grad()
    def blocks(self, x: Float[Tensor, "n features"]) -> dict[str, np.ndarray]:
        """Latents block by block; the whole is `z`."""
        z = x if self.encoder is None else torch.cat([self.encoder(part) for part in x.split(1000)])
        whole = {"z": z.numpy().astype(np.float64)}
        if self.layout is None:
            return whole
        names = [name for name in ("invariant", "variant", "free") if self.layout.size(name)]
        return {name: self.layout.block(whole["z"], name) for name in names}


_Terms = Mapping[str, Term]


@final
@dataclass(frozen=True)
class Method:
    """A way to train.

    Attributes:
        terms: beside the reconstruction of the images as they are.
        rows: makes of rows and views what is trained on.
        parted: whether there are blocks.
    """

    terms: Callable[[LatentLayout, Pictures], _Terms] = lambda layout, pictures: {}
    rows: Callable[[Batch], Batch] = lambda batch: batch
    parted: bool = False


@final
class _Drawn:
    """Batches of another source, each made into something else."""

    def __init__(self, source: ViewBatches, change: Callable[[Batch], Batch]):
        self.source = source
        self.change = change

    def draw(self) -> Batch:
        return self.change(self.source.draw())

    def to(self, device: torch.device) -> _Drawn:
        self.source = self.source.to(device)
        return self

    def state_dict(self) -> dict[str, Any]:
        return self.source.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.source.load_state_dict(state)


def _partition(layout: LatentLayout, pictures: Pictures) -> _Terms:
    return {"partition": Partition(layout)}


def _readable(layout: LatentLayout, pictures: Pictures) -> _Terms:
    columns = pictures.changes.columns
    heads = {name: ReadableTransformation(layout, columns[name], block=f"variant.{name}") for name in columns}
    return {**_partition(layout, pictures), **heads}


def _plain(batch: Batch) -> Batch:
    return batch._replace(label=batch.x, view=None)


def _changed(batch: Batch) -> Batch:
    assert batch.view is not None
    return batch._replace(x=batch.view, label=batch.view, view=None)


def _restored(batch: Batch) -> Batch:
    assert batch.view is not None
    return batch._replace(x=batch.view, label=batch.x, view=None)


def _with_view(batch: Batch) -> Batch:
    return batch._replace(label=batch.x)


METHODS = {
    "autoencoder (baseline)": Method(rows=_plain),
    "augmentation": Method(rows=_changed),
    "augmentation, decoded as it was": Method(rows=_restored),
    "NT-Xent": Method(lambda layout, pictures: {"contrast": NTXent()}, _with_view),
    "VICReg": Method(lambda layout, pictures: {"views": VICReg()}, _with_view),
    "partition, no heads": Method(_partition, _with_view, parted=True),
    "**partition**": Method(_readable, _with_view, parted=True),
}
"""Rows that know no label. Each also reconstructs: its target is what the batch carries as `label`."""

ORACLE = "supervised on changed images (oracle)"


def trained(title: str, pictures: Pictures, budget: Budget, *, seed: int) -> Trained:
    """The encoder of a row of the table, with its blocks."""
    layout = budget.layout(pictures)
    with reproducible(seed, threads=torch.get_num_threads()):
        shape, width = pictures.shape, budget.hidden
        encoder = ImageEncoder(shape, layout.dim, channels=budget.channels, hidden=width, spread=1.0)
        source = ViewBatches(RowBatches(pictures.train, size=budget.batch, seed=seed), pictures.changes, seed=seed)
        if title == ORACLE:
            _told(encoder, source, layout.dim, budget)
            return Trained(encoder)
        method = METHODS[title]
        scale = float(pictures.train.x.var(dim=0).mean().sqrt())
        task = Rebind(Reconstruction(scale), {"x": "label"})
        terms = {"recon": task, **method.terms(layout, pictures)}
        _fitted(Autoencoder(encoder), terms, _Drawn(source, method.rows), budget)
    return Trained(encoder, layout if method.parted else None)


def _told(encoder: Encoder, source: BatchSource, dim: int, budget: Budget) -> None:
    """Trained on the classes of images and of changed images alike."""
    model = Predictor(encoder, TaskHead(LatentLayout(free=dim), _CLASSES, spread=1.0))
    of_views = Rebind(Prediction(), {"prediction": "prediction_view"})
    _fitted(model, {"rows": Prediction(), "views": of_views}, source, budget)


def _fitted(model: nn.Module, terms: _Terms, source: BatchSource, budget: Budget) -> None:
    weighed: dict[str, tuple[Term, Schedule]] = {name: (term, Constant(1.0)) for name, term in terms.items()}
    fit(model, Objective(weighed), source, Recipe(budget.steps, log_every=budget.steps))
