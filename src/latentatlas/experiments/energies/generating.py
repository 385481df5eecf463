"""Ways to make digits, and judges of what they made."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple, Protocol

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from latentatlas.estimator import Atlas
from latentatlas.estimator.rows import blockwise
from latentatlas.estimator.sampling import LangevinRefinement
from latentatlas.experiments.energies.digits import atlas_of_digits, digits, labels_of
from latentatlas.experiments.energies.networks import trained
from latentatlas.graph.exact import brute_force
from latentatlas.landscape import MixtureDensity

__all__ = ["COLUMNS", "MAKERS", "PER_BASIN", "Made", "Maker", "judge", "judged", "named_basins"]

COLUMNS = ("right digit", "nearest row, median", "nearest row, 5 %", "variety")
PER_BASIN = 100
_HIDDEN = (256, 256)
_COMPONENTS = 60
_FIT_ROWS = 20_000


class Made(NamedTuple):
    """Images, and the basin each was asked from."""

    x: Float[np.ndarray, "n features"]
    basin: Int[np.ndarray, " n"]


class Maker(Protocol):
    """A way to make so many images of each basin of the atlas of this seed."""

    def __call__(self, seed: int, *, each: int, quick: bool) -> Made:
        """Images of each basin."""
        ...


def _sampled(seed: int, *, each: int, quick: bool) -> Made:
    atlas = atlas_of_digits(seed, quick=quick)
    return _of_each_basin(atlas, lambda basin: atlas.sample(each, basin=basin, random_state=seed))


def _refined(seed: int, *, each: int, quick: bool) -> Made:
    """Langevin dynamics in the energy of a mixture of 60 Gaussians, fitted to 20,000 training latents."""
    atlas = atlas_of_digits(seed, quick=quick)
    few = np.random.default_rng(seed).choice(atlas.latent_, min(_FIT_ROWS, len(atlas.latent_)), replace=False)
    density = MixtureDensity(min(_COMPONENTS, len(few) // 10), atlas.dim).fit(torch.from_numpy(few), seed=seed)
    refinement = LangevinRefinement(density)
    return _of_each_basin(
        atlas, lambda basin: atlas.sample(each, basin=basin, refinement=refinement, random_state=seed)
    )


def _one_gaussian(seed: int, *, each: int, quick: bool) -> Made:
    """Latents from one Gaussian over all training latents, asked from the basin they fall into."""
    atlas = atlas_of_digits(seed, quick=quick)
    rng = np.random.default_rng(seed)
    z = rng.multivariate_normal(atlas.latent_.mean(axis=0), np.cov(atlas.latent_.T), each * atlas.n_basins_)
    z = z.astype(np.float32)
    return Made(atlas.inverse_transform(z), atlas.model_.basins(z))


def _prototypes(seed: int, *, each: int, quick: bool) -> Made:
    atlas = atlas_of_digits(seed, quick=quick)
    places = atlas.inverse_transform(atlas.model_.bank.prototypes.detach().numpy())
    return _of_each_basin(atlas, lambda basin: places[[basin] * each])


def _reconstructed(seed: int, *, each: int, quick: bool) -> Made:
    atlas = atlas_of_digits(seed, quick=quick)
    made = _test_rows(seed, each=each, quick=quick)
    return Made(atlas.inverse_transform(atlas.transform(made.x)), made.basin)


def _test_rows(seed: int, *, each: int, quick: bool) -> Made:
    atlas, rows = atlas_of_digits(seed, quick=quick), digits(quick=quick).test.x
    basin = atlas.basins(rows)
    chosen = np.concatenate([np.flatnonzero(basin == number)[:each] for number in range(atlas.n_basins_)])
    return Made(rows[chosen], basin[chosen])


def _training_rows(seed: int, *, each: int, quick: bool) -> Made:
    atlas, rows = atlas_of_digits(seed, quick=quick), digits(quick=quick).train.x
    return _of_each_basin(atlas, lambda basin: rows[np.flatnonzero(atlas.labels_ == basin)[:each]])


MAKERS: dict[str, Maker] = {
    "**ours**": _sampled,
    "**ours**, refined in a density": _refined,
    "one Gaussian for all latents": _one_gaussian,
    "the decoded prototype, again and again": _prototypes,
    "copies of training rows": _training_rows,
    "test rows, encoded and decoded": _reconstructed,
    "test rows": _test_rows,
}


def named_basins(atlas: Atlas, label: Int[np.ndarray, " rows"]) -> Int[np.ndarray, " basins"]:
    """The digit of most training rows of each basin."""
    return np.array([np.bincount(label[atlas.labels_ == basin]).argmax() for basin in range(atlas.n_basins_)])


def judged(made: Made, seed: int, *, quick: bool) -> dict[str, float]:
    """All of `COLUMNS`."""
    atlas, (train, test) = atlas_of_digits(seed, quick=quick), digits(quick=quick)
    wanted = named_basins(atlas, labels_of(train))[made.basin]
    usual = np.median(_nearest_training_row(test.x[:1_000], quick=quick))
    near = _nearest_training_row(made.x, quick=quick) / usual
    return {
        "right digit": float((judge(quick=quick)(made.x) == wanted).mean()),
        "nearest row, median": float(np.median(near)),
        "nearest row, 5 %": float(np.quantile(near, 0.05)),
        "variety": _apart(made) / _apart(Made(test.x[:1_000], atlas.basins(test.x[:1_000]))),
    }


@lru_cache(maxsize=1)
def judge(*, quick: bool) -> Callable[[np.ndarray], np.ndarray]:
    """A perceptron on pixels that was told the labels of the training rows; made once, whatever the seed."""
    train = digits(quick=quick).train
    rows, label = torch.from_numpy(train.x), torch.from_numpy(labels_of(train))

    def loss(network: nn.Module, batch: Tensor) -> Tensor:
        return cross_entropy(network(rows[batch]), label[batch])

    network = trained((rows.shape[1], *_HIDDEN, int(label.max()) + 1), loss, rows=len(rows), quick=quick)
    return lambda x: blockwise(network, x).argmax(axis=1)


def _of_each_basin(atlas: Atlas, make: Callable[[int], np.ndarray]) -> Made:
    parts = [make(basin) for basin in range(atlas.n_basins_)]
    return Made(np.concatenate(parts), np.repeat(np.arange(atlas.n_basins_), [len(part) for part in parts]))


def _nearest_training_row(x: np.ndarray, *, quick: bool) -> np.ndarray:
    return np.sqrt(brute_force(x, digits(quick=quick).train.x, 1)[0][:, 0])


def _apart(made: Made) -> float:
    """Mean distance between two images of the same basin, over all such pairs."""
    from scipy.spatial.distance import pdist

    apart = [pdist(made.x[made.basin == basin]) for basin in np.unique(made.basin)]
    return float(np.concatenate(apart).mean())
