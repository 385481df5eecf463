"""Ways between rows: where they lead, and how high they climb."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np
import torch
from torch import Tensor

from latentatlas.core import ShapeError, SpecError
from latentatlas.estimator.curving import require_flat
from latentatlas.estimator.rows import as_rows
from latentatlas.landscape import PrototypeField, descend, energies, minimum_energy_path

if TYPE_CHECKING:
    from latentatlas.estimator.atlas import Atlas

__all__ = ["Passage", "low_passage"]

_IMAGES = 33
_DESCENT_STEPS = 300
_STRING_STEPS = 2000
_STRING_TOLERANCE = 1e-3
_ONE_MINIMUM = 0.01  # of the distance of the two rows


@final
@dataclass(frozen=True, eq=False)
class Passage:
    """A way of low energy from one row to another; made by `Atlas.passage`.

    Attributes:
        latent: (steps, dim) at equal distances along the way, ends included.
        patterns: (steps, features) decoded from them, in the units of the data.
        energy: (steps,) of the latents.
        barrier: highest energy on the way.
        straight: highest energy on the straight line; never below the barrier.
    """

    latent: np.ndarray
    patterns: np.ndarray
    energy: np.ndarray
    barrier: float
    straight: float


def low_passage(atlas: Atlas, a: Any, b: Any, *, steps: int, field: Callable[[Tensor], Tensor] | None) -> Passage:
    """See `Atlas.passage`."""
    require_flat(atlas.model_.geometry, who="Atlas.passage", instead="Take interpolate, which follows geodesics.")
    if steps < 2:
        raise SpecError(f"Atlas.passage wants steps ≥ 2, the two ends; got {steps}. 20 are usual.")
    ends = np.concatenate([atlas._encoded(as_rows(end)) for end in (a, b)])
    if len(ends) != 2:
        raise ShapeError(f"Atlas.passage wants one row to start and one to end; got {len(ends)} rows. Pass two.")
    field = field or PrototypeField(atlas.model_.bank)
    straight = np.linspace(ends[0], ends[1], 8 * _IMAGES, dtype=np.float32)
    over = energies(field, straight)
    way, along = straight, over
    if over.max() > max(over[0], over[-1]) + 1e-6 * np.ptp(over):  # else there is nothing to go around
        bent = _spaced(_downhill(field, ends), 8 * _IMAGES)
        lower = energies(field, bent)
        way, along = (bent, lower) if lower.max() < over.max() else (way, along)
    z = _spaced(way, steps)
    return Passage(
        z, atlas.model_.patterns(z), energies(field, z), float(along.max()), float(max(over.max(), along.max()))
    )


def _downhill(field: Callable[[Tensor], Tensor], ends: np.ndarray) -> np.ndarray:
    """Down from one end to its minimum, over the pass to the minimum of the other, and up to it."""
    rate = 0.01 * float(np.square(ends[1] - ends[0]).mean()) or 1.0
    descent = descend(field, torch.from_numpy(ends), rate=rate, steps=_DESCENT_STEPS).path
    first, last = descent[:, 0], descent[:, 1].flip(0)
    pieces = [first]
    if float((first[-1] - last[0]).norm()) > _ONE_MINIMUM * float(np.linalg.norm(ends[1] - ends[0])):
        string = minimum_energy_path(
            field, first[-1], last[0], images=_IMAGES, steps=_STRING_STEPS, tolerance=_STRING_TOLERANCE
        )
        pieces.append(string.points)
    return torch.cat([*pieces, last]).numpy()


def _spaced(points: np.ndarray, count: int) -> np.ndarray:
    """So many points at equal distances along a broken line."""
    gaps = np.linalg.norm(np.diff(points.astype(np.float64), axis=0), axis=1)
    points, along = points[np.append(True, gaps > 0)], np.append(0.0, np.cumsum(gaps[gaps > 0]))
    wanted = np.linspace(0, along[-1], count)
    return np.stack([np.interp(wanted, along, axis) for axis in points.T], axis=1).astype(np.float32)
