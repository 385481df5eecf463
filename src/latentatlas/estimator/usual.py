"""What is usual at each place of the latent, and how surprising a row is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import final

import numpy as np
import torch
from jaxtyping import Float

from latentatlas.estimator.rows import blockwise
from latentatlas.geometry import Euclidean, Geometry
from latentatlas.graph import nearest_points
from latentatlas.landscape import GaussianCells
from latentatlas.models import PCAStem, Stem

__all__ = ["Usual"]

Rows = Float[np.ndarray, "n features"]
Latent = Float[np.ndarray, "n dim"]

_KNOWN, _ROWS_PER_CELL, _MOST_CELLS, _MOST_COMPONENTS = 20_000, 400, 50, 128
_NOISES = (0.005, 0.01, 0.02, 0.04, 0.08, 0.16)  # mean variance of a coordinate is 1
_TENTH, _FEWEST_JUDGED = 10, 10
_TINY = 1e-6
_FLAT = Euclidean()


def _none() -> np.ndarray:
    return np.empty(0, np.float64)


@final
@dataclass(frozen=True, eq=False)
class Usual:
    r"""A Gaussian of the coordinates of the rows at each place, and the surprise of those that training did not see.

    The surprise of a row, in nats, is −log π_c N(h; μ_c, C_c + νI) + [r − r_max]₊/(2v): h are its coordinates under the
    stem and c is the cell that its latent lies in; r is the squared length of what the stem leaves out, r_max the
    largest of the known rows, and v their mean for each coordinate left out. A row is unusual where it is unlike its
    neighbours on the map, however common it would be elsewhere.

    Attributes:
        stem: from rows to coordinates, at most 128 of them.
        centres: (cells, dim) of the cells, in the latent; a row is in the cell of the nearest.
        cells: one Gaussian for each.
        noise: ν, in units of the mean variance of a coordinate.
        left_out: the mean of r, and r_max.
        space: where latents and centres lie.
        surprise: of the rows kept aside, ascending; empty without such rows.
    """

    stem: Stem
    centres: Float[np.ndarray, "cells dim"]
    cells: GaussianCells
    noise: float
    left_out: tuple[float, float]
    space: Geometry
    surprise: Float[np.ndarray, " held_out"] = field(default_factory=_none)

    @classmethod
    def of(cls, stem: Stem, x: Rows, z: Latent, *, held_out: np.ndarray, seed: int, space: Geometry = _FLAT) -> Usual:
        """From at most 20,000 rows that training saw, with 400 rows a cell and 50 cells at most.

        ν is the one of six that makes the rows of every tenth likeliest under Gaussians of the others.
        """
        seen = np.flatnonzero(~held_out)
        known = np.sort(np.random.default_rng(seed).choice(seen, min(_KNOWN, len(seen)), replace=False))
        if stem.components > _MOST_COMPONENTS:
            stem = PCAStem(x.shape[1], _MOST_COMPONENTS).fit(torch.from_numpy(x[known]))
        h, left = _coordinates(stem, x[known])
        centres, cell = _cut(z[known], seed, space)
        cells = _in_single_precision(GaussianCells.of(h, cell))
        left_out = max(float(left.mean()), _TINY), float(left.max())
        found = cls(stem, centres, cells, _likeliest(h, cell), left_out, space)
        return replace(found, surprise=np.sort(found(x[held_out], z[held_out]))) if held_out.any() else found

    def arrays(self, stem: Stem) -> dict[str, np.ndarray]:
        """All that `restored` needs beside the stem of the atlas, by name."""
        found = {
            "centres": self.centres,
            "shares": self.cells.shares,
            "means": self.cells.means.astype(np.float32),
            "covariances": self.cells.covariances.astype(np.float32),
            "noise": np.array([self.noise]),
            "left_out": np.array(self.left_out),
            "surprise": self.surprise,
        }
        own = {} if self.stem is stem else self.stem.state_dict()
        return found | {f"stem.{name}": each.numpy() for name, each in own.items()}

    @classmethod
    def restored(cls, stem: Stem, arrays: Mapping[str, np.ndarray], space: Geometry = _FLAT) -> Usual:
        """The way back from `arrays`; `stem` is that of the atlas, which is shared if it has few coordinates."""
        if stem.components > _MOST_COMPONENTS:
            stem = PCAStem(stem.mean.shape[0], _MOST_COMPONENTS)
            stem.load_state_dict({name: torch.from_numpy(arrays[f"stem.{name}"]) for name in stem.state_dict()})
        cells = GaussianCells(*(arrays[name].astype(np.float64) for name in ("shares", "means", "covariances")))
        mean, most = arrays["left_out"].tolist()
        return cls(stem, arrays["centres"], cells, float(arrays["noise"][0]), (mean, most), space, arrays["surprise"])

    def __call__(self, x: Rows, z: Latent) -> Float[np.ndarray, " n"]:
        """Surprise of rows that lie there, in nats; O(n (features + components) components)."""
        h, left = _coordinates(self.stem, x)
        cell = nearest_points(z, self.centres, 1, self.space)[1][:, 0]
        mean, most = self.left_out
        spare = max(1, x.shape[1] - self.stem.components)
        within = self.cells.energy(h, cell, self.noise * np.eye(h.shape[1]))
        return within + np.maximum(0, left - most) / (2 * mean / spare)

    def without_noise(self, x: Rows, deviation: Float[np.ndarray, " features"]) -> Rows:
        """The mean of what each row may have been before independent noise on its columns; without what is left out."""
        variance = torch.from_numpy(np.square(deviation, dtype=np.float32))
        spread = self.stem.covariance_of(variance).numpy().astype(np.float64)
        h = self.cells.posterior_mean(blockwise(self.stem, x).astype(np.float64), spread)
        return blockwise(self.stem.inverse, h.astype(np.float32))


def _coordinates(stem: Stem, x: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates, in float64, and the squared length of what they leave out."""
    h = blockwise(stem, x)
    if stem.components == x.shape[1]:
        return h.astype(np.float64), np.zeros(len(x))
    left = blockwise(lambda rows: (rows - stem.inverse(stem(rows))).square().sum(dim=1), x)
    return h.astype(np.float64), left.astype(np.float64)


