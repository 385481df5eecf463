from __future__ import annotations

from latentatlas.experiments.audit_speed import audit_speed


def test_figures_of_a_few_rows():
    figures = audit_speed(rows=300, axes=6)
    assert figures["rows"] == 300
    assert figures["audit, s"] > 0
    assert figures["audit with the rows before, s"] > 0
    assert figures["20 columns ranked, s"] > 0
