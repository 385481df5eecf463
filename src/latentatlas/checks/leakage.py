"""Does the latent space still tell what it should ignore?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal, NamedTuple, final

import numpy as np

from latentatlas.checks.base import Check, Evidence, Status, Tier, Verdict
from latentatlas.metrics import (
    DebiasedCKA,
    MLPProbe,
    NeighbourProbe,
    ProbeReport,
    ProbeScore,
    TreeProbe,
    is_categorical,
    strata,
)

__all__ = ["Leakage", "Reading", "Trace", "holm", "obstacle"]

_MOST_LUCK = 0.5
_LEAST_ROWS = 30
_LEAST_ROWS_PER_VALUE = 5
_PERMUTATIONS = 999  # of answers, which cost little
_TOLD = 0.99


class Trace(NamedTuple):
    """What is left of a nuisance.

    Attributes:
        probes: what each probe reached, in the order of the check.
        cka: debiased CKA of latents and nuisance.
        p: its permutation p-value.
    """

    probes: tuple[ProbeReport, ...]
    cka: float
    p: float

    @property
    def adjusted(self) -> tuple[float, ...]:
        """p-values of the probes after Holm's correction for their number."""
        return holm(tuple(report.p for report in self.probes))


class Reading(NamedTuple):
    """What the check of leakage measured for one nuisance.

    Attributes:
        overall: the trace without regard to the label.
        within: the trace within strata of the label; None without a label.
        told: what the label alone says of the nuisance; None without a label.
        inseparable: whether the label says it all, so that who keeps the label keeps the nuisance.
    """

    overall: Trace
    within: Trace | None
    told: ProbeReport | None
    inseparable: bool


