"""The certificate: every claim about a map, measured against a threshold, with advice where it fails."""

from __future__ import annotations

from collections.abc import Iterable

from latentatlas.checks.base import Check, Evidence, Status, Tier, Verdict
from latentatlas.checks.basins import BasinLiveness
from latentatlas.checks.calibration import Calibration, CrossCalibrated, cross_calibrated, p_values
from latentatlas.checks.charts import ChartCollapse, ChartRouting, ChartsAtRest, CodeUse, chart_checks
from latentatlas.checks.collapse import Collapse
from latentatlas.checks.leakage import Leakage, Reading, Trace, holm, obstacle
from latentatlas.checks.neighbourhood import Neighbourhood
from latentatlas.checks.overfit import Overfit
from latentatlas.checks.removal import Removal, Utility
from latentatlas.checks.tree_likeness import GeometryAdvice, TreeLikeness, advise_geometry
from latentatlas.checks.views import InvariantBlock, LabelKept, VariantBlock, ViewSimilarity, view_checks

__all__ = [
    "BasinLiveness",
    "Calibration",
    "ChartCollapse",
    "ChartRouting",
    "ChartsAtRest",
    "Check",
    "CodeUse",
    "Collapse",
    "CrossCalibrated",
    "Evidence",
    "GeometryAdvice",
    "InvariantBlock",
    "LabelKept",
    "Leakage",
    "Neighbourhood",
    "Overfit",
    "Reading",
    "Removal",
    "Status",
    "Tier",
    "Trace",
    "TreeLikeness",
    "Utility",
    "VariantBlock",
    "Verdict",
    "ViewSimilarity",
    "advise_geometry",
    "chart_checks",
    "cross_calibrated",
    "default_checks",
    "holm",
    "obstacle",
    "p_values",
    "run_checks",
    "view_checks",
]


def default_checks() -> tuple[Check, ...]:
    """The checks of the standard certificate, in its order, with their default thresholds.

    Where rows have views those of `view_checks` join them.
    """
    return (Collapse(), Neighbourhood(), Leakage(), Removal(), BasinLiveness(), Overfit(), Calibration())


def run_checks(evidence: Evidence, checks: Iterable[Check] | None = None) -> list[Verdict]:
    """All verdicts in order; `checks` are `default_checks()` when not given.

    >>> import numpy as np
    >>> [str(verdict.status) for verdict in run_checks(Evidence(z=np.eye(3)))]
    ['pass', 'skip', 'skip', 'skip', 'skip', 'skip', 'skip']
    """
    return [verdict for check in (default_checks() if checks is None else checks) for verdict in check(evidence)]
