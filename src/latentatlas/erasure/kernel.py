"""A non-linear eraser: groups are aligned place by place, where places are soft clusters that all groups share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from jaxtyping import Float, Int

from latentatlas.core import DataError
from latentatlas.erasure.base import Eraser, Erasure, require_rows, warn
from latentatlas.erasure.columns import finite_rows, nuisance_columns
from latentatlas.erasure.groups import Grouping, find_groups
from latentatlas.erasure.places import Round, find_places

__all__ = ["KernelEraser", "KernelErasure"]

_BLOCK_NUMBERS = 2**21
_ROWS_PER_PLACE = 10
_FEW_ROWS = 10
_CERTAIN = 1e-3  # groups less likely than this are not mixed in


@final
class KernelEraser(Eraser):
    r"""Erases what kernels and neighbours could tell of the nuisance, by moving groups place by place.

    A group g is a category of the nuisance; several nuisances make one group of each combination, and real numbers are
    cut at their quantiles. First the means of the groups are made equal. Then, a few times over, soft clusters
    k = 1 … K with centres c_k are found in the moved rows, and in each of them the local mean of every group is moved
    to the mean of these means:

        r_k(x, g) ∝ exp(−‖x − c_k‖²/s + b_gk),   x' = x − δ_g − Σ_k r_k(x, g) δ_gk.

    s = `softness` times the mean squared distance to the nearest centre. The b_gk move each group's share of a cluster
    towards what the groups have on average (`balance`: 0 leaves it, 1 makes it equal), so that a cluster of one group
    alone finds partners; a group whose composition truly differs is bent by that. Local means of few rows are drawn to
    0 by one row's worth.

    **New rows** are moved with their group where the nuisance is passed. Where it is not, the group is guessed by a
    linear discriminant of the fit, and the moves of the groups are mixed with its probabilities.

    **What it cannot.** Groups are moved, not reshaped: differences finer than a cluster stay, and no figure is exact.
    Where groups differ in composition their overall means stay different, and a linear model tells them by that; a
    `LinearEraser` fitted on the result takes this away too, and with it part of the composition.
    A small `softness` mixes more and keeps fewer neighbours; judge both on rows the fit has not seen. There is no form
    for a label: use `LinearEraser(...).fit(x, nuisance, label)` where label and nuisance go together.

    Args:
        clusters: K; fewer where there are not ten rows for each.
        softness: width of the clusters.
        balance: from 0 to 1.
        bins: of a nuisance of real numbers.
        numeric: columns of whole numbers that are numbers; all others of whole numbers are categories.
        rows: more rows than this are sampled, uniformly over all updates.
        seed: of the sample and of the first centres.

    Cost: the fit O(rows · K · features) some hundred times; a transform O(n · K · features) per group of the rows, with
    unknown groups O(n · groups · K · features).

    Two groups, one shifted; two clusters in each:

    >>> x = np.array([[0.0], [9.0], [1.0], [10.0]] * 25)
    >>> e = KernelEraser(clusters=2).fit(x, ["a", "a", "b", "b"] * 25)
    >>> e.transform(x[:4], ["a", "a", "b", "b"]).round(2).tolist()
    [[0.5], [9.5], [0.5], [9.5]]

    References:
        Korsunsky et al., Fast, sensitive and accurate integration of single-cell data with Harmony, 2019 (clusters
        with a penalty on uneven groups; here the balance is a fixed point, and new rows have a place).
    """

    def __init__(
        self,
        *,
        clusters: int = 100,
        softness: float = 0.25,
        balance: float = 0.5,
        bins: int = 5,
        numeric: Sequence[str] = (),
        rows: int = 20_000,
        seed: int = 0,
    ):
        if clusters < 1 or bins < 2 or rows < 2:
            raise DataError(
                f"KernelEraser wants clusters ≥ 1, bins ≥ 2 and rows ≥ 2; got {clusters}, {bins} and {rows}. 100, 5 "
                "and 20,000 are usual."
            )
        if not softness > 0 or not 0 <= balance <= 1:
            raise DataError(
                f"KernelEraser wants softness > 0 and 0 ≤ balance ≤ 1; got {softness} and {balance}. .25 and .5 are "
                "usual."
            )
        self.clusters = clusters
        self.softness = softness
        self.balance = balance
        self.bins = bins
        self.numeric = tuple(numeric)
        self.rows = rows
        self.seed = seed
        self.forget()

    def forget(self) -> None:
        """Start anew."""
        self._sample: _Sample | None = None
        self._random = np.random.default_rng(self.seed)
        self._erasure: KernelErasure | None = None

    def update(self, x: Any, nuisance: Any, label: Any = None) -> KernelEraser:
        """Add rows to the sample of `rows` that `erasure` is computed from.

        Raises:
            DataError: if a label is passed, besides the errors of `fit`.
        """
        if label is not None:
            raise DataError(
                "KernelEraser has no form for a label: groups are aligned whole. Use LinearEraser, or leave it out."
            )
        features = None if self._sample is None else self._sample.x.shape[1]
        rows = finite_rows("KernelEraser", x, features=features)
        columns = nuisance_columns("KernelEraser", nuisance, len(rows))
        new = _Sample(rows, columns, self._random.random(len(rows)))
        self._sample = new.kept(self.rows) if self._sample is None else self._sample.joined(new).kept(self.rows)
        self._erasure = None
        return self

    @property
    def erasure(self) -> KernelErasure:
        """The map for the rows seen so far; computed once.

        Raises:
            DataError: if all rows are of one group, or groups have fewer than two rows on average.
        """
        if self._erasure is None:
            self._erasure = self._fitted()
        return self._erasure

    def _fitted(self) -> KernelErasure:
        require_rows("KernelEraser", 0 if self._sample is None else len(self._sample.x))
        assert self._sample is not None
        x = self._sample.x.astype(np.float64)
        grouping = find_groups("KernelEraser", self._sample.columns, numeric=self.numeric, bins=self.bins)
        group = grouping.of("KernelEraser", self._sample.columns, len(x))
        counts = np.bincount(group, minlength=len(grouping))
        _warn_of_few(grouping, counts)
        width, offsets, rounds = find_places(
            x,
            group,
            clusters=min(self.clusters, max(1, len(x) // _ROWS_PER_PLACE)),
            softness=self.softness,
            balance=self.balance,
            seed=self.seed,
        )
        weights, bias = _discriminant(x, group, counts)
        return KernelErasure(grouping, offsets, tuple(rounds), width, weights, bias)


@final
@dataclass(frozen=True, eq=False)
class KernelErasure(Erasure):
    """Moves of every group, place by place, made by `KernelEraser`.

    Attributes:
        grouping: how nuisances decide the group of a row.
        offsets: δ_g.
        rounds: centres, tilts b_gk and moves δ_gk of each round.
        width: s.
        weights: of the linear discriminant that guesses groups.
        bias: of the same.
    """

    grouping: Grouping
    offsets: Float[np.ndarray, "groups features"]
    rounds: tuple[Round, ...]
    width: float
    weights: Float[np.ndarray, "features groups"]
    bias: Float[np.ndarray, " groups"]

    @property
    def features(self) -> int:
        """Number of columns of the rows."""
        return self.offsets.shape[1]

    def __call__(self, x: Any, nuisance: Any = None) -> Float[np.ndarray, "n features"]:
        """The rows moved with their groups; with the probabilities of the groups where the nuisance is None."""
        rows = finite_rows("KernelErasure", x, features=self.features)
        group = None if nuisance is None else self.grouping.of("KernelErasure", nuisance, len(rows))
        erased = np.empty_like(rows)
        step = max(1, _BLOCK_NUMBERS // max(self.features, self.rounds[0].centres.shape[0]))
        for start in range(0, len(rows), step):
            part = slice(start, start + step)
            block = rows[part].astype(np.float64)
            erased[part] = self._mixed(block) if group is None else self._moved_by_group(block, group[part])
        return erased

    def probabilities(self, x: Any) -> Float[np.ndarray, "n groups"]:
        """Of the groups, as guessed from the rows alone."""
        scores = finite_rows("KernelErasure", x, features=self.features) @ self.weights + self.bias
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        return scores / scores.sum(axis=1, keepdims=True)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Offsets, rounds and discriminant."""
        stacked = {name: np.stack([getattr(each, name) for each in self.rounds]) for name in Round._fields}
        return {**stacked, "offsets": self.offsets, "weights": self.weights, "bias": self.bias}

    def to_plain(self) -> dict[str, Any]:
        """Width and grouping."""
        keys = [list(key) for key in self.grouping.keys]
        return {
            "width": self.width,
            "values": self.grouping.values,
            "binned": list(self.grouping.binned),
            "keys": keys,
        }

    @classmethod
    def of_parts(cls, arrays: dict[str, np.ndarray], plain: dict[str, Any]) -> KernelErasure:
        """The way back."""
        grouping = Grouping(plain["values"], tuple(plain["binned"]), tuple(tuple(key) for key in plain["keys"]))
        count = len(arrays["centres"])
        rounds = tuple(Round(*(arrays[name][number] for name in Round._fields)) for number in range(count))
        return cls(grouping, arrays["offsets"], rounds, plain["width"], arrays["weights"], arrays["bias"])

    def _moved_by_group(self, x: np.ndarray, group: Int[np.ndarray, " n"]) -> np.ndarray:
        moved = np.empty_like(x)
        for number in np.unique(group):
            moved[group == number] = self._moved(x[group == number], int(number))
        return moved

    def _mixed(self, x: np.ndarray) -> np.ndarray:
        likely = self.probabilities(x)
        likely[likely < _CERTAIN] = 0.0
        likely /= likely.sum(axis=1, keepdims=True)
        mixed = np.zeros_like(x)
        for number in range(len(self.grouping)):
            here = likely[:, number] > 0
            if here.any():
                mixed[here] += likely[here, number, None] * self._moved(x[here], number)
        return mixed

    def _moved(self, x: np.ndarray, group: int) -> np.ndarray:
        start = x - self.offsets[group]
        moved = start
        for each in self.rounds:
            moved = start - each.memberships(moved, group, self.width) @ each.moves[group]
        return moved


