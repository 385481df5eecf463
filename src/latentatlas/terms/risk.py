"""What a wrong prediction costs, row by row, and the mean of it as a term."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import final

import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.nn import functional

from latentatlas.core import DataError, ShapeError
from latentatlas.terms.base import Term

__all__ = ["LogLoss", "Prediction", "Risk", "SquaredError", "weighted_mean"]


class Risk(ABC):
    """The cost of each row's prediction, what is left of its label, and how the cost changes with its scale."""

    @abstractmethod
    def __call__(
        self, prediction: Float[Tensor, "n *outputs"], label: Shaped[Tensor, "n *labels"]
    ) -> Float[Tensor, " n"]:
        """ℓ(ŷ, y) of every row."""

    @abstractmethod
    def residual(
        self, prediction: Float[Tensor, "n *outputs"], label: Shaped[Tensor, "n *labels"]
    ) -> Float[Tensor, "n *outputs"]:
        """What the prediction leaves of the label, shaped like the prediction."""

    @abstractmethod
    def slope(self, prediction: Float[Tensor, "n *outputs"], label: Shaped[Tensor, "n *labels"]) -> Float[Tensor, " n"]:
        """∂ℓ(w ŷ, y)/∂w at w = 1, of every row."""


@final
class SquaredError(Risk):
    """(ŷ − y)², a mean over outputs, for numbers.

    >>> risk = SquaredError()
    >>> predicted, label = torch.tensor([3.0]), torch.tensor([1.0])
    >>> risk(predicted, label).item(), risk.residual(predicted, label).item(), risk.slope(predicted, label).item()
    (4.0, -2.0, 12.0)
    """

    def __call__(
        self, prediction: Float[Tensor, "n *outputs"], label: Shaped[Tensor, "n *labels"]
    ) -> Float[Tensor, " n"]:
        """In the square of the units of the label."""
        return _by_row(self.residual(prediction, label).square())

    def residual(
        self, prediction: Float[Tensor, "n *outputs"], label: Shaped[Tensor, "n *labels"]
    ) -> Float[Tensor, "n *outputs"]:
        """Y − ŷ."""
        return _like(prediction, label) - prediction

    def slope(self, prediction: Float[Tensor, "n *outputs"], label: Shaped[Tensor, "n *labels"]) -> Float[Tensor, " n"]:
        """2 (ŷ − y) ŷ, a mean over outputs."""
        return _by_row(-2 * self.residual(prediction, label) * prediction)


@final
class LogLoss(Risk):
    """−log p(y), in nats, for classes: of one logit for each class, or of a single one for the classes 0 and 1.

    >>> risk = LogLoss()
    >>> undecided, label = torch.zeros(1, 2), torch.tensor([1])
    >>> round(risk(undecided, label).item(), 4), risk.residual(undecided, label).tolist()
    (0.6931, [[-0.5, 0.5]])
    >>> round(risk(torch.zeros(1), label).item(), 4), risk.residual(torch.zeros(1), label).tolist()
    (0.6931, [0.5])
    """

    def __call__(
        self, prediction: Float[Tensor, "n *outputs"], label: Shaped[Tensor, "n *labels"]
    ) -> Float[Tensor, " n"]:
        """Range [0, ∞)."""
        classes = _classes(prediction, label)
        if _is_single(prediction):
            target = classes.to(prediction.dtype)
            return functional.binary_cross_entropy_with_logits(prediction.reshape(-1), target, reduction="none")
        return functional.cross_entropy(prediction, classes, reduction="none")

    def residual(
        self, prediction: Float[Tensor, "n *outputs"], label: Shaped[Tensor, "n *labels"]
    ) -> Float[Tensor, "n *outputs"]:
        """1[y] − p, between −1 and 1."""
        classes = _classes(prediction, label)
        if _is_single(prediction):
            return classes.to(prediction.dtype).reshape(prediction.shape) - prediction.sigmoid()
        return functional.one_hot(classes, prediction.shape[1]).to(prediction.dtype) - prediction.softmax(dim=1)

    def slope(self, prediction: Float[Tensor, "n *outputs"], label: Shaped[Tensor, "n *labels"]) -> Float[Tensor, " n"]:
        """Σ_c (p_c − 1[y = c]) ŷ_c."""
        return (-self.residual(prediction, label) * prediction).reshape(len(prediction), -1).sum(dim=1)


@final
class Prediction(Term):
    r"""The mean cost of the predictions: mean_i w_i ℓ(ŷ_i, y_i).

    Range [0, ∞). Reads `prediction` and `label`, and `weight` where there is one, normalised to mean 1; a
    `Reweighting` gives weights under which label and nuisance are independent. Cost O(n outputs).

    Args:
        risk: ℓ; `LogLoss` by default.

    >>> round(float(Prediction()(torch.zeros(3, 4), torch.tensor([0, 1, 3]))), 4)  # log 4
    1.3863

    Raises:
        DataError: for labels that are no classes, or of a class without a logit.
        ShapeError: for numbers of another shape than the prediction.
    """

    def __init__(self, risk: Risk | None = None):
        super().__init__()
        self.risk = risk or LogLoss()

    def forward(
        self,
        prediction: Float[Tensor, "n *outputs"],
        label: Shaped[Tensor, "n *labels"],
        weight: Float[Tensor, " n"] | None = None,
    ) -> Tensor:
        """The weighted mean over rows; 0 where all weights are 0."""
        return weighted_mean(self.risk(prediction, label), weight)


def weighted_mean(values: Float[Tensor, " n"], weight: Float[Tensor, " n"] | None) -> Tensor:
    """Σ w v / Σ w; 0 where all weights are 0."""
    if weight is None:
        return values.mean()
    return (weight * values).sum() / weight.sum().clamp(min=torch.finfo(weight.dtype).tiny)


def _is_single(prediction: Tensor) -> bool:
    return prediction.ndim == 1 or prediction.shape[1] == 1


def _by_row(values: Tensor) -> Float[Tensor, " n"]:
    return values.reshape(len(values), -1).mean(dim=1)


def _like(prediction: Tensor, label: Tensor) -> Tensor:
    if label.shape == prediction.shape:
        return label.to(prediction.dtype)
    if label.numel() == prediction.numel() == len(prediction):
        return label.to(prediction.dtype).reshape(prediction.shape)
    raise ShapeError(
        f"SquaredError wants labels shaped like the prediction {tuple(prediction.shape)}; got {tuple(label.shape)}. "
        "Give the model one output for each column of the label."
    )


def _classes(prediction: Tensor, label: Tensor) -> Tensor:
    count = 2 if _is_single(prediction) else prediction.shape[1]
    if label.is_floating_point() or label.ndim != 1:
        came = f"{str(label.dtype).removeprefix('torch.')} of shape {tuple(label.shape)}"
        raise DataError(
            f"LogLoss wants one integer class for each row; got {came}. For numbers use SquaredError; classes go "
            "through encode_labels."
        )
    if len(label) and not 0 <= int(label.min()) <= int(label.max()) < count:
        raise DataError(
            f"LogLoss wants classes from 0 to {count - 1}, those of the {count} logits; got {int(label.min())} to "
            f"{int(label.max())}. Number the classes from 0, or give the model an output for each."
        )
    return label.long()
