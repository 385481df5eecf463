"""Do the p-values of the anomaly score mean what they say?"""

from __future__ import annotations

import math
from typing import ClassVar, Literal, NamedTuple, final

import numpy as np
from jaxtyping import Float

from latentatlas.checks.base import Check, Evidence, Status, Tier, Verdict
from latentatlas.core import ShapeError

__all__ = ["Calibration", "CrossCalibrated", "cross_calibrated", "p_values"]

_FEWEST = 10  # held-out rows of a part that is judged
_SHOWN = 0.05


class CrossCalibrated(NamedTuple):
    """One part of the held-out rows, judged by the others.

    Attributes:
        name: of the part: an environment, or a share of the rows in their order.
        p: p-value of each row of the part, from the surprises of all other parts.
        luck: how far the share of rows with p ≤ α may exceed α by chance, whatever α, with the probability asked for.
    """

    name: str
    p: np.ndarray
    luck: float

    @property
    def excess(self) -> float:
        """The most by which the share of rows with p ≤ α exceeds α, over all α; below 1, 0 where it never does."""
        ordered = np.sort(self.p)
        return float(max(0.0, (np.arange(1, len(ordered) + 1) / len(ordered) - ordered).max()))


def p_values(strange: Float[np.ndarray, " n"], usual: Float[np.ndarray, " m"]) -> Float[np.ndarray, " n"]:
    r"""How usual rows are, (n,) in (0, 1]: the rank of their measure among that of usual rows.

    p = (1 + #{usual rows with a measure at least as large}) / (1 + m), the conformal p-value: rows drawn like the m
    usual ones have P(p ≤ α) ≤ α. NaN counts as the strangest value.

    Args:
        strange: measure of each row; large is strange.
        usual: the same of rows known to be usual.

    Cost: O((n + m) log m).

    >>> p_values(np.array([0.0, 9.0]), np.array([1.0, 2.0, 3.0])).tolist()
    [1.0, 0.25]

    Raises:
        ShapeError: without usual rows.
    """
    if not len(usual):
        raise ShapeError("p_values wants the measure of one usual row or more; got none. Keep rows aside.")
    above = len(usual) - np.searchsorted(np.sort(usual), strange, side="left")
    return (1 + above) / (1 + len(usual))


def cross_calibrated(evidence: Evidence, *, parts: int = 5, chance: float = 0.01) -> list[CrossCalibrated]:
    """The p-values of each part of the held-out rows when all other parts calibrate them.

    The parts are the environments of at least ten held-out rows; without two such, consecutive parts of the rows in
    their order. (In parts drawn at random every p-value would come out right by construction, whatever the model.)
    Empty where held-out rows are too few.

    The luck of a part of m rows among n is √(log(parts/chance)/2 · (1/m + 1/(n − m))), the two-sample bound of
    Dvoretzky, Kiefer, Wolfowitz and Massart.

    Args:
        evidence: surprise, held_out and perhaps environment.
        parts: consecutive parts, where there are no environments.
        chance: of any part exceeding its luck although the p-values are right.

    Cost: O(n parts log n).
    """
    held_out = np.flatnonzero(np.asarray(evidence.held_out, dtype=bool))
    strange = np.asarray(evidence.surprise)[held_out]
    masks = _parts(None if evidence.environment is None else evidence.environment[held_out], len(held_out), parts)
    found = []
    for name, mask in masks.items():
        inside = int(mask.sum())
        luck = _luck(inside, len(held_out) - inside, chance / len(masks))
        found.append(CrossCalibrated(name, p_values(strange[mask], strange[~mask]), luck))
    return found


