"""The audit of an embedding as one self-contained HTML page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from latentatlas.report.pages import rendered

__all__ = ["audit_html"]

_WORDS = {"pass": "Passed", "warn": "Warning", "fail": "Failed", "skip": "Skipped"}
_SEVERITY = ("fail", "warn", "pass", "skip")


def audit_html(
    *,
    title: str,
    facts: Mapping[str, Any],
    lead: Sequence[str],
    verdicts: Sequence[Mapping[str, Any]],
    figure: bytes,
    nuisances: Sequence[Mapping[str, Any]],
    spec: Mapping[str, Any],
) -> str:
    """One HTML page that needs nothing else: no network, no scripts, images inside. All text is escaped.

    Args:
        title: what was audited.
        facts: headline facts in order.
        lead: paragraphs under the title.
        verdicts: as for `certificate_html`.
        figure: PNG image.
        nuisances: name, kind, skipped (why; or empty), tables (title, held_out, and rows of name, before, after,
            chance, excess, p), words (sentences), advice (method and why; or None).
        spec: all numbers and settings; shown folded.

    Returns:
        The page, about 4/3 of the bytes of its image long.

    >>> page = audit_html(title="Texts", facts={}, lead=["Clean."], verdicts=[], figure=b"", nuisances=[], spec={})
    >>> "Clean." in page
    True
    """
    statuses = [str(verdict["status"]) for verdict in verdicts]
    return rendered(
        "audit.html.j2",
        title=title,
        facts=facts,
        lead=lead,
        verdicts=verdicts,
        tally={status: statuses.count(status) for status in _SEVERITY if status in statuses},
        words=_WORDS,
        figure=figure,
        nuisances=nuisances,
        spec=json.dumps(spec, indent=2, ensure_ascii=False, default=str),
    )
