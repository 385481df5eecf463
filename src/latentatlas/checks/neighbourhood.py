"""Are neighbours on the map true neighbours, and are true neighbours kept?"""

from __future__ import annotations

from typing import ClassVar, Literal, final

import numpy as np

from latentatlas.checks.base import Check, Evidence, Tier, Verdict
from latentatlas.metrics import neighbour_ranks

__all__ = ["Neighbourhood"]


@final
class Neighbourhood(Check):
    """Two verdicts, `neighbourhood.trustworthiness` and `neighbourhood.continuity`: the means over rows.

    Args:
        k: number of neighbours.
        trustworthiness: least mean trustworthiness. A random map has about ½; PCA of images to 2-D .75, good maps .95.
        continuity: least mean continuity.
        rows: with more rows than this a random sample is examined; ranks are still counted among all rows.
        seed: of the sample.

    O(min(n, rows) · n · (features + dim)).
    """

    name: ClassVar[str] = "neighbourhood"
    tier: ClassVar[Tier] = Tier.ESSENTIAL
    reads: ClassVar[tuple[str, ...]] = ("x", "z")
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def __init__(
        self, k: int = 15, *, trustworthiness: float = 0.9, continuity: float = 0.9, rows: int = 5000, seed: int = 0
    ):
        self.k = k
        self.trustworthiness = trustworthiness
        self.continuity = continuity
        self.rows = rows
        self.seed = seed

    def judge(self, evidence: Evidence) -> tuple[Verdict, ...]:
        """One verdict for each side."""
        x, z = np.asarray(evidence.x), np.asarray(evidence.z)
        if 2 * self.k >= len(x):
            reason = f"{len(x)} rows are too few for {self.k} neighbours (more than {2 * self.k} are needed)."
            return (self.skip(reason, "Use a smaller k or more rows."),)
        chosen = np.random.default_rng(self.seed).permutation(len(x))[: self.rows]
        ranks = neighbour_ranks(x, z, k=self.k, rows=np.sort(chosen), geometry=evidence.geometry)
        trust, continuity = float(ranks.trustworthiness().mean()), float(ranks.continuity().mean())
        over = f"over {len(chosen)} of {len(x)} rows"
        return (
            self.verdict(
                trust,
                self.trustworthiness,
                part="trustworthiness",
                reason=f"Trustworthiness at k = {self.k} is {trust:.4f} {over} (1: no false neighbours).",
                remedy="Train longer, or raise dim; weigh a neighbour_term of your own more.",
            ),
            self.verdict(
                continuity,
                self.continuity,
                part="continuity",
                reason=f"Continuity at k = {self.k} is {continuity:.4f} {over} (1: none torn apart).",
                remedy="Neighbours are torn apart: train longer, or weigh basin_term less.",
            ),
        )