@final
class Calibration(Check):
    """Fails when rows of one environment look more unusual to the others than p-values allow.

    The anomaly score promises that of usual rows at most a share α scores α or less. Held-out rows cannot confirm that
    for the mix they are drawn from: they define it. What can be tested is whether the promise holds for a part of them:
    each environment is scored with the others as what is usual (see `cross_calibrated`). The value is the largest
    excess of the share of rows with p ≤ α over α, of any part and α, in [0, 1). Without environments the parts are
    consecutive rows; where these differ the verdict is a warning, since rows may have been sorted on purpose.

    Args:
        max_excess: largest excess allowed; never less than what luck brings about with the probability `chance`.
        chance: of a false alarm.

    O(n log n).

    References:
        Vovk, Gammerman, Shafer, *Algorithmic Learning in a Random World*, 2005; Massart, *The tight constant in the
        Dvoretzky–Kiefer–Wolfowitz inequality*, 1990.
    """

    name: ClassVar[str] = "calibration"
    tier: ClassVar[Tier] = Tier.ADVANCED
    reads: ClassVar[tuple[str, ...]] = ("surprise", "held_out")
    better: ClassVar[Literal["higher", "lower"]] = "lower"

    def __init__(self, *, max_excess: float = 0.05, chance: float = 0.01):
        self.max_excess = max_excess
        self.chance = chance

    def judge(self, evidence: Evidence) -> tuple[Verdict, ...]:
        """One verdict, of the worst part."""
        parts = cross_calibrated(evidence, chance=self.chance)
        if not parts:
            count = int(np.asarray(evidence.held_out, dtype=bool).sum())
            return (
                self.skip(
                    f"There are {count} held-out rows; two parts of {_FEWEST} are wanted.",
                    "Keep more rows out of training.",
                ),
            )
        verdict = self._of(max(parts, key=lambda part: part.excess - max(self.max_excess, part.luck)))
        if verdict.status is Status.FAIL and all(part.name.startswith("rows ") for part in parts):
            return (verdict._replace(status=Status.WARN),)
        return (verdict,)

    def of_new_rows(self, p: np.ndarray, *, usual: int) -> Verdict:
        """The verdict on the anomaly scores of new rows that are known to be usual.

        Args:
            p: their scores.
            usual: number of held-out rows that gave the scores, `atlas.held_out_.sum()`.

        >>> Calibration().of_new_rows(np.linspace(0.01, 1, 100), usual=1000).status.value
        'pass'

        Raises:
            ShapeError: without scores, or where some are NaN.
        """
        if not len(p) or np.isnan(p).any() or usual < 1:
            raise ShapeError(
                f"Calibration wants the scores of one row or more, and usual ≥ 1; got {len(p)} scores, "
                f"{int(np.isnan(p).sum())} of them NaN, and {usual}. Pass atlas.anomaly_score(X)."
            )
        return self._of(CrossCalibrated("the new rows", np.asarray(p), _luck(len(p), usual, self.chance)))

    def _of(self, part: CrossCalibrated) -> Verdict:
        share = float((part.p <= _SHOWN).mean())
        return self.verdict(
            part.excess,
            max(self.max_excess, part.luck),
            reason=f"Of {len(part.p):,} held-out rows in {part.name}, {share:.1%} have p ≤ {_SHOWN} where at most "
            f"{_SHOWN:.0%} should; over all levels the share exceeds its promise by at most {part.excess:.3f}, and "
            f"luck explains {part.luck:.3f}.".replace("held-out rows in the new rows", "new rows"),
            remedy="Do not read the anomaly score as a p-value for such rows alone: it holds for rows mixed like those "
            "of the fit. Fit on rows like those to be scored, or set a threshold of your own on some of them.",
        )


def _parts(environment: np.ndarray | None, n: int, parts: int) -> dict[str, np.ndarray]:
    """Name and mask of each part; empty where there are fewer than two of enough rows."""
    if environment is not None:
        values, codes = np.unique(environment.astype(str), return_inverse=True)
        masks = {f"environment {value}": codes.reshape(-1) == code for code, value in enumerate(values)}
        masks = {name: mask for name, mask in masks.items() if min(mask.sum(), n - mask.sum()) >= _FEWEST}
        if len(masks) > 1:
            return masks
    parts = min(parts, n // _FEWEST)
    if parts < 2:
        return {}
    code = np.arange(n) * parts // n
    ends = [f"{100 * part // parts} to {100 * (part + 1) // parts} %" for part in range(parts)]
    return {f"rows {end} in order": code == part for part, end in enumerate(ends)}


def _luck(first: int, second: int, chance: float) -> float:
    return math.sqrt(math.log(1 / chance) / 2 * (1 / first + 1 / second))
