from __future__ import annotations

from latentatlas.experiments.term_speed import topology_term_speed


def test_every_term_is_timed():
    figures = topology_term_speed(24)
    assert figures["rows"] == 24
    timed = {name: value for name, value in figures.items() if name.endswith(", ms")}
    assert len(timed) == 11
    assert all(0 < value < 1000 for value in timed.values())
