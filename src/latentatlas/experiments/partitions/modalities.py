"""Ways to learn from two sensors at once, and what each sensor says afterwards."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from latentatlas.core import Constant, LatentLayout, Schedule, reproducible
from latentatlas.data.signals import window_statistics
from latentatlas.experiments.partitions.movements import CHANNELS, LENGTH, MODALITIES, Movements
from latentatlas.models import Autoencoder, Encoder, MultimodalEncoder, Predictor, ResidualSignalEncoder, TaskHead
from latentatlas.terms import ModalityContrast, Objective, Prediction, Reconstruction, Term
from latentatlas.train import Recipe, RowBatches, fit

__all__ = ["Budget", "Concatenated", "Correlated", "Sensors", "Shared", "Statistics", "Told"]

_COLUMNS = CHANNELS * LENGTH


@final
@dataclass(frozen=True)
class Budget:
    """How long is trained, and how large the latent of a sensor is.

    Attributes:
        steps: of the optimiser.
        batch: rows of a step.
        channels: of the convolutions.
        shared: axes of the invariant block.
        own: axes of the free block of each sensor.
    """

    steps: int = 300
    batch: int = 256
    channels: Sequence[int] = (16, 32, 32, 64)
    shared: int = 32
    own: int = 32

    @classmethod
    def of(cls, *, quick: bool) -> Budget:
        """Small where it is only to run."""
        return cls(steps=8, batch=32, channels=(4, 8), shared=6, own=4) if quick else cls()

    @property
    def layout(self) -> LatentLayout:
        """Of one sensor."""
        return LatentLayout(invariant=self.shared, free=self.own)


class Sensors(ABC):
    """Something that has read both sensors of the training rows."""

    @abstractmethod
    def alone(self, x: Float[Tensor, "n features"]) -> dict[str, np.ndarray] | None:
        """What each sensor says of the block that both share; None where nothing can be compared."""

    @abstractmethod
    def blocks(self, x: Float[Tensor, "n features"]) -> dict[str, np.ndarray]:
        """What is asked for the activity, by name."""


@final
class Shared(Sensors):
    """An encoder for each sensor and an invariant block, whose two readings are made to agree if so wished.

    Args:
        rows: to train on.
        budget: sizes.
        contrast: weight of `ModalityContrast`.
        recon: weight of the reconstruction of both sensors.
        seed: of weights and batches.
    """

    def __init__(self, rows: Movements, budget: Budget, *, contrast: float, recon: float, seed: int):
        self.budget = budget
        with reproducible(seed, threads=torch.get_num_threads()):
            each = {name: _encoder((CHANNELS, LENGTH), budget.layout.dim, budget) for name in MODALITIES}
            self.encoder = MultimodalEncoder(each, budget.layout)
            terms = {"recon": (Reconstruction(rows.scale), recon), "contrast": (ModalityContrast(), contrast)}
            _fitted(Autoencoder(self.encoder), terms, rows, budget, seed=seed)

    @torch.no_grad()
    def alone(self, x: Float[Tensor, "n features"]) -> dict[str, np.ndarray]:
        """The invariant block from each sensor."""
        return {name: _array(self.encoder.alone(name, part)) for name, part in _parts(x).items()}

    @torch.no_grad()
    def blocks(self, x: Float[Tensor, "n features"]) -> dict[str, np.ndarray]:
        """The invariant block from each and from both, the free block of each, and all."""
        z, joint = self.encoder(x), self.encoder.joint
        free = dict(zip(MODALITIES, joint.block(z, "free").chunk(2, dim=1), strict=True))
        return {
            **{f"invariant, {name} alone": block for name, block in self.alone(x).items()},
            "invariant, both": _array(joint.block(z, "invariant")),
            **{f"free, {name}": _array(block) for name, block in free.items()},
            "all": _array(z),
        }


@final
class Concatenated(Sensors):
    """One autoencoder of all six channels: what one sensor says alone is not asked."""

    def __init__(self, rows: Movements, budget: Budget, *, seed: int):
        with reproducible(seed, threads=torch.get_num_threads()):
            self.encoder = _encoder((2 * CHANNELS, LENGTH), budget.shared + 2 * budget.own, budget)
            _fitted(Autoencoder(self.encoder), {"recon": (Reconstruction(rows.scale), 1.0)}, rows, budget, seed=seed)

    def alone(self, x: Float[Tensor, "n features"]) -> None:
        """Nothing."""

    @torch.no_grad()
    def blocks(self, x: Float[Tensor, "n features"]) -> dict[str, np.ndarray]:
        """The whole latent."""
        return {"all": _array(self.encoder(x))}


@final
class Told(Sensors):
    """The same network, trained on the activities."""

    def __init__(self, rows: Movements, budget: Budget, *, seed: int):
        with reproducible(seed, threads=torch.get_num_threads()):
            dim = budget.shared + 2 * budget.own
            self.encoder = _encoder((2 * CHANNELS, LENGTH), dim, budget)
            head = TaskHead(LatentLayout(free=dim), 6, spread=1.0)
            _fitted(Predictor(self.encoder, head), {"risk": (Prediction(), 1.0)}, rows, budget, seed=seed)

    def alone(self, x: Float[Tensor, "n features"]) -> None:
        """Nothing."""

    @torch.no_grad()
    def blocks(self, x: Float[Tensor, "n features"]) -> dict[str, np.ndarray]:
        """The whole latent."""
        return {"all": _array(self.encoder(x))}


@final
class Statistics(Sensors):
    """Statistics of windows by hand, which no sensor shares with the other."""

    def alone(self, x: Float[Tensor, "n features"]) -> None:
        """Nothing: a mean of accelerations is no mean of rotations."""

    def blocks(self, x: Float[Tensor, "n features"]) -> dict[str, np.ndarray]:
        """Those of each sensor and of both."""
        each = _statistics(x)
        return {
            **{f"{name} alone": part for name, part in each.items()},
            "all": np.concatenate(list(each.values()), axis=1),
        }


@final
class Correlated(Sensors):
    """Directions in the statistics of one sensor that go most with directions in those of the other (linear CCA).

    Both are whitened with a ridge of a hundredth; a direction counts as much as its correlation.

    Args:
        rows: to fit on.
        axes: directions that are kept.
    """

    def __init__(self, rows: Movements, *, axes: int):
        first, second = _statistics(rows.train.x).values()
        self.means = [part.mean(axis=0) for part in (first, second)]
        self.spreads = [np.maximum(part.std(axis=0), 1e-9) for part in (first, second)]
        units = [(p - m) / s for p, m, s in zip((first, second), self.means, self.spreads, strict=True)]
        roots = [_whitening(part) for part in units]
        left, kept, right = np.linalg.svd(roots[0] @ (units[0].T @ units[1] / len(first)) @ roots[1])
        self.maps = [root @ side[:, :axes] * kept[:axes] for root, side in zip(roots, (left, right.T), strict=True)]

    def alone(self, x: Float[Tensor, "n features"]) -> dict[str, np.ndarray]:
        """Both on the same directions."""
        parts = zip(_statistics(x).items(), self.means, self.spreads, self.maps, strict=True)
        return {name: (part - mean) / spread @ turn for (name, part), mean, spread, turn in parts}

    def blocks(self, x: Float[Tensor, "n features"]) -> dict[str, np.ndarray]:
        """From each, and their mean."""
        each = self.alone(x)
        both = np.mean(list(each.values()), axis=0)
        return {**{f"invariant, {name} alone": part for name, part in each.items()}, "invariant, both": both}


def _encoder(shape: tuple[int, int], dim: int, budget: Budget) -> Encoder:
    return ResidualSignalEncoder(shape, dim, channels=budget.channels, spread=1.0)


def _fitted(
    model: nn.Module, terms: Mapping[str, tuple[Term, float]], rows: Movements, budget: Budget, *, seed: int
) -> None:
    weighed: dict[str, tuple[Term, Schedule]] = {name: (term, Constant(w)) for name, (term, w) in terms.items() if w}
    source = RowBatches(rows.train, size=budget.batch, seed=seed)
    fit(model, Objective(weighed), source, Recipe(budget.steps, log_every=budget.steps))


def _parts(x: Float[Tensor, "n features"]) -> dict[str, Tensor]:
    return dict(zip(MODALITIES, x.split(_COLUMNS, dim=1), strict=True))


def _statistics(x: Float[Tensor, "n features"]) -> dict[str, np.ndarray]:
    parts = {name: part.reshape(-1, CHANNELS, LENGTH).numpy() for name, part in _parts(x).items()}
    return {name: window_statistics(part) for name, part in parts.items()}


def _whitening(rows: np.ndarray) -> np.ndarray:
    """(C + ridge)^(−1/2)."""
    values, axes = np.linalg.eigh(rows.T @ rows / len(rows))
    return axes / np.sqrt(values.clip(min=0) + 0.01) @ axes.T


def _array(z: Tensor) -> np.ndarray:
    return z.numpy().astype(np.float64)