def _in_single_precision(cells: GaussianCells) -> GaussianCells:
    """As they are saved, so that an atlas is the same after it is loaded."""
    means, covariances = (each.astype(np.float32).astype(np.float64) for each in (cells.means, cells.covariances))
    return GaussianCells(cells.shares, means, covariances)


def _cut(z: Latent, seed: int, space: Geometry) -> tuple[np.ndarray, np.ndarray]:
    """Centres of cells of about 400 rows, all occupied, and the cell of each row.

    In a curved space the centres are k-means centres of tangent vectors; rows go to the nearest by its own distance.
    """
    from sklearn.cluster import MiniBatchKMeans

    count = int(np.clip(len(z) // _ROWS_PER_CELL, 1, _MOST_CELLS))
    found = MiniBatchKMeans(count, n_init=3, random_state=seed).fit(space.vector(torch.from_numpy(z)).numpy())
    centres = space.point(torch.from_numpy(found.cluster_centers_.astype(np.float32))).numpy()
    occupied = np.unique(nearest_points(z, centres, 1, space)[1][:, 0])
    centres = np.ascontiguousarray(centres[occupied])
    return centres, nearest_points(z, centres, 1, space)[1][:, 0]


def _likeliest(h: np.ndarray, cell: np.ndarray) -> float:
    judged = np.zeros(len(h), bool)
    judged[::_TENTH] = True
    judged &= np.isin(cell, cell[~judged])
    if judged.sum() < _FEWEST_JUDGED:
        return _NOISES[-1]
    names, codes = np.unique(cell[~judged], return_inverse=True)
    others, inside = GaussianCells.of(h[~judged], codes), np.searchsorted(names, cell[judged])
    unit = np.eye(h.shape[1])
    return min(_NOISES, key=lambda noise: float(others.energy(h[judged], inside, noise * unit).mean()))
