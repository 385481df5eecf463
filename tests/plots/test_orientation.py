from __future__ import annotations

import numpy as np
import pytest

from latentatlas.core import ShapeError
from latentatlas.metrics import Orientation
from latentatlas.plots import orientation_figure, png_bytes
from latentatlas.plots.style import CATEGORY_COLOURS, MISSING


def _found(orientable, *overlaps):
    """From (chart, chart, sign, rows, agreement)."""
    table = np.array(overlaps, dtype=float).reshape(-1, 5)
    whole = table[:, :4].astype(int)
    return Orientation(orientable, whole[:, :2], whole[:, 2], whole[:, 3], table[:, 4])


def test_a_band_of_two_charts_has_two_lines_of_opposite_sign():
    figure = orientation_figure(_found(False, (0, 1, 1, 40, 1.0), (0, 1, -1, 1_200, 0.9)), charts=2)
    (axes,) = figure.axes
    keeps, turns = axes.lines
    assert (keeps.get_color(), turns.get_color()) == (CATEGORY_COLOURS[0], CATEGORY_COLOURS[2])
    middles = [line.get_ydata()[20] for line in axes.lines]
    assert middles[0] * middles[1] < 0  # apart, on both sides
    assert [text.get_text() for text in axes.texts] == ["40", "1,200", "0", "1"]
    assert axes.get_title(loc="left") == "Not orientable: a ring of charts turns orientation"
    assert png_bytes(figure)[:4] == b"\x89PNG"


def test_unclear_signs_are_grey_and_say_nothing():
    figure = orientation_figure(_found(True, (0, 2, -1, 30, 0.2)), charts=3, title="Sphere")
    (line,) = figure.axes[0].lines
    assert line.get_color() == MISSING
    assert "nothing can be said" in figure.axes[0].get_title(loc="left")


def test_an_orientable_ring():
    found = _found(True, (0, 1, 1, 30, 1.0), (1, 2, -1, 30, 1.0), (0, 2, -1, 30, 1.0))
    assert orientation_figure(found, charts=3).axes[0].get_title(loc="left").startswith("Orientable")


def test_many_lines_have_no_numbers():
    pairs = [(i, j, 1, 30, 1.0) for i in range(7) for j in range(i)]
    texts = [text.get_text() for text in orientation_figure(_found(True, *pairs), charts=7).axes[0].texts]
    assert texts == [str(number) for number in range(7)]


@pytest.mark.parametrize("charts", [1, 2, 25])
def test_charts_without_overlaps(charts):
    figure = orientation_figure(_found(True), charts=charts)
    assert "nothing can be said" in figure.axes[0].get_title(loc="left")
    png_bytes(figure)


def test_overlaps_of_charts_that_do_not_exist():
    with pytest.raises(ShapeError, match=r"charts 0 … 1; got one of chart 4"):
        orientation_figure(_found(True, (0, 4, 1, 30, 1.0)), charts=2)
