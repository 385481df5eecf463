"""Digits whose colour predicts the label better than their shape does, until it does not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Int

from latentatlas.core import DataError
from latentatlas.data.synthetic.drawing import generator, noisy, require
from latentatlas.data.synthetic.truth import Synthetic, Truth
from latentatlas.data.table import Table

__all__ = ["coloured_digits"]

_COLOURS = np.array(["red", "green"])


def coloured_digits(
    rows: int | None = None,
    *,
    source: Table | None = None,
    label_noise: float = 0.25,
    agreement: Sequence[float] = (0.9, 0.8, 0.1),
    noise: float = 0.0,
    seed: int = 0,
) -> Synthetic:
    """Coloured digits in three environments: shape predicts the label everywhere, colour better but not in the last.

    The recipe of Colored MNIST. The label is 1 for the digits 0 to 4 and 0 for 5 to 9, then flipped with probability
    `label_noise`. The colour agrees with the flipped label (green for 1, red for 0) with the probability of the
    environment. Images become (height, width, 3); blue is always 0.

    A rule that reads the shape is right in 1 − `label_noise` of the rows of every environment, and no other that is
    blind to colour is better (`truth.optimum`). A rule that reads the colour is right in 90 % and 80 % of the rows of
    the first two environments, and in 10 % of the last.

    Args:
        rows: how many rows of the source, drawn without repetition and kept in order; None takes all.
        source: images of the digits 0 to 9 with their labels, for example `read_table("mnist")`; None takes the 1,797
            that come with scikit-learn.
        label_noise: probability that a label is flipped, at most ½.
        agreement: for each environment, the probability that the colour agrees with the flipped label. The last one
            is meant for testing and gets a sixth of the rows; the others share the rest, drawn at random.
        noise: standard deviation of normal noise on every value.
        seed: of the random numbers; equal seeds give equal bits.

    Returns:
        The table has the label, the nuisance `colour`, the environment (0, 1, …) and the metadata `digit` and
        `flipped`; ids are those of the source. `truth.labels` are the labels before the flip.

    Cost: O(rows · pixels).

    Raises:
        SpecError: if there are fewer than six rows or more than the source has, fewer than two environments, or a
            probability is out of range.
        DataError: if the rows of the source are not images in one channel, or its labels are not digits.

    References:
        M. Arjovsky, L. Bottou, I. Gulrajani, D. Lopez-Paz, Invariant Risk Minimization, 2019, section 5.2.

    >>> made = coloured_digits(60)
    >>> made.table.item_shape, made.truth.optimum, np.bincount(made.table.environment).tolist()
    ((8, 8, 3), 0.75, [25, 25, 10])
    """
    who = "coloured_digits"
    digits = _bundled() if source is None else _checked(source)
    rng = generator(who, len(digits) if rows is None else rows, least=6, seed=seed)
    require(rows is None or rows <= len(digits), who, f"at most the {len(digits)} rows that the source has", rows)
    require(0 <= label_noise <= 0.5, who, "label_noise from 0 to ½", label_noise)
    agrees_in_range = len(agreement) > 1 and min(agreement) >= 0 and max(agreement) <= 1
    require(agrees_in_range, who, "agreement as two probabilities or more", agreement)
    chosen = digits if rows is None else digits.take(np.sort(rng.choice(len(digits), rows, replace=False)))
    digit, n = np.asarray(chosen.label), len(chosen)
    shape, flipped = (digit < 5).astype(np.int64), rng.random(n) < label_noise
    label = shape ^ flipped
    environment = _environments(n, len(agreement), rng)
    colour = label ^ (rng.random(n) >= np.array(agreement)[environment])
    factors = {"digit": digit, "flipped": flipped, "colour": _COLOURS[colour], "environment": environment}
    table = Table(
        noisy(who, _painted(chosen, colour), noise=noise, rng=rng),
        ids=chosen.ids,
        label=label,
        nuisance={"colour": factors["colour"]},
        environment=environment,
        metadata={"digit": digit, "flipped": flipped},
        name=who,
        item_shape=(*_size(chosen), 3),
    )
    return Synthetic(table, Truth(labels=shape, factors=factors, optimum=1 - label_noise))


def _bundled() -> Table:
    from sklearn.datasets import load_digits

    bunch: Any = load_digits()
    return Table(bunch.data.astype(np.float32), label=bunch.target.astype(np.int64), item_shape=(8, 8))


def _checked(source: Table) -> Table:
    """The source itself, once it is found to hold images of digits."""
    if len(source.item_shape or ()) != 2:
        raise DataError(
            f"coloured_digits wants images (height, width) in one channel; {source.name!r} has rows of shape "
            f"{source.item_shape}. Pass such a Table, for example read_table('mnist')."
        )
    label = source.label
    if label is None or label.dtype.kind not in "iu":
        came = "no labels" if label is None else f"{label.dtype} labels"
    elif label.min() < 0 or label.max() > 9:
        came = f"labels from {label.min()} to {label.max()}"
    else:
        return source
    raise DataError(
        f"coloured_digits wants the digits 0 to 9 as labels; {source.name!r} has {came}. Pass the digits as label."
    )


def _size(images: Table) -> tuple[int, int]:
    height, width = images.item_shape or (0, 0)
    return height, width


def _environments(n: int, count: int, rng: np.random.Generator) -> Int[np.ndarray, " n"]:
    """The last environment for a sixth of the rows, the others in equal parts."""
    held_out = n // 6
    return rng.permutation(np.append(np.arange(n - held_out) % (count - 1), np.full(held_out, count - 1)))


def _painted(images: Table, colour: Int[np.ndarray, " n"]) -> np.ndarray:
    """Every image in the channel of its colour, black in the two others."""
    grey = images.x.reshape(len(images), *_size(images))
    painted = np.zeros((*grey.shape, 3), np.float32)
    painted[np.arange(len(grey)), :, :, colour] = grey
    return painted.reshape(len(grey), -1)