@final
class Leakage(Check):
    """Verdicts per nuisance: `leakage.<name>` and, where there is a label, `leakage.<name>.within_label`.

    A linear probe sees a nuisance that shifts the latent as a whole, a neighbour probe one that shifts it here and
    there, a perceptron one that bends it; the one that is furthest above its threshold counts. Its value is the excess
    over chance, (score − chance) / (1 − chance), accuracy for categories and R² for real numbers. It fails above
    max(`max_excess`, luck), luck being what the best of the probes of an unrelated nuisance reaches about once in 100
    times on as many rows, at most ½: a nuisance that a probe reads surely always fails. Where the probes are below that
    but the permutation test of debiased CKA, or Holm's correction of those of the probes, has p ≤ `alpha`, the verdict
    is a warning: a trace too small to fail, or of a kind that is not counted.

    A latent that keeps the label keeps what the label says of the nuisance. So where label and nuisance are dependent
    (p ≤ `alpha`), the threshold of `leakage.<name>` lies that much higher, and `within_label` judges what is left:
    every stratum of the label has probes of its own. A nuisance that the label determines cannot be separated from it;
    the verdict is then a skip that says so.

    Args:
        max_excess: tolerated excess over chance.
        alpha: level of the permutation tests.
        probes: read the nuisance; None is a linear, a neighbour and a perceptron probe.
        dependence: measures dependence; None is `DebiasedCKA()`.
        permutations: of its test; the least p-value is 1 / (permutations + 1). Those of probes have 999.
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
        if probes is None:
            probes = (ProbeScore(), ProbeScore(NeighbourProbe()), ProbeScore(MLPProbe()))
        self.probes = tuple(probes)
        self.dependence = DebiasedCKA() if dependence is None else dependence
        self.permutations = permutations

    def judge(self, evidence: Evidence) -> tuple[Verdict, ...]:
        """One or two verdicts for each nuisance."""
        z = evidence.coordinates
        label = None if evidence.label is None else np.asarray(evidence.label)
        found: list[Verdict] = []
        for name, values in evidence.nuisance.items():
            why_not = obstacle(name, np.asarray(values))
            if why_not:
                remedy = "Leave it out, or pass a coarser nuisance or more rows."
                found.append(self.skip(why_not, remedy, part=name))
            else:
                found += self.verdicts(name, self.read(z, np.asarray(values), label))
        return tuple(found)

    def read(self, z: np.ndarray, values: np.ndarray, label: np.ndarray | None = None) -> Reading:
        """All that is measured for one nuisance, which has no obstacle."""
        overall = self.trace(z, values)
        if label is None:
            return Reading(overall, None, None, False)
        column = strata(label) if is_categorical(label) else label
        told = ProbeScore(TreeProbe()).report(column[:, None], values, permutations=_PERMUTATIONS)
        inseparable = told.excess >= _TOLD or _determined(label, values)
        return Reading(overall, None if inseparable else self.trace(z, values, label), told, inseparable)

    def trace(self, z: np.ndarray, values: np.ndarray, label: np.ndarray | None = None) -> Trace:
        """What probes and dependence find, within strata of the label if there is one."""
        count = len(self.probes)
        return Trace(
            tuple(probe.report(z, values, label, permutations=_PERMUTATIONS, among=count) for probe in self.probes),
            self.dependence(z, values, label),
            self.dependence.permutation_test(z, values, label, permutations=self.permutations),
        )

    def verdicts(self, name: str, reading: Reading) -> tuple[Verdict, ...]:
        """What follows from a reading."""
        if reading.inseparable:
            reason = f"The label determines {name!r}: whoever keeps the label keeps it, so the two cannot be separated."
            remedy = f"Collect rows in which {name!r} varies within a label, or do not call it a nuisance."
            return (self.skip(reason, remedy, part=name),)
        explained = 0.0
        if reading.told is not None and reading.told.p <= self.alpha:
            explained = max(0.0, reading.told.excess)
        overall = self._verdict(name, name, reading.overall, explained)
        if reading.within is None:
            return (overall,)
        part = f"{name}.within_label"
        if not reading.within.probes or not reading.within.probes[0].held_out:
            reason = f"No label has 20 rows or more in which {name!r} varies."
            return overall, self.skip(reason, "Pass more rows, or a coarser label.", part=part)
        return overall, self._verdict(name, part, reading.within, None)

    def _verdict(self, name: str, part: str, trace: Trace, explained: float | None) -> Verdict:
        """`explained` is the excess that the label accounts for; None within labels."""
        allowed = explained or 0.0
        report = max(trace.probes, key=lambda report: report.excess - self._threshold(report))
        verdict = self.verdict(
            report.excess,
            allowed + self._threshold(report),
            part=part,
            reason=_reason(name, report, trace, explained),
            remedy=f"Remove {name!r} from the input first; in a fit, or raise the weight of nuisance_term.",
        )
        found = trace.p <= self.alpha or min(trace.adjusted) <= self.alpha
        if verdict.status is Status.PASS and found and not allowed:
            remedy = f"Look at {name!r} on the map: its trace is too weak, or of another kind, for the probes."
            return verdict._replace(status=Status.WARN, remedy=remedy)
        return verdict

    def _threshold(self, report: ProbeReport) -> float:
        return max(self.max_excess, min(report.lucky_excess, _MOST_LUCK))


def holm(p: tuple[float, ...]) -> tuple[float, ...]:
    """p-values corrected for their number: the chance that any is ≤ α where all nulls hold is α at most.

    >>> holm((0.25, 0.0625))
    (0.25, 0.125)

    References:
        Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 1979.
    """
    order, largest, adjusted = np.argsort(p), 0.0, [0.0] * len(p)
    for place, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p) - place) * p[index]))
        adjusted[index] = float(largest)
    return tuple(adjusted)


def obstacle(name: str, values: np.ndarray) -> str:
    """Why a probe of these values would mean nothing; empty if it does."""
    rows, distinct = len(values), len(np.unique(values.astype(str) if values.dtype.kind == "O" else values))
    if rows < _LEAST_ROWS:
        return f"{rows} rows are too few to fit and score a probe ({_LEAST_ROWS} are needed)."
    if distinct == 1:
        return f"{name!r} has the same value in every row."
    if is_categorical(values) and rows < _LEAST_ROWS_PER_VALUE * distinct:
        return f"{name!r} has {distinct} values in {rows} rows, fewer than {_LEAST_ROWS_PER_VALUE} rows for each."
    return ""


def _determined(label: np.ndarray, values: np.ndarray) -> bool:
    """Whether every category of the label has one value of the nuisance, and not because it has one row."""
    if not is_categorical(label):
        return False
    group = strata(label)
    if 2 * (int(group.max()) + 1) > len(group):
        return False
    value = np.unique(values.astype(str) if values.dtype.kind == "O" else values, return_inverse=True)[1].reshape(-1)
    return len(np.unique(group * (int(value.max()) + 1) + value)) == int(group.max()) + 1


def _reason(name: str, report: ProbeReport, trace: Trace, explained: float | None) -> str:
    where = "Within labels a probe" if explained is None else "A probe"
    text = (
        f"{where} reads {name!r} with score {report.score:.3f} on {report.held_out} held-out rows (chance "
        f"{report.chance:.3f}, excess {report.excess:.3f}); debiased CKA is {trace.cka:.3f} (permutation "
        f"p = {trace.p:.3f})."
    )
    return f"{text} The label alone tells {explained:.3f} of it." if explained else text
