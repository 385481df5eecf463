"""Soft clusters that groups share, and how far each group must be moved in each of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

__all__ = ["Round", "find_places"]

_ROUNDS = 3
_CENTRE_STEPS = 10
_BALANCE_STEPS = 20
_PRIOR_ROWS = 1.0
_TINY = 1e-12
_ROUNDING = 1e-10


class Round(NamedTuple):
    """One alignment.

    Attributes:
        centres: c_k.
        tilts: b_gk.
        moves: δ_gk.
    """

    centres: Float[np.ndarray, "clusters features"]
    tilts: Float[np.ndarray, "groups clusters"]
    moves: Float[np.ndarray, "groups clusters features"]

    def memberships(self, x: np.ndarray, group: int, width: float) -> Float[np.ndarray, "n clusters"]:
        """r_k(x, g) of rows of one group."""
        return _softmax(self.tilts[group] - _squared(x, self.centres) / width)


def find_places(
    x: Float[np.ndarray, "n features"],
    group: Int[np.ndarray, " n"],
    *,
    clusters: int,
    softness: float,
    balance: float,
    seed: int,
) -> tuple[float, Float[np.ndarray, "groups features"], list[Round]]:
    """Width of the clusters, how far the mean of each group is moved, and the rounds that follow."""
    from sklearn.cluster import KMeans

    counts = np.bincount(group).astype(np.float64)
    trust = counts / (counts + _PRIOR_ROWS)
    constant = _constant(x)
    offsets = _differences(x, group, trust)
    offsets[:, constant] = 0.0
    start = x - offsets[group]
    centres = KMeans(clusters, n_init=1, random_state=seed).fit(start).cluster_centers_
    width = softness * max(float(_squared(start, centres).min(axis=1).mean()), _TINY)
    moved, tilts, rounds = start, np.zeros((len(counts), clusters)), []
    for number in range(_ROUNDS):
        member = np.empty((len(x), clusters))
        for _ in range(_CENTRE_STEPS if number == 0 else 3):
            near = -_squared(moved, centres) / width
            member, tilts = _balanced(near, group, balance)
            weight = member / counts[group][:, None]  # groups count equally
            centres = weight.T @ moved / (weight.sum(axis=0)[:, None] + _TINY)
        member, tilts = _balanced(-_squared(moved, centres) / width, group, balance)
        moves = _moves(start, member, group, len(counts))
        moves[:, :, constant] = 0.0
        rounds.append(Round(centres, tilts, moves))
        moved = _apply(start, member, group, moves)
    return width, offsets, rounds


def _differences(
    x: Float[np.ndarray, "n features"], group: Int[np.ndarray, " n"], trust: Float[np.ndarray, " groups"]
) -> Float[np.ndarray, "groups features"]:
    """From the mean of the groups' means to each of them, drawn to 0 where a group has few rows."""
    means = np.stack([x[group == number].mean(axis=0) for number in range(len(trust))])
    return (means - np.average(means, axis=0, weights=trust)) * trust[:, None]


def _balanced(
    near: Float[np.ndarray, "n clusters"], group: Int[np.ndarray, " n"], balance: float
) -> tuple[Float[np.ndarray, "n clusters"], Float[np.ndarray, "groups clusters"]]:
    """Memberships and tilts: the share s_gk of a cluster in a group is tilted by (s̄_k / s_gk) to the power `balance`.

    The fixed point b_gk = balance · (log s̄_k − log s_gk + b_gk) is what is iterated.
    """
    groups = int(group.max()) + 1
    rows = [np.flatnonzero(group == number) for number in range(groups)]
    tilts = np.zeros((groups, near.shape[1]))
    member = _softmax(near)
    for _ in range(_BALANCE_STEPS if balance > 0 else 0):
        share = np.stack([member[here].mean(axis=0) for here in rows]) + _TINY
        tilts = balance * (np.log(share.mean(axis=0)) - np.log(share) + tilts)
        tilts -= tilts.mean(axis=1, keepdims=True)
        member = _softmax(near + tilts[group])
    return member, tilts


def _moves(
    x: Float[np.ndarray, "n features"],
    member: Float[np.ndarray, "n clusters"],
    group: Int[np.ndarray, " n"],
    groups: int,
) -> Float[np.ndarray, "groups clusters features"]:
    """From the mean of the groups' local means to each of them, drawn to 0 where a group has few rows."""
    mass = np.stack([member[group == number].sum(axis=0) for number in range(groups)])
    local = np.stack([member[group == number].T @ x[group == number] for number in range(groups)])
    local /= mass[:, :, None] + _TINY
    trust = mass / (mass + _PRIOR_ROWS)
    together = (trust[:, :, None] * local).sum(axis=0) / (trust.sum(axis=0)[:, None] + _TINY)
    return (local - together) * trust[:, :, None]


def _constant(x: np.ndarray) -> Bool[np.ndarray, " features"]:
    """Features that rounding alone would move."""
    return np.ptp(x, axis=0) <= _ROUNDING * np.abs(x).max(axis=0)


def _apply(start: np.ndarray, member: np.ndarray, group: np.ndarray, moves: np.ndarray) -> np.ndarray:
    moved = start.copy()
    for number in range(len(moves)):
        here = group == number
        moved[here] -= member[here] @ moves[number]
    return moved


def _squared(x: np.ndarray, centres: np.ndarray) -> Float[np.ndarray, "n clusters"]:
    squared = (x * x).sum(axis=1)[:, None] + (centres * centres).sum(axis=1) - 2 * x @ centres.T
    return np.maximum(squared, 0.0)


def _softmax(scores: np.ndarray) -> np.ndarray:
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)
