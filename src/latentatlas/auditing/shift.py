"""Which kind of shift a nuisance makes, and what follows for its removal."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import numpy as np

from latentatlas.checks import Reading, Trace
from latentatlas.metrics import CramersV, contingency, strata

__all__ = ["Advice", "Shift", "ShiftKind", "advice_for", "shift_of"]

_LEAST_ASSOCIATION = 0.05
_LEAST_EXCESS = 0.05


class ShiftKind(StrEnum):
    """What differs from one value of the nuisance to another."""

    NONE = "none"
    DIVERSITY = "diversity"
    CORRELATION = "correlation"
    BOTH = "both"
    INSEPARABLE = "inseparable"


class Shift(NamedTuple):
    """How rows differ between the values of a nuisance.

    Attributes:
        kind: which of the two shifts there are.
        diversity: how well p(x) tells the values apart, at equal label where there is one: the largest excess of a
            probe over chance, at most 1.
        p_diversity: its p-value, corrected for the number of probes.
        correlation: how much p(label | nuisance) differs: Cramér's V, corrected for chance; NaN without a label.
        p_correlation: its permutation p-value; NaN without a label.
        empty: share of combinations of label and nuisance that no row has; NaN without a label.
    """

    kind: ShiftKind
    diversity: float
    p_diversity: float
    correlation: float
    p_correlation: float
    empty: float


class Advice(NamedTuple):
    """How to remove a nuisance.

    Attributes:
        method: one line.
        why: a sentence or two.
    """

    method: str
    why: str


def shift_of(reading: Reading, values: np.ndarray, label: np.ndarray | None, *, alpha: float = 0.01) -> Shift:
    """The kind of shift, from a reading of the rows before any treatment.

    A shift counts from .05 on, of excess or of Cramér's V, where its p-value is `alpha` at most.

    References:
        Ye et al., OoD-Bench: Quantifying and understanding two dimensions of out-of-distribution generalization, CVPR
        2022 (the two kinds; the measures here are others).
    """
    trace = reading.within if _judged(reading.within) else reading.overall
    assert trace is not None
    diversity = max(report.excess for report in trace.probes)
    p_diversity = min(trace.adjusted)
    differs = diversity >= _LEAST_EXCESS and p_diversity <= alpha
    if label is None:
        kind = ShiftKind.DIVERSITY if differs else ShiftKind.NONE
        return Shift(kind, diversity, p_diversity, float("nan"), float("nan"), float("nan"))
    measure = CramersV()
    correlation, p = measure(label, values), measure.permutation_test(label, values)
    depends = correlation >= _LEAST_ASSOCIATION and p <= alpha
    kinds = {
        (False, False): ShiftKind.NONE,
        (True, False): ShiftKind.DIVERSITY,
        (False, True): ShiftKind.CORRELATION,
        (True, True): ShiftKind.BOTH,
    }
    kind = ShiftKind.INSEPARABLE if reading.inseparable else kinds[differs, depends]
    empty = float((contingency(strata(label), strata(values)) == 0).mean())
    return Shift(kind, diversity, p_diversity, correlation, p, empty)


def advice_for(shift: Shift, reading: Reading) -> Advice:
    """What to do about the nuisance; `reading` is that of the rows before any treatment."""
    if shift.kind is ShiftKind.INSEPARABLE:
        return Advice(
            "None: label and nuisance cannot be separated in these rows.",
            "Each label has one value of the nuisance, so removing one removes the other. Only rows in which the "
            "nuisance "
            "varies within a label can tell them apart.",
        )
    if shift.kind is ShiftKind.NONE:
        text = "Rows with different values of it look alike" + (
            "" if np.isnan(shift.correlation) else " at equal label"
        )
        return Advice(
            "Nothing to remove.", f"{text}; probes read it with an excess of {max(shift.diversity, 0.0):.3f}."
        )
    if shift.kind is ShiftKind.DIVERSITY:
        return _marginal(shift, reading)
    overlap = (
        "Sample weights p(y) p(v) / p(y, v) do the same for a classifier."
        if shift.empty == 0
        else f"Sample weights cannot: {shift.empty:.0%} of the combinations of label and nuisance have no row."
    )
    return Advice(
        "Remove it within labels: HSIC(z, v | y) or an adversary that is given the label.",
        f"Label and nuisance go together (Cramér's V {shift.correlation:.3f}), so a latent that is independent of the "
        "nuisance loses label, or holds the nuisance reversed. Marginal HSIC, MMD, CORAL and erasure ask for just "
        "that. "
        f"{overlap} Where the values are environments among which p(y | x) changes, V-REx or IRM need no more than "
        f"them.",
    )


def _marginal(shift: Shift, reading: Reading) -> Advice:
    linear = reading.overall.probes[0].excess
    bent = max(report.excess for report in reading.overall.probes)
    if linear < _LEAST_EXCESS <= bent:
        first, why = (
            "Remove it by a kernel eraser, or by HSIC while training.",
            "No linear probe reads it, others do, so a linear eraser has nothing to take away.",
        )
    else:
        first = "Remove it by a linear eraser, then audit again; by a kernel eraser or HSIC where others still read it."
        why = "A linear probe reads it, so closed-form erasure is the cheapest first step."
    if np.isnan(shift.correlation):
        return Advice(
            first, f"{why} Without a label it is not known whether removal costs label: pass y before you do."
        )
    return Advice(
        first,
        f"{why} Label and nuisance are not dependent (Cramér's V {shift.correlation:.3f}), so removal need not cost "
        f"label.",
    )


def _judged(trace: Trace | None) -> bool:
    return trace is not None and bool(trace.probes) and trace.probes[0].held_out > 0
