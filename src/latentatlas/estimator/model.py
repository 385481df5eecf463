"""What new rows need: the fitted networks and what is usual for rows that training did not see."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import final

import numpy as np
from jaxtyping import Float

from latentatlas.checks import p_values
from latentatlas.core import ShapeError, SpecError
from latentatlas.estimator.preparation import Preparation
from latentatlas.estimator.remembering import Memory
from latentatlas.estimator.rows import blockwise
from latentatlas.landscape import PrototypeBank
from latentatlas.models import Autoencoder, Stem

__all__ = ["AtlasModel"]

Rows = Float[np.ndarray, "n features"]
Latent = Float[np.ndarray, "n dim"]


def _nothing() -> np.ndarray:
    return np.empty(0, np.float32)


@final
@dataclass(frozen=True, eq=False)
class AtlasModel:
    """Numbers in, numbers out. Rows `x` are prepared: in the space where neighbours were sought.

    Attributes:
        preparation: from rows in the units of the data to prepared rows, and back.
        stem: the fixed linear first layer.
        network: encoder, decoder, map head and bank.
        usual_energy: energies of the held-out rows, ascending; empty without such rows.
        usual_residual: their mean squared reconstruction errors, ascending.
    """

    preparation: Preparation
    stem: Stem
    network: Autoencoder
    usual_energy: Float[np.ndarray, " held_out"] = field(default_factory=_nothing)
    usual_residual: Float[np.ndarray, " held_out"] = field(default_factory=_nothing)

    def __post_init__(self) -> None:
        self.stem.eval()
        self.network.eval()

    @property
    def bank(self) -> PrototypeBank:
        """The prototypes of the basins."""
        assert self.network.bank is not None
        return self.network.bank

    @property
    def calibrated(self) -> bool:
        """Whether there were held-out rows to compare with."""
        return len(self.usual_energy) > 0

    def calibrate(self, x: Rows) -> AtlasModel:
        """The same model, with these rows as what is usual."""
        if not len(x):
            return replace(self, usual_energy=_nothing(), usual_residual=_nothing())
        z = self.encode(x)
        return replace(self, usual_energy=np.sort(self.energy(z)), usual_residual=np.sort(self.residual(x, z)))

    def encode(self, x: Rows) -> Latent:
        """Latents of prepared rows."""
        return blockwise(lambda block: self.network.encode(self.stem(block)), x)

    def decode(self, z: Latent) -> Rows:
        """Prepared rows from latents."""
        return blockwise(lambda block: self.stem.inverse(self.network.decode(block)), z)

    def patterns(self, z: Latent) -> Rows:
        """Rows in the units of the data from latents."""
        return self.preparation.inverse(self.decode(z))

    def map(self, z: Latent) -> Float[np.ndarray, "n 2"]:
        """Map coordinates of latents."""
        return blockwise(self.network.map, z)

    def basins(self, z: Latent) -> np.ndarray:
        """Number of the nearest prototype, int64."""
        return blockwise(self.bank.nearest, z)

    def memberships(self, z: Latent) -> Float[np.ndarray, "n charts"]:
        """Soft memberships in the basins; rows sum to 1."""
        return blockwise(self.bank.weights, z)

    def energy(self, z: Latent) -> Float[np.ndarray, " n"]:
        """Energy in the landscape of the prototypes."""
        return blockwise(self.bank.energy, z)

    def line(self, start: Latent, stop: Latent, *, steps: int) -> Float[np.ndarray, "n steps dim"]:
        """Latents along the straight line between two of each pair, ends included.

        Raises:
            ShapeError: for different numbers of starts and stops.
            SpecError: for fewer than 2 steps.
        """
        if len(start) != len(stop):
            raise ShapeError(
                f"Atlas.interpolate wants as many rows to end as to start; got {len(start)} and {len(stop)}. "
                "Pass pairs of rows."
            )
        if steps < 2:
            raise SpecError(f"Atlas.interpolate wants steps ≥ 2, the two ends; got {steps}. 10 is usual.")
        return np.linspace(start, stop, steps, axis=1, dtype=np.float32)

    def retrieve(self, z: Latent, *, steps: int, memory: Memory | None = None) -> Latent:
        """Latents after some steps of retrieval from a memory; None is the bank."""
        known = self.bank if memory is None else memory
        return blockwise(lambda block: known.retrieve(block, steps=steps), z)

    def residual(self, x: Rows, z: Latent) -> Float[np.ndarray, " n"]:
        """Mean squared reconstruction error of each row."""
        return np.square(x - self.decode(z)).mean(axis=1)

    def p_values(self, x: Rows, z: Latent) -> Float[np.ndarray, " n"]:
        """The smaller p-value of energy and residual, doubled (Bonferroni); NaN where nothing is known to be usual."""
        if not self.calibrated:
            return np.full(len(x), np.nan)
        strange = np.stack([self.energy(z), self.residual(x, z)], axis=1)
        return p_values(strange, np.stack([self.usual_energy, self.usual_residual], axis=1))

    def describe(self, x: Rows, z: Latent) -> dict[str, np.ndarray]:
        """Columns `x`, `y` (map), `latent`, `basin`, `membership` (of that basin), `energy`, `anomaly_p`."""
        xy = self.map(z)
        return {
            "x": xy[:, 0],
            "y": xy[:, 1],
            "latent": z,
            "basin": self.basins(z).astype(np.int32),
            "membership": self.memberships(z).max(axis=1),
            "energy": self.energy(z),
            "anomaly_p": self.p_values(x, z),
        }