@dataclass(frozen=True, eq=False)
class _Sample:
    """Rows with a random key each; those with the least keys are a uniform sample."""

    x: np.ndarray
    columns: dict[str, np.ndarray]
    keys: np.ndarray

    def joined(self, other: _Sample) -> _Sample:
        if set(other.columns) != set(self.columns):
            raise DataError(
                f"update wants the nuisances {', '.join(self.columns)}; got {', '.join(other.columns)}. Pass the same "
                "columns."
            )
        columns = {name: np.concatenate([values, other.columns[name]]) for name, values in self.columns.items()}
        return _Sample(np.concatenate([self.x, other.x]), columns, np.concatenate([self.keys, other.keys]))

    def kept(self, rows: int) -> _Sample:
        if len(self.keys) <= rows:
            return self
        least = np.sort(np.argpartition(self.keys, rows)[:rows])
        columns = {name: values[least] for name, values in self.columns.items()}
        return _Sample(self.x[least], columns, self.keys[least])


def _discriminant(x: np.ndarray, group: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights and bias of the linear discriminant with a shrunk covariance within groups."""
    means = np.stack([x[group == number].mean(axis=0) for number in range(len(counts))])
    inside = x - means[group]
    covariance = inside.T @ inside / max(1, len(x) - len(counts))
    shrunk = min(1.0, x.shape[1] / len(x))
    level = max(float(np.trace(covariance)) / len(covariance), np.finfo(float).tiny)
    covariance = (1 - shrunk) * covariance + (shrunk + 1e-9) * level * np.eye(len(covariance))
    weights = np.linalg.solve(covariance, means.T)
    return weights, np.log(counts / counts.sum()) - (means.T * weights).sum(axis=0) / 2


def _warn_of_few(grouping: Grouping, counts: np.ndarray) -> None:
    few = np.flatnonzero(counts < _FEW_ROWS)
    if len(few):
        warn(
            f"KernelEraser has fewer than {_FEW_ROWS} rows in {len(few)} of {len(counts)} groups, first "
            f"{grouping.named(grouping.keys[few[0]])} with {counts[few[0]]}: they are moved by their mean and little "
            "else."
        )
