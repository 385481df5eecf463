"""A discriminator that tries to read the nuisance, and an encoder that learns against it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from latentatlas.core import DataError, Nuisance, ShapeError, SpecError
from latentatlas.terms.base import Term
from latentatlas.terms.invariance.columns import columns_of, require_categories
from latentatlas.terms.risk import LogLoss, Risk, weighted_mean

__all__ = ["Adversarial", "ConditionalAdversarial"]


@final
class Adversarial(Term):
    r"""Risk of a discriminator D that reads the nuisance from z, with the gradient into z reversed: mean ℓ(D(z), v).

    D learns to read the nuisance and what made z learns to stop it, by one step of one optimiser: the gradient of the
    value goes into D as it is and into z times −`reversal`. At the end, if neither won by force, the value is that of a
    guess: the entropy of the nuisance for `LogLoss`, its variance for `SquaredError`. Fight it in with
    `core.Logistic`, since a discriminator that knows nothing yet sends noise.

    Range [0, ∞), in units of the risk. D is a perceptron on z less its mean over its spread in the batch; it belongs
    to the term. Reads `weight` where there is one. One nuisance; of several each has a term of its own,
    `Rebind(Adversarial(…), {"nuisance": "nuisance.NAME"})`. Cost O(n · number of weights).

    Args:
        dim: latent axes.
        outputs: number of categories of the nuisance, or of columns of a nuisance of numbers.
        hidden: widths of the hidden layers.
        risk: ℓ; `LogLoss` for categories by default, `SquaredError` for numbers.
        reversal: factor of the reversed gradient.

    >>> term = Adversarial(2, 3)
    >>> round(float(term(torch.ones(5, 2), torch.tensor([0, 1, 2, 0, 1])).detach()), 1)  # log 3: z says nothing
    1.1

    Raises:
        DataError: for codes that are not among the outputs, or a nuisance with missing values.
        ShapeError: if z has other axes.

    References:
        Ganin, Lempitsky, *Unsupervised domain adaptation by backpropagation*, 2015.
    """

    def __init__(
        self,
        dim: int,
        outputs: int,
        *,
        hidden: Sequence[int] = (64, 64),
        risk: Risk | None = None,
        reversal: float = 1.0,
    ):
        super().__init__()
        _check("Adversarial", reversal, dim=dim, outputs=outputs, hidden=hidden)
        self.dim = dim
        self.outputs = outputs
        self.hidden = tuple(hidden)
        self.risk = risk or LogLoss()
        self.reversal = float(reversal)
        self.discriminator = _perceptron([dim, *hidden, outputs])

    def forward(
        self,
        z: Float[Tensor, "n dim"],
        nuisance: Nuisance,
        weight: Float[Tensor, " n"] | None = None,
    ) -> Tensor:
        """The weighted mean over rows."""
        read = _read(self.discriminator, _presented("Adversarial", z, self.dim, self.reversal))
        return _judged("Adversarial", self.risk, read, nuisance, weight)


@final
class ConditionalAdversarial(Term):
    r"""`Adversarial` whose discriminator is told the label: mean ℓ(D(z, y), v), with the gradient into z reversed.

    What the label tells of the nuisance D knows anyway, so only what z tells beyond it is fought: at the end z and v
    are independent given y, and the value is the entropy of the nuisance given the label. For a nuisance that depends
    on the label. Range, cost and reading as there.

    Args:
        dim: latent axes.
        outputs: number of categories of the nuisance, or of columns of a nuisance of numbers.
        classes: number of labels, which are 0 to `classes` − 1.
        hidden: widths of the hidden layers.
        risk: ℓ; `LogLoss` for categories by default, `SquaredError` for numbers.
        reversal: factor of the reversed gradient.

    Raises:
        DataError: for a label or a code that is not among them, or a nuisance with missing values.
        ShapeError: if z has other axes.

    References:
        Li et al., *Deep domain generalization via conditional invariant adversarial networks*, 2018.
    """

    def __init__(
        self,
        dim: int,
        outputs: int,
        classes: int,
        *,
        hidden: Sequence[int] = (64, 64),
        risk: Risk | None = None,
        reversal: float = 1.0,
    ):
        super().__init__()
        _check("ConditionalAdversarial", reversal, dim=dim, outputs=outputs, classes=classes, hidden=hidden)
        self.dim = dim
        self.outputs = outputs
        self.classes = classes
        self.hidden = tuple(hidden)
        self.risk = risk or LogLoss()
        self.reversal = float(reversal)
        self.discriminator = _perceptron([dim + classes, *hidden, outputs])

    def forward(
        self,
        z: Float[Tensor, "n dim"],
        nuisance: Nuisance,
        label: Int[Tensor, " n"],
        weight: Float[Tensor, " n"] | None = None,
    ) -> Tensor:
        """The weighted mean over rows."""
        who = "ConditionalAdversarial"
        classes = require_categories(who, "label", label)
        if len(classes) and not 0 <= int(classes.min()) <= int(classes.max()) < self.classes:
            raise DataError(
                f"{who} wants labels from 0 to {self.classes - 1}; got {int(classes.min())} to {int(classes.max())}. "
                "Number them from 0, or build the term with more classes."
            )
        told = functional.one_hot(classes, self.classes).to(z.dtype)
        presented = _presented(who, z, self.dim, self.reversal)
        read = _read(self.discriminator, torch.cat([presented, told], dim=1))
        return _judged(who, self.risk, read, nuisance, weight)


class _Reversal(torch.autograd.Function):
    """The same values; the gradient times −factor."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, factor: float) -> Tensor:
        ctx.factor = factor
        return values.view_as(values)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return -ctx.factor * grads[0], None


