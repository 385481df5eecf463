"""The landscape of a field as one self-contained HTML page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from latentatlas.report.pages import rendered

__all__ = ["landscape_html"]

_MOST_BASINS = 60
_CHARTS = ("map", "minima", "joins", "fields")
_TEXTS = ("lead", *_CHARTS, "basins", "ambiguous", "remarks")


def landscape_html(
    *,
    title: str,
    facts: Mapping[str, Any],
    words: Mapping[str, Sequence[str]],
    figures: Mapping[str, Mapping[str, bytes]],
    basins: Sequence[Mapping[str, Any]],
    ambiguous: Sequence[Mapping[str, Any]],
    spec: Mapping[str, Any],
) -> str:
    """One HTML page that needs nothing else: no network, no scripts, images inside. All text is escaped.

    Args:
        title: what the landscape is of.
        facts: headline facts in order.
        words: paragraphs by part of the page: lead, map, minima, basins, joins, ambiguous, fields, remarks.
        figures: caption → PNG image, by part: map, minima, joins, fields.
        basins: in the order to show: number, name, size, share, prominence (None: no end), depth, climb (to the lowest
            saddle; None: no way), neighbour (what lies behind it, or None), and perhaps labels (name → fraction),
            picture (PNG strip) and exemplars (ids or texts).
        ambiguous: rows between basins: id, basin, other, share (of its neighbours that lie in other basins).
        spec: how it was made; shown folded.

    Returns:
        The page, about 4/3 of the bytes of its images long.

    >>> nothing = dict(facts={}, figures={}, basins=[], ambiguous=[], spec={})
    >>> page = landscape_html(title="Digits", words={"lead": ["Two minima."]}, **nothing)
    >>> "Two minima." in page
    True
    """
    optional = {"labels": {}, "picture": None, "exemplars": []}
    return rendered(
        "landscape.html.j2",
        title=title,
        facts=facts,
        words={part: list(words.get(part, [])) for part in _TEXTS},
        figures={part: dict(figures.get(part, {})) for part in _CHARTS},
        basins=[{**optional, **basin} for basin in basins[:_MOST_BASINS]],
        further_basins=max(0, len(basins) - _MOST_BASINS),
        ambiguous=ambiguous,
        spec=json.dumps(spec, indent=2, ensure_ascii=False, default=str),
    )
