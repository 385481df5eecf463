"""What did the removal of a nuisance cost, and did it go too far?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import ClassVar, Literal, NamedTuple, final

import numpy as np

from latentatlas.checks.base import Check, Evidence, Tier, Verdict
from latentatlas.checks.leakage import obstacle
from latentatlas.core import SpecError
from latentatlas.metrics import (
    HeldOut,
    LinearProbe,
    NeighbourProbe,
    OverCorrection,
    ProbeScore,
    is_categorical,
    over_correction,
)

__all__ = ["Removal", "Utility"]

_LEAST_ROWS = 30
_LEAST_ROWS_PER_VALUE = 5
_CHANCE = 0.01


class Utility(NamedTuple):
    """How well the label is read.

    Attributes:
        after: best held-out score of the probes from the latents, accuracy or R².
        before: the same from what the latents were made of; NaN without it.
        chance: score of the best constant answer.
        half_width: before − after ± this holds the true loss with 95 % confidence (paired by rows); NaN without before.
        held_out: number of scored rows.
    """

    after: float
    before: float
    chance: float
    half_width: float
    held_out: int

    @property
    def loss(self) -> float:
        """Before − after."""
        return self.before - self.after


@final
class Removal(Check):
    """Where a nuisance is named and there is a label: `removal.utility`, and `removal.<name>` for each nuisance.

    `removal.utility` is minus the score of the label that was lost between `x` and `z`, each read by the better of the
    probes on the same held-out rows; it fails below −max(`max_loss`, luck). `removal.<name>` is the alarm of
    over-correction (`metrics.over_correction`): the association of a prediction of the label, read from `z`, with the
    nuisance within labels, along the direction in which label and nuisance go together. It fails where that is below
    −`tolerance` with p ≤ `alpha`: the latent holds the nuisance reversed, and will look too good on rows where the
    dependence is reversed. Where label and nuisance are independent there is no such direction, and the value is 0.

    Args:
        max_loss: tolerated loss of score.
        tolerance: tolerated negative association.
        alpha: level of the permutation tests.
        probes: of the label; None is a linear and a neighbour probe. They must hold out the same rows.
        permutations: of the tests.
    """

    name: ClassVar[str] = "removal"
    tier: ClassVar[Tier] = Tier.IMPORTANT
    reads: ClassVar[tuple[str, ...]] = ("z", "label", "nuisance")
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def __init__(
        self,
        *,
        max_loss: float = 0.05,
        tolerance: float = 0.05,
        alpha: float = 0.01,
        probes: Sequence[ProbeScore] | None = None,
        permutations: int = 999,
    ):
        self.max_loss = max_loss
        self.tolerance = tolerance
        self.alpha = alpha
        self.probes = (ProbeScore(), ProbeScore(NeighbourProbe())) if probes is None else tuple(probes)
        self.permutations = permutations

    def judge(self, evidence: Evidence) -> tuple[Verdict, ...]:
        """The verdict of utility, and one for each nuisance."""
        z, label = evidence.coordinates, np.asarray(evidence.label)
        why_not = self.obstacle(label)
        if why_not:
            return (self.skip(why_not, "Pass a coarser label, or more rows."),)
        found = []
        if evidence.x is None:
            found.append(self.skip("No x to compare with.", "Pass x to have the loss measured.", part="utility"))
        else:
            found.append(self.utility_verdict(self.utility(z, label, before=np.asarray(evidence.x))))
        rows, prediction = self.prediction(z, label)
        for name, values in evidence.nuisance.items():
            taken = np.asarray(values)[rows]
            why_not = obstacle(name, taken)
            if why_not:
                found.append(self.skip(why_not, "Leave it out, or pass more rows.", part=name))
            else:
                found.append(self.alarm_verdict(name, self.alarm(prediction, taken, label[rows])))
        return tuple(found)

    def obstacle(self, label: np.ndarray) -> str:
        """Why a probe of this label would mean nothing; empty if it does."""
        if label.ndim == 1 and is_categorical(label):
            distinct = len(np.unique(label.astype(str) if label.dtype.kind == "O" else label))
            if len(label) < _LEAST_ROWS_PER_VALUE * distinct:
                few = f"fewer than {_LEAST_ROWS_PER_VALUE} for each"
                return f"The label has {distinct} values in {len(label)} rows, {few}."
        if len(label) < _LEAST_ROWS:
            return f"{len(label)} rows are too few to read a label from ({_LEAST_ROWS} are needed)."
        return "The label has the same value in every row." if (label == label[0]).all() else ""

    def utility(self, z: np.ndarray, label: np.ndarray, *, before: np.ndarray | None = None) -> Utility:
        """How well the label is read from the latents, and from what they were made of."""
        after, chance = self._best(z, label)
        if before is None:
            return Utility(float(after.mean()), math.nan, chance, math.nan, len(after))
        first, _ = self._best(before, label)
        if len(first) != len(after):
            raise SpecError("Removal wants probes that hold out the same rows; they differ in share, rows or seed.")
        gap = first - after
        half = NormalDist().inv_cdf(0.975) * float(gap.std(ddof=1)) / math.sqrt(len(gap))
        return Utility(float(after.mean()), float(first.mean()), chance, half, len(after))

    def prediction(self, z: np.ndarray, label: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Held-out rows, and what a linear probe says of their label."""
        (answer,) = ProbeScore(LinearProbe(), rows=self.probes[0].rows, held_out=self.probes[0].held_out).answers(
            z, label
        )
        if answer.truth.ndim == 1:  # a class without held-out rows has no column
            return answer.rows, answer.predicted[:, np.unique(answer.truth)]
        return answer.rows, answer.predicted

    def alarm(self, prediction: np.ndarray, values: np.ndarray, label: np.ndarray) -> OverCorrection:
        """The association of a prediction with one nuisance."""
        return over_correction(prediction, values, label, permutations=self.permutations)

    def utility_verdict(self, utility: Utility) -> Verdict:
        """What follows from the loss."""
        luck = NormalDist().inv_cdf(1 - _CHANCE) * utility.half_width / NormalDist().inv_cdf(0.975)
        return self.verdict(
            -utility.loss,
            -max(self.max_loss, luck),
            part="utility",
            reason=(
                f"The label is read with score {utility.after:.3f} from the latent and {utility.before:.3f} from the "
                f"rows before, on {utility.held_out} held-out rows (chance {utility.chance:.3f}): a loss of "
                f"{utility.loss:.3f} ± {utility.half_width:.3f}."
            ),
            remedy="Lower the weight of the removal, remove within labels only, or keep more axes.",
        )

    def alarm_verdict(self, name: str, found: OverCorrection) -> Verdict:
        """What follows from the association."""
        dependent = found.p_label <= self.alpha
        if not dependent:
            value = 0.0
            reason = f"Label and {name!r} are independent here (p = {found.p_label:.3f}): nothing to over-correct."
        else:
            value = found.value
            reason = (
                f"Label and {name!r} go together ({found.label:.3f}); within labels the prediction goes with it by "
                f"{found.value:.3f} (p = {found.p:.3f} for so low a value), without regard to labels by "
                f"{found.marginal:.3f}."
            )
        reached = found.p <= self.alpha
        return self.verdict(
            value,
            -self.tolerance if reached or value >= -self.tolerance else min(value, -self.tolerance),
            part=name,
            reason=reason,
            remedy=(
                f"The latent holds {name!r} reversed: do not force marginal independence. Remove it within labels "
                "(conditional HSIC, reweighting), and do not trust scores on rows where the dependence is reversed."
            ),
        )

    def _best(self, x: np.ndarray, label: np.ndarray) -> tuple[np.ndarray, float]:
        """Scores by row of the better probe, whose mean is its score, and what chance gives."""
        answers = [probe.answers(x, label)[0] for probe in self.probes]
        found, truth = [_by_row(answer) for answer in answers], answers[-1].truth
        chance = float(np.bincount(truth).max() / len(truth)) if truth.ndim == 1 else 0.0
        return max(found, key=lambda values: float(values.mean())), chance


def _by_row(answer: HeldOut) -> np.ndarray:
    """1 or 0 for right or wrong; for numbers 1 − error² over the mean squared deviation, whose mean is R²."""
    if answer.truth.ndim == 1:
        return (answer.predicted.argmax(axis=1) == answer.truth).astype(np.float64)
    spread = ((answer.truth - answer.truth.mean(axis=0)) ** 2).mean(axis=0)
    return (1 - (answer.truth - answer.predicted) ** 2 / np.where(spread > 0, spread, 1)).mean(axis=1)
