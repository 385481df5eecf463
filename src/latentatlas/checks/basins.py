"""Is every basin in use?"""

from __future__ import annotations

from typing import ClassVar, Literal, final

import numpy as np

from latentatlas.checks.base import Check, Evidence, Tier, Verdict
from latentatlas.core import DataError

__all__ = ["BasinLiveness"]


@final
class BasinLiveness(Check):
    """Fails when a basin is dead: it holds far fewer rows than its share.

    The value is K · (share of the smallest of K basins), in [0, 1]: 1 when all are equal, 0 when one has no rows. K is
    the number of columns of `memberships`, or one more than the largest code. A single basin is always alive.

    Args:
        min_share: least share of the smallest basin, relative to 1 / K. The default .1 allows basins of very unequal
            size, as classes often are.

    O(n).
    """

    name: ClassVar[str] = "basins"
    tier: ClassVar[Tier] = Tier.IMPORTANT
    reads: ClassVar[tuple[str, ...]] = ("basins",)
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    def __init__(self, *, min_share: float = 0.1):
        self.min_share = min_share

    def judge(self, evidence: Evidence) -> tuple[Verdict, ...]:
        """One verdict."""
        counts = _sizes(np.asarray(evidence.basins), evidence.memberships)
        smallest, dead = int(counts.argmin()), int((counts == 0).sum())
        share = float(counts.min() / counts.mean())
        verdict = self.verdict(
            share,
            self.min_share,
            reason=f"The smallest of {len(counts)} basin(s), number {smallest}, holds {counts.min()} of {counts.sum()} "
            f"rows ({share:.2f} of an equal share); {dead} hold none.",
            remedy="Use fewer basins, or raise the weight of the term that balances them.",
        )
        return (verdict,)


def _sizes(basins: np.ndarray, memberships: np.ndarray | None) -> np.ndarray:
    if basins.dtype.kind not in "iu" or basins.min() < 0:
        raise DataError(
            f"The check 'basins' wants codes 0 … K − 1; got {basins.dtype} values such as {np.sort(basins)[0]}. "
            "Encode the names of the basins as whole numbers."
        )
    known = 0 if memberships is None else memberships.shape[1]
    return np.bincount(basins, minlength=known)