def _presented(who: str, z: Tensor, dim: int, factor: float) -> Tensor:
    """Z around 0 with spread 1 on every axis, as discriminators like it; a collapsed axis is 0."""
    if z.shape[1] != dim:
        raise ShapeError(f"{who} wants {dim} latent axes; got {z.shape[1]}. Build the term with dim={z.shape[1]}.")
    fixed = z.detach()
    spread = fixed.std(dim=0, unbiased=False)
    spread = torch.where(spread > 0, spread, 1.0)
    return _Reversal.apply((z - fixed.mean(dim=0)) / spread, factor)


def _read(discriminator: nn.Module, presented: Tensor) -> Tensor:
    """In the precision of the weights, and back."""
    return discriminator(presented.to(next(discriminator.parameters()).dtype)).to(presented.dtype)


def _judged(who: str, risk: Risk, read: Tensor, nuisance: Nuisance, weight: Tensor | None) -> Tensor:
    if isinstance(nuisance, Mapping):
        raise DataError(
            f"{who} reads one nuisance; got several: {', '.join(nuisance)}. Give each a term, "
            f'Rebind({who}(...), {{"nuisance": "nuisance.{next(iter(nuisance), "NAME")}"}}).'
        )
    columns_of(who, nuisance)
    return weighted_mean(risk(read, nuisance), weight)


def _check(who: str, reversal: float, *, hidden: Sequence[int], **sizes: int) -> None:
    if min(*sizes.values(), *hidden) < 1 or not 0 <= reversal < float("inf"):
        shown = ", ".join(f"{name}={value}" for name, value in sizes.items())
        raise SpecError(
            f"{who} wants sizes ≥ 1 and a finite reversal ≥ 0; got {shown}, hidden={tuple(hidden)}, "
            f"reversal={reversal}. Mend the one that is not."
        )


def _perceptron(sizes: Sequence[int]) -> nn.Sequential:
    layers = [layer for pair in itertools.pairwise(sizes) for layer in (nn.Linear(*pair), nn.ReLU())]
    return nn.Sequential(*layers[:-1])
