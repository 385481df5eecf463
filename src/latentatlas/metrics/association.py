"""How a label goes with a nuisance, and whether a prediction answers for it in the wrong direction."""

from __future__ import annotations

import math
from typing import ClassVar, Literal, NamedTuple, final

import numpy as np
from jaxtyping import Float

from latentatlas.core import DataError, SpecError
from latentatlas.metrics.base import Metric, codes, finite_rows, is_categorical, same_rows
from latentatlas.metrics.clustering import contingency
from latentatlas.metrics.strata import strata

__all__ = ["CramersV", "OverCorrection", "over_correction"]

_ROUNDING = 1e-9


@final
class CramersV(Metric):
    """Association of label and nuisance, in [0, 1]: 0 where p(label | nuisance) is always the same, 1 where it is sure.

    √(φ² / min(r − 1, c − 1)) with φ² = χ²/n, r and c corrected for what chance adds (Bergsma), so that it is near 0 for
    independent rows at every n. Real numbers are cut into fifths. This is how much *correlation shift* there can be:
    0 means that removing the nuisance costs nothing of the label. O(n log n).

    >>> CramersV()(np.arange(100) % 2, np.arange(100) % 2), CramersV()(np.arange(100) % 2, np.arange(100) // 50)
    (1.0, 0.0)

    References:
        Bergsma, A bias-correction for Cramér's V and Tschuprow's T, Journal of the Korean Statistical Society 2013.
    """

    lower: ClassVar[float] = 0.0
    upper: ClassVar[float] = 1.0
    better: ClassVar[Literal["higher", "lower"]] = "lower"

    def __call__(self, label: np.ndarray, nuisance: np.ndarray) -> float:
        """The association."""
        row, column = _both(label, nuisance)
        table = contingency(row, column)
        n, (r, c) = table.sum(), table.shape
        if n < 2 or min(r, c) < 2:
            return 0.0
        phi = max(0.0, _chi_square(table) / n - (r - 1) * (c - 1) / (n - 1))
        least = min(r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)) - 1
        return min(1.0, math.sqrt(phi / least)) if least > 0 else 0.0

    def permutation_test(
        self, label: np.ndarray, nuisance: np.ndarray, *, permutations: int = 999, seed: int = 0
    ) -> float:
        """The p-value of independence, in [1 / (permutations + 1), 1]: χ² against that of shuffled nuisances."""
        if permutations < 1:
            raise SpecError(f"permutation_test wants at least one permutation; got {permutations}. 999 is usual.")
        row, column = _both(label, nuisance)
        shape = int(row.max()) + 1, int(column.max()) + 1
        rng = np.random.default_rng(seed)

        def statistic(order: np.ndarray) -> float:
            return _chi_square(np.bincount(row * shape[1] + order, minlength=shape[0] * shape[1]).reshape(shape))

        reach = statistic(column) * (1 - _ROUNDING)
        return (1 + sum(statistic(rng.permutation(column)) >= reach for _ in range(permutations))) / (1 + permutations)


class OverCorrection(NamedTuple):
    """Whether a prediction uses a nuisance in the direction opposite to that in which label and nuisance go together.

    Attributes:
        value: association of prediction and nuisance within labels, in [−1, 1], along the direction in which label and
            nuisance go together. 0: the prediction knows the nuisance from the label alone. Above 0: it uses the
            nuisance as a shortcut. Below 0: it uses it reversed, the mark of over-correction.
        marginal: the same without regard to the label.
        label: the same of the label itself, in [0, 1]: how much there is to go the wrong way about.
        p: one-sided permutation p-value of so low a value.
        p_label: permutation p-value of independence of label and nuisance.
    """

    value: float
    marginal: float
    label: float
    p: float
    p_label: float


