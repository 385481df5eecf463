"""Does the model reconstruct new rows as well as those it was trained on?"""

from __future__ import annotations

import math
from typing import ClassVar, Literal, final

import numpy as np

from latentatlas.checks.base import Check, Evidence, Tier, Verdict
from latentatlas.metrics import MeanSquaredError

__all__ = ["Overfit"]


@final
class Overfit(Check):
    """Fails when held-out rows come back much worse than training rows.

    The value is the ratio of the mean squared reconstruction errors, held-out / training, ≥ 0; 1 is no gap. Where both
    errors are 0 it is 1.

    Args:
        max_ratio: largest ratio allowed; at 1.5 new rows may come back half again as badly.

    O(n · features).
    """

    name: ClassVar[str] = "overfit"
    tier: ClassVar[Tier] = Tier.IMPORTANT
    reads: ClassVar[tuple[str, ...]] = ("x", "recon", "held_out")
    better: ClassVar[Literal["higher", "lower"]] = "lower"

    def __init__(self, *, max_ratio: float = 1.5):
        self.max_ratio = max_ratio

    def judge(self, evidence: Evidence) -> tuple[Verdict, ...]:
        """One verdict."""
        held_out = np.asarray(evidence.held_out, dtype=bool)
        if held_out.all() or not held_out.any():
            side = "training" if held_out.all() else "held-out"
            return (
                self.skip(f"There are no {side} rows to compare with.", "Keep a part of the rows out of training."),
            )
        errors = MeanSquaredError().per_point(np.asarray(evidence.x), np.asarray(evidence.recon))
        new, seen = float(errors[held_out].mean()), float(errors[~held_out].mean())
        ratio = new / seen if seen > 0 else (math.inf if new > 0 else 1.0)
        verdict = self.verdict(
            ratio,
            self.max_ratio,
            reason=f"Mean squared error is {new:.4g} on {int(held_out.sum())} held-out rows and {seen:.4g} on "
            f"{int((~held_out).sum())} training rows: a ratio of {ratio:.2f}.",
            remedy="Stop earlier, use a smaller model or more weight decay, or train on more rows.",
        )
        return (verdict,)
