"""What all pages share: templates that escape all text, and how numbers and pictures are written."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from typing import Any

__all__ = ["number", "rendered"]


def rendered(template: str, /, **parts: Any) -> str:
    """The page that a template of this package makes of its parts; a missing part is an error, all text is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("latentatlas.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "png": _data_url, "percent": _percent, "wanted": _wanted}
    return environment.get_template(template).render(**parts)


def number(value: Any) -> str:
    """Four significant digits, thousands separated; a dash for what is not there; text as it is."""
    if value is None or isinstance(value, str | bool):
        return "–" if value in (None, "", "nan") else str(value)
    try:
        plain = float(value)
    except (TypeError, ValueError):
        return str(value)
    if math.isnan(plain):
        return "–"
    if plain.is_integer() and abs(plain) < 1e15:
        return f"{int(plain):,}"
    return f"{plain:,.1f}" if abs(plain) >= 1000 else f"{plain:.4g}"


def _percent(fraction: float) -> str:
    """A fraction as a percentage: whole, but one digit below 10 %."""
    return f"{100 * fraction:.0f} %" if fraction >= 0.0995 else f"{100 * fraction:.1f} %"


def _wanted(verdict: Mapping[str, Any]) -> str:
    """The threshold with the sign of its good side."""
    sign = {"higher": "≥ ", "lower": "≤ "}.get(str(verdict.get("better")), "")
    threshold = number(verdict.get("threshold"))
    return threshold if threshold == "–" else sign + threshold


def _data_url(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()
