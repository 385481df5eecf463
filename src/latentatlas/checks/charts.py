"""Are charts and codes alive, is routing decided, and do charts use their axes?"""

from __future__ import annotations

from typing import ClassVar, Literal, final

import numpy as np

from latentatlas.checks.base import Check, Evidence, Tier, Verdict
from latentatlas.metrics import ChartLiveness, CodeLiveness, EffectiveRank, RoutingEntropy

__all__ = ["ChartCollapse", "ChartRouting", "ChartsAtRest", "CodeUse", "chart_checks"]


@final
class ChartRouting(Check):
    """Fails when a chart is dead, or when rows are spread over charts.

    `routing.alive` is K times the use of the least used chart, in [0, 1]; `routing.decided` is 1 − mean H(w)/log K, 0
    where every row is in all charts alike. A single chart passes both.

    Args:
        min_use: least use of a chart in even shares.
        min_decided: least decidedness.

    O(n K).
    """

    name: ClassVar[str] = "routing"
    tier: ClassVar[Tier] = Tier.IMPORTANT
    reads: ClassVar[tuple[str, ...]] = ("memberships",)
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def __init__(self, *, min_use: float = 0.05, min_decided: float = 0.3):
        self.min_use = min_use
        self.min_decided = min_decided

    def judge(self, evidence: Evidence) -> tuple[Verdict, ...]:
        """One verdict on the charts, one on the rows."""
        memberships = np.asarray(evidence.memberships)
        usage, least = memberships.mean(axis=0), ChartLiveness()(memberships)
        decided = 1 - RoutingEntropy()(memberships)
        alive = self.verdict(
            least,
            self.min_use,
            part="alive",
            reason=f"The least used of {len(usage)} chart(s), number {int(usage.argmin())}, has {usage.min():.1%} of "
            f"the rows ({least:.2f} of an even share).",
            remedy="Use fewer charts, raise the weight of UsageBand, or begin from the rows with `adapt`.",
        )
        clear = self.verdict(
            decided,
            self.min_decided,
            part="decided",
            reason=f"Routing is {decided:.0%} decided (1 − mean entropy / log {len(usage)}).",
            remedy="Raise the weight of RoutingEntropy, or anneal the gate with train.AnnealGate.",
        )
        return alive, clear


@final
class ChartCollapse(Check):
    """Fails when the coordinates of a chart lie near a line or a point.

    The value is the least over charts of (effective rank − 1)/(dim − 1) of the rows that the chart has, as of
    `Collapse`; in charts of one axis 0 where they are constant, else 1. Charts with no more rows than axes are passed
    over.

    Args:
        min_share: below it the check fails.

    O(n dim² + K dim³).
    """

    name: ClassVar[str] = "chart_collapse"
    tier: ClassVar[Tier] = Tier.ESSENTIAL
    reads: ClassVar[tuple[str, ...]] = ("local", "memberships")
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def __init__(self, *, min_share: float = 0.2):
        self.min_share = min_share

    def judge(self, evidence: Evidence) -> tuple[Verdict, ...]:
        """One verdict, on the worst chart."""
        local = np.asarray(evidence.local)
        chart = np.asarray(evidence.memberships).argmax(axis=1)
        dim = local.shape[2]
        shares = {
            number: _share_of_axes(local[chart == number, number])
            for number in range(local.shape[1])
            if (chart == number).sum() > dim + 1
        }
        if not shares:
            return (self.skip(f"No chart has more than {dim + 1} rows.", "Pass more rows, or use fewer charts."),)
        worst = min(shares, key=lambda number: shares[number])
        verdict = self.verdict(
            shares[worst],
            self.min_share,
            reason=f"Chart {worst} uses {shares[worst]:.0%} of its directions, the least of {len(shares)} chart(s) of "
            f"{dim} axes.",
            remedy="Raise the weight of ChartVariance or ChartCovariance, or lower dim.",
        )
        return (verdict,)


@final
class CodeUse(Check):
    """Fails when too few codes have rows: the mean over charts of the share of codes in use, as of `CodeLiveness`.

    Args:
        codes: number of codes in each chart.
        min_share: below it the check fails.

    O(n + K codes).
    """

    name: ClassVar[str] = "codes"
    tier: ClassVar[Tier] = Tier.IMPORTANT
    reads: ClassVar[tuple[str, ...]] = ("basins", "code")
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def __init__(self, codes: int, *, min_share: float = 0.8):
        self.codes = codes
        self.min_share = min_share

    def judge(self, evidence: Evidence) -> tuple[Verdict, ...]:
        """One verdict."""
        value = CodeLiveness(self.codes)(np.asarray(evidence.basins), np.asarray(evidence.code))
        verdict = self.verdict(
            value,
            self.min_share,
            reason=f"{value:.0%} of {self.codes} codes in a chart are in use.",
            remedy="Use fewer codes, raise `dead` of ChartCodebook so that codes move to rows, or raise ChartVariance.",
        )
        return (verdict,)


@final
class ChartsAtRest(Check):
    """Fails when the number of charts, which was to be found, still changed towards the end.

    The value is the share of the reviews from the last change of the number on.

    Args:
        min_rest: share below which the check fails.

    O(reviews).
    """

    name: ClassVar[str] = "charts_at_rest"
    tier: ClassVar[Tier] = Tier.IMPORTANT
    reads: ClassVar[tuple[str, ...]] = ("chart_counts",)
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def __init__(self, *, min_rest: float = 1 / 3):
        self.min_rest = min_rest

    def judge(self, evidence: Evidence) -> tuple[Verdict, ...]:
        """One verdict."""
        counts = np.asarray(evidence.chart_counts)
        changed = np.flatnonzero(np.diff(counts)) + 1
        last = int(changed[-1]) if len(changed) else 0
        verdict = self.verdict(
            1 - last / len(counts),
            self.min_rest,
            reason=f"{int(counts[-1])} chart(s) were found; {last} of {len(counts)} reviews were over when the number "
            "changed last.",
            remedy="The number is not certain: pass charts=N, or more rows.",
        )
        return (verdict,)


def chart_checks(codes: int | None = None) -> tuple[Check, ...]:
    """What a model of many charts is checked for beside the standard certificate; `CodeUse` where it has codes.

    >>> [check.name for check in chart_checks(16)]
    ['routing', 'chart_collapse', 'codes']
    """
    return (ChartRouting(), ChartCollapse(), *(() if codes is None else (CodeUse(codes),)))


def _share_of_axes(z: np.ndarray) -> float:
    rank, dim = EffectiveRank()(z), z.shape[1]
    return max(0.0, (rank - 1) / (dim - 1)) if dim > 1 else rank
