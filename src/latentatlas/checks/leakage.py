"""Does the latent space still tell what it should ignore?"""

from __future__ import annotations

from typing import ClassVar, Literal, final

import numpy as np

from latentatlas.checks.base import Check, Evidence, Status, Tier, Verdict
from latentatlas.metrics import DebiasedCKA, ProbeReport, ProbeScore, is_categorical

__all__ = ["Leakage"]

_MOST_LUCK = 0.5
_LEAST_ROWS = 30
_LEAST_ROWS_PER_VALUE = 5


@final
class Leakage(Check):
    """One verdict per nuisance, `leakage.<name>`: a held-out probe decides, a dependence test may warn.

    The value is the excess of the probe over chance, (score − chance) / (1 − chance), accuracy for categories and R²
    for real numbers. It fails above max(`max_excess`, luck), luck being what the probe of an unrelated nuisance reaches
    about once in 100 times on as many rows, at most ½: a nuisance that can be read always fails. Where
    the probe is at chance but the permutation test of debiased CKA has p ≤ `alpha`, the verdict is a warning: something
    other than what the probe reads depends on the nuisance.

    The check does not know the label: a nuisance that depends on the label shows in every latent that keeps the label.

    Args:
        max_excess: tolerated excess over chance.
        alpha: level of the permutation test.
        probe: reads the nuisance; None is `ProbeScore()`.
        dependence: measures dependence; None is `DebiasedCKA()`.
        permutations: of the test; the least p-value is 1 / (permutations + 1).
    """

    name: ClassVar[str] = "leakage"
    tier: ClassVar[Tier] = Tier.ESSENTIAL
    reads: ClassVar[tuple[str, ...]] = ("z", "nuisance")
    better: ClassVar[Literal["higher", "lower"]] = "lower"

    def __init__(
        self,
        *,
        max_excess: float = 0.05,
        alpha: float = 0.01,
        probe: ProbeScore | None = None,
        dependence: DebiasedCKA | None = None,
        permutations: int = 199,
    ):
        self.max_excess = max_excess
        self.alpha = alpha
        self.probe = ProbeScore() if probe is None else probe
        self.dependence = DebiasedCKA() if dependence is None else dependence
        self.permutations = permutations

    def judge(self, evidence: Evidence) -> tuple[Verdict, ...]:
        """One verdict for each nuisance."""
        z = np.asarray(evidence.z)
        return tuple(self._judge_one(z, name, np.asarray(values)) for name, values in evidence.nuisance.items())

    def _judge_one(self, z: np.ndarray, name: str, values: np.ndarray) -> Verdict:
        obstacle = _obstacle(name, values)
        if obstacle:
            return self.skip(obstacle, "Leave it out, or pass a coarser nuisance or more rows.", part=name)
        report = self.probe.report(z, values)
        cka = self.dependence(z, values)
        p = self.dependence.permutation_test(z, values, permutations=self.permutations)
        verdict = self.verdict(
            report.excess,
            max(self.max_excess, min(report.lucky_excess, _MOST_LUCK)),
            part=name,
            reason=_reason(name, report, cka, p),
            remedy=f"Raise the weight of the invariance term for {name!r}, or erase it from the input first.",
        )
        if verdict.status is Status.PASS and p <= self.alpha:
            remedy = f"Look at {name!r} on the map: its trace is not linear, or too weak for the probe."
            return verdict._replace(status=Status.WARN, remedy=remedy)
        return verdict


def _obstacle(name: str, values: np.ndarray) -> str:
    """Why a probe of these values would mean nothing; empty if it does."""
    rows, distinct = len(values), len(np.unique(values.astype(str) if values.dtype.kind == "O" else values))
    if rows < _LEAST_ROWS:
        return f"{rows} rows are too few to fit and score a probe ({_LEAST_ROWS} are needed)."
    if distinct == 1:
        return f"{name!r} has the same value in every row."
    if is_categorical(values) and rows < _LEAST_ROWS_PER_VALUE * distinct:
        return f"{name!r} has {distinct} values in {rows} rows, fewer than {_LEAST_ROWS_PER_VALUE} rows for each."
    return ""


def _reason(name: str, report: ProbeReport, cka: float, p: float) -> str:
    return (
        f"A probe reads {name!r} with score {report.score:.3f} on {report.held_out} held-out rows (chance "
        f"{report.chance:.3f}, excess {report.excess:.3f}); debiased CKA is {cka:.3f} (permutation p = {p:.3f})."
    )
