"""Which candidate the training environments choose, what it is worth, and whether the alarm goes off."""

from __future__ import annotations

from collections.abc import Callable
from typing import final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from latentatlas.checks import Removal, Status
from latentatlas.core import Batch, Latents
from latentatlas.experiments.colored_mnist.methods import Method
from latentatlas.experiments.colored_mnist.rows import Drawn
from latentatlas.experiments.colored_mnist.training import Budget, Penalty, Predictor, Rounds, logit_of
from latentatlas.train import EqualScores, ExtrapolatedScore, MeanScore, WithinEnvironments, select
from latentatlas.train.batches import take_rows

__all__ = ["Material"]

_KEPT = 0.2
_PERMUTATIONS = 199


@final
class Material:
    """Rows of one track and seed, and the rounds trained on them, each made when it is first needed.

    A fifth of each training environment is kept from training, the same for all methods, to choose by and to look for
    over-correction; the test environment is seen once, at the end.
    """

    def __init__(self, draw: Callable[[], Drawn], budget: Budget, *, seed: int):
        self._draw = draw
        self.budget = budget
        self.seed = seed
        self._drawn: dict[bool, Drawn] = {}
        self._rounds: Rounds | None = None

    def judged(self, method: Method) -> dict[str, float]:
        """Accuracies of the chosen candidate, which it was, and the alarm."""
        drawn = self.drawn(gray=method.gray)
        train = drawn.train
        fitted: dict[str, Predictor] = {}

        def candidate(weight: float) -> Callable[[np.ndarray], Callable[[np.ndarray], np.ndarray]]:
            def on(rows: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
                predictor = self._trained(method, weight, take_rows(train, torch.from_numpy(rows)))
                fitted[f"{weight:g}"] = predictor
                return lambda others: -_costs(predictor, take_rows(train, torch.from_numpy(others)))

            return on

        splits = WithinEnvironments(_KEPT, seed=self.seed)
        chosen = select(
            {f"{weight:g}": candidate(weight) for weight in method.weights},
            drawn.environment,
            splits=splits,
            criterion=MeanScore(),
            admission=EqualScores(),
        )
        tests = {name: _accuracy(predictor, drawn.test) for name, predictor in fitted.items()}
        (split,) = splits(drawn.environment)
        kept = take_rows(train, torch.from_numpy(split.validate))
        return {
            "test": tests[chosen.name],
            **_on_kept_rows(fitted[chosen.name], kept),
            "weight": float(chosen.name),
            "p": chosen.p[chosen.name],
            "chosen by extrapolated accuracy": tests[_extrapolated(fitted, kept)],
            "best weight by the test": max(tests.values()),
        }

    def guessed(self) -> dict[str, float]:
        """The same figures of answers that are drawn."""
        drawn = self.drawn(gray=False)
        generator = torch.Generator().manual_seed(self.seed)

        def drawn_answers(rows: Batch) -> Latents:
            z = torch.randn(len(rows.x), 1, generator=generator)
            return Latents(z, prediction=z)

        (split,) = WithinEnvironments(_KEPT, seed=self.seed)(drawn.environment)
        test = _accuracy(drawn_answers, drawn.test)
        chosen = {"weight": 0.0, "p": 1.0, "chosen by extrapolated accuracy": test, "best weight by the test": test}
        return {
            "test": test,
            **_on_kept_rows(drawn_answers, take_rows(drawn.train, torch.from_numpy(split.validate))),
            **chosen,
        }

    def drawn(self, *, gray: bool) -> Drawn:
        """Principal components of the images."""
        if not self._drawn:
            images = self._draw()
            self._drawn = {False: images.stemmed(), True: images.gray().stemmed()}
        return self._drawn[gray]

    def _trained(self, method: Method, weight: float, rows: Batch) -> Predictor:
        penalty = None if method.penalty is None else Penalty(method.penalty(), weight, method.schedule)
        return method.training(self._of_rounds)(method.prepare(rows), penalty, self.budget, seed=self.seed)

    def _of_rounds(self, rows: Batch) -> Rounds:
        """One split, one pair of rounds: the methods that begin with them share them."""
        if self._rounds is None:
            self._rounds = Rounds.on(rows, self.budget, seed=self.seed)
        return self._rounds


def _costs(predictor: Predictor, rows: Batch) -> np.ndarray:
    assert rows.label is not None
    cost = functional.binary_cross_entropy_with_logits(logit_of(predictor, rows), rows.label.float(), reduction="none")
    return cost.double().numpy()


def _accuracy(predictor: Predictor, rows: Batch) -> float:
    return float(((logit_of(predictor, rows) > 0) == (rows.label == 1)).float().mean())


def _extrapolated(fitted: dict[str, Predictor], kept: Batch) -> str:
    """The choice of the study's first form, kept for comparison."""
    assert kept.environment is not None
    parts = [take_rows(kept, torch.nonzero(kept.environment == value)[:, 0]) for value in kept.environment.unique()]
    criterion = ExtrapolatedScore(1.0)
    values = {
        name: criterion({str(number): _accuracy(predictor, part) for number, part in enumerate(parts)})
        for name, predictor in fitted.items()
    }
    return max(values, key=lambda name: values[name])


def _on_kept_rows(predictor: Predictor, kept: Batch) -> dict[str, float]:
    """Accuracy, and the alarm of `checks.Removal`: the association within labels, and 1 where it fails."""
    assert kept.label is not None
    assert isinstance(kept.nuisance, Tensor)
    removal = Removal(permutations=_PERMUTATIONS)
    found = removal.alarm(logit_of(predictor, kept).numpy(), kept.nuisance.numpy(), kept.label.numpy())
    verdict = removal.alarm_verdict("colour", found)
    return {
        "kept rows": _accuracy(predictor, kept),
        "colour within labels": found.value,
        "alarm": float(verdict.status is Status.FAIL),
    }
