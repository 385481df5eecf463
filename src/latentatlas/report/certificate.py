"""The certificate: one self-contained HTML page."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["certificate_html"]

_WORDS = {"pass": "Passed", "warn": "Warning", "fail": "Failed", "skip": "Skipped"}
_SEVERITY = ("fail", "warn", "pass", "skip")
_MOST_BASINS = 60


def certificate_html(
    *,
    title: str,
    facts: Mapping[str, Any],
    verdicts: Sequence[Mapping[str, Any]],
    metrics: Mapping[str, float],
    spec: Mapping[str, Any],
    figures: Mapping[str, bytes],
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
        figures: caption → PNG image. The figure called "training" has a section of its own; the first other one leads.
        basins: in the order to show: name, size, and perhaps share (fraction of all rows), picture (a PNG strip of
            exemplars), rows (ids of exemplars), labels (name → fraction of the basin).

    Returns:
        The page, about 4/3 of the bytes of its images long.

    >>> nothing = dict(facts={}, metrics={}, spec={}, figures={}, basins=[])
    >>> verdict = {"name": "collapse", "status": "pass", "value": 2.0, "threshold": 1.0, "reason": "", "remedy": ""}
    >>> "✓" in certificate_html(title="Digits", verdicts=[verdict], **nothing)
    True
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("latentatlas.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": _number, "png": _data_url, "percent": _percent, "wanted": _wanted}
    statuses = [str(verdict["status"]) for verdict in verdicts]
    return environment.get_template("certificate.html.j2").render(
        title=title,
        facts=facts,
        verdicts=verdicts,
        tally={status: statuses.count(status) for status in _SEVERITY if status in statuses},
        words=_WORDS,
        metrics=metrics,
        spec=json.dumps(spec, indent=2, ensure_ascii=False, default=str),
        maps={caption: png for caption, png in figures.items() if caption != "training"},
        training=figures.get("training"),
        basins=basins[:_MOST_BASINS],
        further_basins=max(0, len(basins) - _MOST_BASINS),
    )


def _number(value: Any) -> str:
    """Four significant digits, thousands separated; a dash for what is not there; text as it is."""
    if value is None or isinstance(value, str | bool):
        return "–" if value in (None, "", "nan") else str(value)
    try:
        number = float(value)
    except (TypeError, ValueError):
        return str(value)
    if math.isnan(number):
        return "–"
    if number.is_integer() and abs(number) < 1e15:
        return f"{int(number):,}"
    return f"{number:,.1f}" if abs(number) >= 1000 else f"{number:.4g}"


def _percent(fraction: float) -> str:
    """A fraction as a percentage: whole, but one digit below 10 %."""
    return f"{100 * fraction:.0f} %" if fraction >= 0.0995 else f"{100 * fraction:.1f} %"


def _wanted(verdict: Mapping[str, Any]) -> str:
    """The threshold with the sign of its good side."""
    sign = {"higher": "≥ ", "lower": "≤ "}.get(str(verdict.get("better")), "")
    number = _number(verdict.get("threshold"))
    return number if number == "–" else sign + number


def _data_url(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()
