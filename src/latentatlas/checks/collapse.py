"""Does the latent space use its dimensions?"""

from __future__ import annotations

from typing import ClassVar, Literal, final

from latentatlas.checks.base import Check, Evidence, Tier, Verdict
from latentatlas.metrics import EffectiveRank

__all__ = ["Collapse"]


@final
class Collapse(Check):
    """Fails when the latents lie near a line or a point.

    The value is (effective rank − 1) / (dim − 1) in [0, 1]: the share of the directions beyond the first that carry
    variance; 0 for a line and for a constant. In one dimension it is 1 unless the latent is constant.

    Args:
        min_share: below it the check fails. At the default .2 a 2-D map fails when its short axis holds less than 5 %
            of the variance; of 16 dimensions at least 4 must be in use.

    O(n · dim² + dim³).
    """

    name: ClassVar[str] = "collapse"
    tier: ClassVar[Tier] = Tier.ESSENTIAL
    reads: ClassVar[tuple[str, ...]] = ("z",)
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def __init__(self, *, min_share: float = 0.2):
        self.min_share = min_share

    def judge(self, evidence: Evidence) -> tuple[Verdict, ...]:
        """One verdict."""
        z = evidence.coordinates
        dim, rank = z[0].size, EffectiveRank()(z)
        share = max(0.0, (rank - 1) / (dim - 1)) if dim > 1 else rank
        verdict = self.verdict(
            share,
            self.min_share,
            reason=f"The latents use {rank:.2f} effective of {dim} dimensions ({share:.0%} of those beyond the first).",
            remedy="Lower the weights of the terms that pull points together (basins, invariance), or lower dim.",
        )
        return (verdict,)
