"""New latents around the prototypes, and their refinement in another energy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np
import torch
from torch import Tensor

from latentatlas.core import SpecError
from latentatlas.estimator.curving import require_flat
from latentatlas.geometry import Euclidean, Geometry
from latentatlas.landscape import DistanceScore, adjusted_langevin

if TYPE_CHECKING:
    from latentatlas.estimator.atlas import Atlas

__all__ = ["LangevinRefinement", "drawn_latents"]


@final
@dataclass(frozen=True)
class LangevinRefinement:
    """Moves samples by adjusted Langevin dynamics, whose law is exp(−E/T).

    Attributes:
        field: energy of latents, in nats; a density, or an energy that was learned.
        steps: proposals for each sample.
        step: η, in units of the variance of a basin; smaller where few proposals are accepted.
        temperature: T.

    Raises:
        SpecError: unless steps ≥ 1, step > 0 and temperature > 0.
    """

    field: Callable[[Tensor], Tensor]
    steps: int = 100
    step: float = 0.05
    temperature: float = 1.0

    def __post_init__(self) -> None:
        if self.steps < 1 or not self.step > 0 or not self.temperature > 0:
            raise SpecError(
                f"LangevinRefinement wants steps ≥ 1, step > 0 and temperature > 0; got {self.steps}, {self.step}, "
                f"{self.temperature}. Correct them."
            )


def drawn_latents(
    atlas: Atlas, n: int, *, basin: int | None, refinement: LangevinRefinement | None, seed: int
) -> np.ndarray:
    """Latents from the mixture of the bank, refined if wanted; a row that would leave its basin stays where it was.

    Raises:
        SpecError: for no samples, a basin that does not exist, or one without rows.
    """
    model, count = atlas.model_, atlas.n_basins_
    sizes = np.bincount(atlas.labels_, minlength=count)
    if n < 1:
        raise SpecError(f"Atlas.sample wants n ≥ 1; got {n}. Ask for one pattern or more.")
    if basin is not None and not 0 <= basin < count:
        raise SpecError(f"Atlas has basins 0 to {count - 1}; got {basin}. Pick one of them.")
    if basin is not None and sizes[basin] == 0:
        raise SpecError(
            f"Atlas.sample wants a basin with rows; basin {basin} is empty, so nothing is known of it. Pick another, "
            "or fit with fewer basins."
        )
    if refinement is not None:
        require_flat(model.geometry, who="LangevinRefinement", instead="Sample without a refinement.")
    assert isinstance(model.bank.score, DistanceScore)
    rng = np.random.default_rng(seed)
    chosen = np.full(n, basin) if basin is not None else rng.choice(count, n, p=sizes / sizes.sum())
    width = float(model.bank.score.tau / np.sqrt(float(model.bank.beta)))
    centres = model.bank.prototypes.detach().numpy()[chosen]
    z = centres + (width * rng.standard_normal(centres.shape)).astype(np.float32)
    if not isinstance(model.geometry, Euclidean):
        return _wrapped(centres, z - centres, model.geometry)
    if refinement is None:
        return z
    moved = adjusted_langevin(
        refinement.field,
        torch.from_numpy(z),
        step=refinement.step * width**2,
        steps=refinement.steps,
        temperature=refinement.temperature,
        keep_every=refinement.steps,
        seed=seed,
    ).last.numpy()
    stays = model.basins(moved) == model.basins(z)
    return np.where(stays[:, None], moved, z)


def _wrapped(centres: np.ndarray, noise: np.ndarray, space: Geometry) -> np.ndarray:
    """A Gaussian of the tangent space of each centre, in its own lengths, wrapped onto the space."""
    base = torch.from_numpy(centres)
    unit = space.gradient(base, torch.ones_like(base)).sqrt()  # of the coordinates, which are orthogonal
    return space.exp(base, unit * torch.from_numpy(noise)).numpy()
