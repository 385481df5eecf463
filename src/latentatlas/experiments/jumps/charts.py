"""Sets with charts that are written down: coordinates in every chart, memberships, and a path through them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from latentatlas.data.synthetic import Synthetic, mobius_band, sphere, swiss_roll
from latentatlas.data.synthetic.sphere import angles_of, points_at

__all__ = ["PROBLEMS", "Known", "Problem"]

_MIRRORED = (1.0, -1.0, 1.0, -1.0)
_TURNED = (0.0, 0.7, -1.1, 2.5)
_STEPS, _DENSE = 400, 20_000


class Known(NamedTuple):
    """Rows with their coordinates in every chart, in units of the chart's radius, and their memberships."""

    x: Float[np.ndarray, "n features"]
    local: Float[np.ndarray, "n charts dim"]
    memberships: Float[np.ndarray, "n charts"]


class Problem(NamedTuple):
    """A set and its charts.

    Attributes:
        title: in tables.
        said: what the jumps between its charts are.
        maker: draws rows.
        chart: parameters of rows to coordinates and memberships.
        path: parameters of a path, step by step.
        orientable: of the set.
        scale: factor on the rows.
    """

    title: str
    said: str
    maker: Callable[..., Synthetic]
    chart: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
    path: Callable[[], np.ndarray]
    orientable: bool
    scale: float = 1.0

    def draw(self, rows: int, *, seed: int) -> Known:
        """Rows with their charts."""
        return self._known(self.maker(rows, seed=seed), np.arange(rows))

    def along(self, *, seed: int) -> Known:
        """Rows along the path: of many drawn ones the nearest to each step, by their parameters."""
        made = self.maker(_DENSE, seed=seed)
        near = [int(np.square(made.truth.parameters - step).sum(axis=1).argmin()) for step in self.path()]
        return self._known(made, np.array(near))

    def _known(self, made: Synthetic, rows: np.ndarray) -> Known:
        assert made.truth.parameters is not None
        return Known(self.scale * made.table.x[rows], *self.chart(made.truth.parameters[rows]))


def _roll_charts(parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Four sections of the sheet, each turned and every second mirrored: jumps are affine."""
    length = 90.0
    centres = length * (np.arange(4) + 0.5) / 4
    reach = 0.75 * length / 4
    along = parameters[:, :1] - centres
    flat = np.stack([along / reach, np.broadcast_to(parameters[:, 1:] / 10.5 - 1, along.shape)], axis=2)
    local = np.stack([flat[:, k] @ _frame(_TURNED[k], _MIRRORED[k]).T for k in range(4)], axis=1)
    return local, _shares(1 - np.abs(along) / reach)


def _sphere_charts(parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Six caps about the axes in stereographic coordinates: jumps are smooth, not affine."""
    points = points_at(parameters)
    axes = np.concatenate([np.eye(3), -np.eye(3)])
    across = np.stack([np.roll(np.eye(3), -k, axis=0)[1:] for k in (0, 1, 2, 0, 1, 2)])
    height = points @ axes.T
    local = np.einsum("nf,kaf->nka", points, across) / (1 + np.maximum(height, -0.9))[..., None]
    return local, _shares(np.maximum(height, -1) - np.cos(np.radians(65)))


def _band_charts(parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two halves: the jump is a shift where they meet on one side, a shift and a mirror on the other."""
    u, t = parameters.T
    late = u > np.pi
    first = np.column_stack([np.where(late, u - 2 * np.pi, u) / np.pi, 2 * np.where(late, -t, t)])
    second = np.column_stack([(u - np.pi) / np.pi, 2 * t])
    local = np.stack([first, second], axis=1)
    return local, _shares(0.7 - np.abs(local[:, :, 0]))


def _frame(angle: float, mirrored: float) -> np.ndarray:
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return turn @ np.diag([1.0, mirrored])


def _shares(depth: np.ndarray) -> np.ndarray:
    """Memberships in proportion to how deep a row lies inside each chart."""
    inside = np.maximum(depth, 0) + 1e-9
    return inside / inside.sum(axis=1, keepdims=True)


def _wave(low: float, high: float, across: Callable[[np.ndarray], np.ndarray]) -> Callable[[], np.ndarray]:
    """From low to high in the first parameter, the second following."""

    def path() -> np.ndarray:
        along = np.linspace(low, high, _STEPS)
        return np.column_stack([along, across((along - low) / (high - low))])

    return path


def _round_the_sphere() -> np.ndarray:
    """A great circle, tilted so that it runs near no place where three caps meet."""
    angle = np.linspace(-np.pi, np.pi, _STEPS)
    tilt = 0.15
    points = np.column_stack([np.cos(angle), np.sin(angle) * np.cos(tilt), np.sin(angle) * np.sin(tilt)])
    return angles_of(points)


PROBLEMS = (
    Problem(
        "Swiss roll, 4 charts",
        "affine: charts are turned and mirrored sections of the sheet",
        swiss_roll,
        _roll_charts,
        _wave(2.0, 87.0, lambda s: 10.5 + 6 * np.sin(9 * s)),
        orientable=True,
        scale=0.1,
    ),
    Problem(
        "sphere, 6 charts",
        "smooth, not affine: caps in stereographic coordinates",
        sphere,
        _sphere_charts,
        _round_the_sphere,
        orientable=True,
    ),
    Problem(
        "Möbius band, 2 charts",
        "a shift where the halves meet on one side, a shift and a mirror on the other",
        mobius_band,
        _band_charts,
        _wave(0.0, 2 * np.pi, lambda s: 0.3 * np.sin(4 * np.pi * s)),
        orientable=False,
    ),
)
