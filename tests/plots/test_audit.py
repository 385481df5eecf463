"""The picture of an audit."""

from __future__ import annotations

import math

import numpy as np
import pytest

from latentatlas.core import DataError
from latentatlas.plots import AuditMark, AuditPanel, audit_figure, png_bytes


def test_dots_are_where_the_numbers_are():
    marks = [AuditMark("linear", 0.1, 0.9, 0.0, 0.05), AuditMark("low", -2.0, math.nan, 0.0, 0.05)]
    figure = audit_figure([AuditPanel("What is read", marks)], title="Audit", before=True)
    (axes,) = figure.axes
    assert axes.get_title(loc="left") == "What is read"
    assert [label.get_text() for label in axes.get_yticklabels()] == ["linear", "low"]
    dots = np.concatenate([np.asarray(each.get_offsets()) for each in axes.collections])
    assert {(0.9, 0.0), (0.1, 0.0), (-0.35, 1.0)} <= {tuple(dot) for dot in dots.tolist()}
    assert [text.get_text() for text in figure.legends[0].texts] == ["audited", "before", "tolerated"]
    assert png_bytes(figure)[:4] == b"\x89PNG"


def test_every_panel_has_its_axes():
    panel = AuditPanel("a", [AuditMark("x", 0.0, math.nan, 0.0, 0.1)])
    figure = audit_figure([panel] * 3)
    assert len(figure.axes) == 3
    assert [text.get_text() for text in figure.legends[0].texts] == ["audited", "tolerated"]


@pytest.mark.parametrize("panels", [[], [AuditPanel("a", [])]])
def test_nothing_to_draw(panels):
    with pytest.raises(DataError, match=r"^audit_figure wants panels"):
        audit_figure(panels)
