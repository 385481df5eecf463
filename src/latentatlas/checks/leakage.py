"""Does the latent space still tell what it should ignore?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal, final

import numpy as np

from latentatlas.checks.base import Check, Evidence, Status, Tier, Verdict
from latentatlas.metrics import DebiasedCKA, NeighbourProbe, ProbeReport, ProbeScore, is_categorical

__all__ = ["Leakage"]

_MOST_LUCK = 0.5
_LEAST_ROWS = 30
_LEAST_ROWS_PER_VALUE = 5


@final
class Leakage(Check):
    """One verdict per nuisance, `leakage.<name>`: held-out probes decide, a dependence test may warn.

    A linear probe sees a nuisance that shifts the latent as a whole, a neighbour probe one that shifts it here and
    there; the one that is furthest above its threshold counts. Its value is the excess over chance,
    (score − chance) / (1 − chance), accuracy for categories and R² for real numbers. It fails above
    max(`max_excess`, luck), luck being what the probe of an unrelated nuisance reaches about once in 100 times on as
    many rows, at most ½: a nuisance that a probe reads surely always fails. Where the probes are at chance but the
    permutation test of debiased CKA has p ≤ `alpha`, the verdict is a warning: something other than what the probes
    read depends on the nuisance.

    The check does not know the label: a nuisance that depends on the label shows in every latent that keeps the label.

    Args:
        max_excess: tolerated excess over chance.
        alpha: level of the permutation test.
        probes: read the nuisance; None is a linear and a neighbour probe.
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
        probes: Sequence[ProbeScore] | None = None,
        dependence: DebiasedCKA | None = None,
        permutations: int = 199,
    ):
        self.max_excess = max_excess
        self.alpha = alpha
        self.probes = (ProbeScore(), ProbeScore(NeighbourProbe())) if probes is None else tuple(probes)
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
        reports = [probe.report(z, values) for probe in self.probes]
        report = max(reports, key=lambda report: report.excess - self._threshold(report))
        cka = self.dependence(z, values)
        p = self.dependence.permutation_test(z, values, permutations=self.permutations)
        verdict = self.verdict(
            report.excess,
            self._threshold(report),
            part=name,
            reason=_reason(name, report, cka, p),
            remedy=f"Raise the weight of nuisance_term for {name!r}, or remove it from the input first.",
        )
        if verdict.status is Status.PASS and p <= self.alpha:
            remedy = f"Look at {name!r} on the map: its trace is too weak, or of another kind, for the probes."
            return verdict._replace(status=Status.WARN, remedy=remedy)
        return verdict

    def _threshold(self, report: ProbeReport) -> float:
        return max(self.max_excess, min(report.lucky_excess, _MOST_LUCK))


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