def over_correction(
    prediction: np.ndarray,
    nuisance: np.ndarray,
    label: np.ndarray,
    *,
    permutations: int = 999,
    seed: int = 0,
) -> OverCorrection:
    """Association of a prediction with the nuisance within labels, signed by that of the label, on training rows.

    With Y, V, P the columns of label, nuisance and prediction (indicators of categories, standardised numbers),
    A = Cov(Y, V), and ~ for "minus the mean of its label", the value is Σ_i ⟨P̃ᵢ A, Ṽᵢ⟩ / (‖P̃ A‖ ‖Ṽ‖). For two classes
    and a binary nuisance it is sign(A) times the partial correlation. A method that forces *marginal* independence of
    prediction and nuisance although label and nuisance are dependent must pay with a negative value: it uses the
    nuisance reversed, and looks better than possible where the dependence is reversed.

    Null of `p`: prediction and nuisance are independent given the label; the nuisance is permuted within labels.

    Args:
        prediction: of the label: its values, a score (n,) that is high for the last of two classes, or one column per
            class in sorted order; numbers where the label is one.
        nuisance: categories or numbers.
        label: categories or numbers; numbers are held fixed in fifths.
        permutations: of both tests.
        seed: of the permutations.

    Cost: O(permutations · n · values of the nuisance).

    >>> label, colour = np.array([0, 0, 0, 1, 1, 1] * 9), np.array([0, 0, 1, 0, 1, 1] * 9)
    >>> round(over_correction(label - 0.6 * colour, colour, label).value, 6)
    -1.0

    Raises:
        ShapeError: if the lengths differ.
        DataError: if the prediction has neither one column nor one for each class.
    """
    same_rows("over_correction", prediction=prediction, nuisance=nuisance, label=label)
    group = strata(np.asarray(label))
    y, v = _columns(np.asarray(label)), _columns(np.asarray(nuisance))
    p = _prediction_columns(np.asarray(prediction), np.asarray(label))
    direction = (y - y.mean(axis=0)).T @ (v - v.mean(axis=0)) / len(y)
    own = _about(v, group)
    along = _about(p @ direction, group)
    norm = math.sqrt(float((along**2).sum() * (own**2).sum()))
    rng = np.random.default_rng(seed)
    value, low = 0.0, 1.0
    if norm > _ROUNDING * len(y):
        value = float((along * own).sum()) / norm
        places = [np.flatnonzero(group == number) for number in range(int(group.max()) + 1)]
        low = _share_as_low(along, own, places, permutations, rng)
    everyone = np.zeros(len(y), np.int64)
    return OverCorrection(
        value=float(np.clip(value, -1, 1)),
        marginal=_cosine(_about(p @ direction, everyone), _about(v, everyone)),
        label=_cosine(_about(y @ direction, everyone), _about(v, everyone)),
        p=low,
        p_label=CramersV().permutation_test(label, nuisance, permutations=permutations, seed=seed),
    )


def _share_as_low(
    along: np.ndarray, own: np.ndarray, places: list[np.ndarray], permutations: int, rng: np.random.Generator
) -> float:
    observed = float((along * own).sum())
    reach = observed + _ROUNDING * abs(observed)
    count = 0
    for _ in range(permutations):
        order = np.arange(len(own))
        for place in places:
            order[place] = rng.permutation(place)
        count += float((along * own[order]).sum()) <= reach
    return (1 + count) / (1 + permutations)


def _columns(values: np.ndarray) -> Float[np.ndarray, "n columns"]:
    """Indicators of categories, or standardised numbers."""
    if is_categorical(values):
        (code,) = codes("over_correction", values=values)
        return np.eye(int(code.max()) + 1)[code]
    (numbers,) = finite_rows("over_correction", values=values)
    spread = numbers.std(axis=0)
    return (numbers - numbers.mean(axis=0)) / np.where(spread > 0, spread, 1)


def _prediction_columns(prediction: np.ndarray, label: np.ndarray) -> Float[np.ndarray, "n columns"]:
    if not is_categorical(label):
        return _columns(prediction.astype(np.float64).reshape(len(label), -1))
    classes = np.unique(label.astype(str) if label.dtype.kind == "O" else label)
    if prediction.ndim == 1 and is_categorical(prediction):
        named = prediction.astype(str) if prediction.dtype.kind == "O" or label.dtype.kind == "O" else prediction
        return (named[:, None] == classes).astype(np.float64)
    (score,) = finite_rows("over_correction", prediction=prediction)
    if score.shape[1] == 1 and len(classes) == 2:
        return np.column_stack([-score[:, 0], score[:, 0]])
    if score.shape[1] != len(classes):
        raise DataError(
            f"over_correction wants one column of predictions for each of the {len(classes)} classes; got "
            f"{score.shape[1]}. Pass the predicted classes, or one score for each class in sorted order."
        )
    return score


def _about(columns: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Columns minus the mean of their group."""
    sizes = np.bincount(group)[:, None]
    means = np.stack([np.bincount(group, column, len(sizes)) for column in columns.T], axis=1) / np.maximum(sizes, 1)
    return columns - means[group]


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    norm = math.sqrt(float((a**2).sum() * (b**2).sum()))
    return float(np.clip((a * b).sum() / norm, -1, 1)) if norm > _ROUNDING * len(a) else 0.0


def _both(label: np.ndarray, nuisance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    same_rows("CramersV", label=label, nuisance=nuisance)
    return strata(np.asarray(label)), strata(np.asarray(nuisance))


def _chi_square(table: np.ndarray) -> float:
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    return float(((table - expected) ** 2 / expected).sum())
