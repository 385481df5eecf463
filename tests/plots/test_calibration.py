"""The picture of p-values against their promise."""

from __future__ import annotations

import numpy as np
import pytest

from latentatlas.core import DataError
from latentatlas.plots import calibration_figure, png_bytes


def test_every_part_has_its_curve():
    figure = calibration_figure({"a": np.linspace(0.1, 1, 10), "b": np.full(3, 0.05)}, luck=0.1, title="Scores")
    for axes in figure.axes:
        assert [line.get_label() for line in axes.lines][1:] == ["a (10)", "b (3)"]
    whole = figure.axes[0].lines[1]
    x, y = whole.get_data()
    assert y[np.asarray(x) == 0.5].max() == pytest.approx(0.5)  # five of ten are at most one half
    assert png_bytes(figure)[:4] == b"\x89PNG"


def test_of_many_parts_the_worst_are_named():
    parts = {f"part {number}": np.full(20, (number + 1) / 20) for number in range(12)}
    figure = calibration_figure(parts, luck=0.0)
    named = [line.get_label() for line in figure.axes[0].lines if line.get_label().startswith("part")]
    assert named == [f"part {number} (20)" for number in range(8)]


@pytest.mark.parametrize("p", [{}, {"a": np.zeros(0)}, {"a": np.array([np.nan])}, {"a": np.array([1.5])}])
def test_what_is_no_p_value(p: dict):
    with pytest.raises(DataError, match=r"^calibration_figure wants p-values"):
        calibration_figure(p, luck=0.1)
