"""The certificate: one self-contained HTML page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from latentatlas.report.pages import rendered

__all__ = ["certificate_html"]

_WORDS = {"pass": "Passed", "warn": "Warning", "fail": "Failed", "skip": "Skipped"}
_SEVERITY = ("fail", "warn", "pass", "skip")
_MOST_BASINS = 60
_APART = ("calibration", "training", "charts")


def certificate_html(
    *,
    title: str,
    facts: Mapping[str, Any],
    verdicts: Sequence[Mapping[str, Any]],
    metrics: Mapping[str, float],
    spec: Mapping[str, Any],
    figures: Mapping[str, Any],
    basins: Sequence[Mapping[str, Any]],
) -> str:
    """One HTML page that needs nothing else: no network, no scripts, images inside. All text is escaped.

    Args:
        title: what the map is of.
        facts: headline facts in order: data, rows, features, dim, seed, threads, version, time, fingerprint.
        verdicts: one mapping per check: name, status (pass, warn, fail, skip), value, threshold, reason, remedy, and
            perhaps better (higher, lower).
        metrics: name → value, NaN where it could not be measured.
        spec: the constructor arguments; shown folded.
        figures: caption → PNG image. Those called "calibration" and "training" have sections of their own; the first
            other one leads. "charts" may hold "pictures" (caption → PNG image) and "codes" (for each chart name, size,
            and codes: number → text) for a section of charts.
        basins: in the order to show: name, size, and perhaps share (fraction of all rows), picture and borders (PNG
            strips of rows near the prototype and at the borders), texts and border_texts, rows (ids of exemplars),
            labels (name → fraction of the basin).

    Returns:
        The page, about 4/3 of the bytes of its images long.

    >>> nothing = dict(facts={}, metrics={}, spec={}, figures={}, basins=[])
    >>> verdict = {"name": "collapse", "status": "pass", "value": 2.0, "threshold": 1.0, "reason": "", "remedy": ""}
    >>> "✓" in certificate_html(title="Digits", verdicts=[verdict], **nothing)
    True
    """
    statuses = [str(verdict["status"]) for verdict in verdicts]
    return rendered(
        "certificate.html.j2",
        title=title,
        facts=facts,
        verdicts=verdicts,
        tally={status: statuses.count(status) for status in _SEVERITY if status in statuses},
        words=_WORDS,
        metrics=metrics,
        spec=json.dumps(spec, indent=2, ensure_ascii=False, default=str),
        maps={caption: png for caption, png in figures.items() if caption not in _APART},
        calibration=figures.get("calibration"),
        training=figures.get("training"),
        charts=figures.get("charts"),
        basins=basins[:_MOST_BASINS],
        further_basins=max(0, len(basins) - _MOST_BASINS),
    )
