"""Figures as text: spreads, targets met or missed, tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

__all__ = ["MISSING", "Target", "figure", "spread", "table"]

MISSING = "–"


class Target(NamedTuple):
    """A figure and the bound it is held against; `side` is "≥" or "≤"."""

    name: str
    side: str
    bound: float

    def verdict(self, value: float) -> str:
        """One line that says whether it is met."""
        met = value >= self.bound if self.side == "≥" else value <= self.bound
        return f"- {'met' if met else '**missed**'}: {self.name} {figure(value)} (wanted {self.side} {self.bound:g})"


def figure(value: float) -> str:
    """Four decimals below ten, three digits above.

    >>> figure(0.98765), figure(123.4), figure(70_000)
    ('0.9877', '123', '70,000')
    """
    if not np.isfinite(value):
        return MISSING
    value = round(float(value), 4) + 0.0  # no minus before a zero
    return f"{value:.4f}" if abs(value) < 10 else f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}"


def spread(values: Sequence[float]) -> str:
    """Mean and, of several, the standard deviation of a sample.

    >>> spread([0.5]), spread([0.4, 0.6]), spread([])
    ('0.5000', '0.5000 ± 0.1414', '–')
    """
    if not len(values):
        return MISSING
    text = figure(float(np.mean(values)))
    return f"{text} ± {figure(float(np.std(values, ddof=1)))}" if len(values) > 1 else text


def table(columns: Sequence[str], rows: Mapping[str, Sequence[str]]) -> str:
    """Markdown, one named row after another.

    >>> print(table(["a"], {"row": ["1"]}))
    | | a |
    |---|---|
    | row | 1 |
    """
    lines = ["| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    return "\n".join([*lines, *(f"| {name} | " + " | ".join(cells) + " |" for name, cells in rows.items())])
