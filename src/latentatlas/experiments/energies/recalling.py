"""Ways to bring noisy digits back: from noisy rows, or noisy latents, to recalled latents of one atlas."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from latentatlas.estimator import Atlas
from latentatlas.estimator.rows import blockwise
from latentatlas.experiments.energies.digits import digits
from latentatlas.experiments.energies.networks import trained

__all__ = ["EXEMPLARS", "PROTOTYPES", "TOLD", "WAYS", "Way", "denoiser"]

Rows = Float[np.ndarray, "n features"]
Latent = Float[np.ndarray, "n dim"]

PROTOTYPES = "**ours**, prototypes, 1 step"
EXEMPLARS = "**ours**, 2,000 exemplars, 1 step"
TOLD = "**ours**, noise level told"
_BLOCK_ROWS = 500
_HIDDEN = (512, 64, 512)


class Way(NamedTuple):
    """A way to recall. `rows` makes other rows of noisy ones before they are encoded, `latents` moves latents.

    Attributes:
        rows: (rows, atlas, standard deviation of the noise, whether it is a quick run) → rows; None leaves them.
        latents: (latents, atlas) → latents; None leaves them.
    """

    rows: Callable[[Rows, Atlas, float, bool], Rows] | None = None
    latents: Callable[[Latent, Atlas], Latent] | None = None

    def from_rows(self, x: Rows, atlas: Atlas, *, noise: float, quick: bool) -> Latent:
        """Latents recalled from rows with noise of this standard deviation."""
        cleaned = x if self.rows is None else self.rows(x, atlas, noise, quick)
        return self.from_latents(atlas.transform(cleaned), atlas)

    def from_latents(self, z: Latent, atlas: Atlas) -> Latent:
        """Latents recalled from noisy ones."""
        return z if self.latents is None else self.latents(z, atlas)


def _retrieved(steps: int, remembered: int | None) -> Callable[[Latent, Atlas], Latent]:
    """Retrieval from the prototypes, or from so many training rows."""

    def moved(z: Latent, atlas: Atlas) -> Latent:
        memory = None if remembered is None else atlas.memory(rows=remembered)
        blocks = np.array_split(z, max(1, len(z) // _BLOCK_ROWS))
        return np.concatenate([atlas.model_.retrieve(block, steps=steps, memory=memory) for block in blocks])

    return moved


def _nearest_prototype(z: Latent, atlas: Atlas) -> Latent:
    return atlas.model_.bank.prototypes.detach().numpy()[atlas.model_.basins(z)]


def _noise_told(x: Rows, atlas: Atlas, noise: float, quick: bool) -> Rows:
    return x if noise == 0 else atlas.recall(x, steps=0, noise=noise)


def _denoised(x: Rows, atlas: Atlas, noise: float, quick: bool) -> Rows:
    return blockwise(denoiser(quick=quick), x)


WAYS = {
    PROTOTYPES: Way(latents=_retrieved(1, None)),
    "**ours**, prototypes, 5 steps": Way(latents=_retrieved(5, None)),
    EXEMPLARS: Way(latents=_retrieved(1, 2_000)),
    "**ours**, 2,000 exemplars, 5 steps": Way(latents=_retrieved(5, 2_000)),
    TOLD: Way(rows=_noise_told),
    "no recall": Way(),
    "nearest prototype": Way(latents=_nearest_prototype),
    "denoising autoencoder": Way(rows=_denoised),
    "Hopfield network of all training codes": Way(latents=_retrieved(1, 10**9)),
}


@lru_cache(maxsize=1)
def denoiser(*, quick: bool) -> Callable[[Tensor], Tensor]:
    """A perceptron that takes noise of a standard deviation from 0 to 1 off training rows."""
    rows = torch.from_numpy(digits(quick=quick).train.x)

    def loss(network: nn.Module, batch: Tensor) -> Tensor:
        clean = rows[batch]
        noisy = clean + torch.rand(len(clean), 1) * torch.randn_like(clean)
        return (network(noisy) - clean).square().mean()

    return trained((rows.shape[1], *_HIDDEN, rows.shape[1]), loss, rows=len(rows), quick=quick)
