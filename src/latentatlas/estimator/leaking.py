"""How much the latent tells of a nuisance, row by row."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from latentatlas.metrics import is_categorical

__all__ = ["told_by_neighbours"]


def told_by_neighbours(near: Int[np.ndarray, "n k"], values: np.ndarray) -> Float[np.ndarray, " n"]:
    """What the k nearest rows of each row tell of its own value, as excess over chance; at most 1, about 0 if nothing.

    Of a category (p − f) / (1 − f): p is the share of the neighbours that have the same, f that of all other rows. Of a
    number 1 − k/(k + 1) (v − v̄)² / Var v, v̄ being the mean of the neighbours. Averaged over rows this is what a
    neighbour probe reaches that leaves each row out. 1 for all rows where there is nothing to be told: one value only.

    Cost: O(n k).

    >>> told_by_neighbours(np.array([[1], [0], [3], [0]]), np.array(["a", "a", "b", "b"])).round(2).tolist()
    [1.0, 1.0, 1.0, -0.5]
    """
    others = near.shape[1]
    if not is_categorical(values):
        numbers = np.asarray(values, np.float64)
        variance = numbers.var()
        if variance == 0:
            return np.ones(len(numbers))
        return 1 - others / (others + 1) * np.square(numbers - numbers[near].mean(axis=1)) / variance
    names, codes, counts = np.unique(values.astype(str), return_inverse=True, return_counts=True)
    if len(names) == 1:
        return np.ones(len(codes))
    share = (codes[near] == codes[:, None]).mean(axis=1)
    chance = (counts[codes] - 1) / (len(codes) - 1)
    return (share - chance) / (1 - chance)
