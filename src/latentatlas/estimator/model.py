"""What new rows need: the fitted networks and what is usual for rows that training did not see."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np
import torch
from jaxtyping import Float

from latentatlas.checks import p_values
from latentatlas.core import ShapeError, SpecError
from latentatlas.estimator.coordinates import ChartCoordinates, chart_coordinates, require_charts
from latentatlas.estimator.preparation import Preparation
from latentatlas.estimator.remembering import Memory
from latentatlas.estimator.rows import blockwise
from latentatlas.estimator.usual import Usual
from latentatlas.geometry import Euclidean, Geometry
from latentatlas.landscape import PrototypeBank
from latentatlas.models import AtlasAutoencoder, Autoencoder, CurvedEncoder, Stem

__all__ = ["AtlasModel", "space_of"]

Rows = Float[np.ndarray, "n features"]
Latent = Float[np.ndarray, "n dim"]


@final
@dataclass(frozen=True, eq=False)
class AtlasModel:
    """Numbers in, numbers out. Rows `x` are prepared: in the space where neighbours were sought.

    Attributes:
        preparation: from rows in the units of the data to prepared rows, and back.
        stem: the fixed linear first layer.
        network: encoder, decoder, map head and bank; of many charts where these were wanted.
        usual: what rows are like at each place of the latent; None until it is known.
    """

    preparation: Preparation
    stem: Stem
    network: Autoencoder | AtlasAutoencoder
    usual: Usual | None = None

    def __post_init__(self) -> None:
        self.stem.eval()
        self.network.eval()

    @property
    def bank(self) -> PrototypeBank:
        """The prototypes of the basins."""
        assert self.network.bank is not None
        return self.network.bank

    @property
    def geometry(self) -> Geometry:
        """Where latent and map lie."""
        return space_of(self.network)

    @property
    def charted(self) -> AtlasAutoencoder | None:
        """The network of many charts, where it is one."""
        return self.network if isinstance(self.network, AtlasAutoencoder) else None

    @property
    def calibrated(self) -> bool:
        """Whether there were held-out rows to compare with."""
        return self.usual is not None and len(self.usual.surprise) > 0

    def acquainted(self, x: Rows, z: Latent, *, held_out: np.ndarray, seed: int) -> AtlasModel:
        """The same model, which knows what is usual among these rows, and how far those kept aside stray from it."""
        return replace(self, usual=Usual.of(self.stem, x, z, held_out=held_out, seed=seed, space=self.geometry))

    def encode(self, x: Rows) -> Latent:
        """Latents of prepared rows."""
        return blockwise(lambda block: self.network.encode(self.stem(block)), x)

    def decode(self, z: Latent) -> Rows:
        """Prepared rows from latents."""
        return blockwise(lambda block: self.stem.inverse(self.network.decode(block)), z)

    def in_charts(self, x: Rows) -> ChartCoordinates:
        """Where prepared rows lie in the charts.

        Raises:
            SpecError: if there are none.
        """
        return chart_coordinates(require_charts(self, who="Atlas"), blockwise(self.stem, x))

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
        """Latents along the straight line of their space between two of each pair, ends included.

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
        if isinstance(self.geometry, Euclidean):
            return np.linspace(start, stop, steps, axis=1, dtype=np.float32)
        a, b = torch.from_numpy(start)[:, None], torch.from_numpy(stop)[:, None]
        return self.geometry.geodesic(a, b, torch.linspace(0, 1, steps)[:, None]).numpy()

    def retrieve(self, z: Latent, *, steps: int, memory: Memory | None = None) -> Latent:
        """Latents after some steps of retrieval from a memory; None is the bank."""
        known = self.bank if memory is None else memory
        return blockwise(lambda block: known.retrieve(block, steps=steps), z)

    def residual(self, x: Rows, z: Latent) -> Float[np.ndarray, " n"]:
        """Mean squared reconstruction error of each row."""
        return np.square(x - self.decode(z)).mean(axis=1)

    def surprise(self, x: Rows, z: Latent) -> Float[np.ndarray, " n"]:
        """How unlike the rows at its place each row is, in nats."""
        assert self.usual is not None
        return self.usual(x, z)

    def p_values(self, x: Rows, z: Latent) -> Float[np.ndarray, " n"]:
        """Rank of the surprise among that of held-out rows; NaN where there were none."""
        if self.usual is None or not self.calibrated:
            return np.full(len(x), np.nan)
        return p_values(self.surprise(x, z), self.usual.surprise)

    def without_noise(self, x: Rows, *, noise: float) -> Rows:
        """Rows before noise of this standard deviation on every column, in the units of the data.

        Raises:
            SpecError: unless the noise is positive and finite.
        """
        if not (np.isfinite(noise) and noise > 0):
            raise SpecError(f"Atlas.recall wants a finite noise > 0, or None; got {noise}. Pass its deviation.")
        assert self.usual is not None
        prepare = self.preparation
        found = self.usual.without_noise(x, noise / prepare.scale)
        return prepare(prepare.inverse(found)) if prepare.unit else found

    def describe(self, x: Rows, z: Latent) -> dict[str, np.ndarray]:
        """Columns `x`, `y` (map), `latent`, `basin`, `membership` (of that basin), `energy`, `anomaly_p`.

        With charts also `chart`, `chart_membership`, `local` (coordinates in it), `routing_entropy` and, if there are
        codes, `code`.
        """
        xy = self.map(z)
        return {
            "x": xy[:, 0],
            "y": xy[:, 1],
            "latent": z,
            "basin": self.basins(z).astype(np.int32),
            "membership": self.memberships(z).max(axis=1),
            "energy": self.energy(z),
            "anomaly_p": self.p_values(x, z),
            **({} if self.charted is None else _columns_of(self.in_charts(x))),
        }


def space_of(network: Autoencoder | AtlasAutoencoder) -> Geometry:
    """Where the latent of a network lies."""
    encoder = network.encoder
    return encoder.geometry if isinstance(encoder, CurvedEncoder) else Euclidean()


def _columns_of(found: ChartCoordinates) -> dict[str, np.ndarray]:
    columns = {
        "chart": found.chart.astype(np.int32),
        "chart_membership": found.memberships.max(axis=1),
        "local": found.own,
        "routing_entropy": found.entropy.astype(np.float32),
    }
    return columns if found.own_code is None else columns | {"code": found.own_code.astype(np.int32)}
