from __future__ import annotations

import warnings

import numpy as np
import pytest

from latentatlas.core import ShapeError
from latentatlas.plots import charts_figure, codebook_figure, png_bytes
from latentatlas.plots.style import CATEGORY_COLOURS


@pytest.fixture
def rows(rng):
    """Ninety rows in three charts of two axes; every tenth row of chart 0 lies in chart 2 too."""
    chart = np.repeat(np.arange(3), 30)
    memberships = np.eye(3)[chart]
    memberships[:30:10] = [0.7, 0.0, 0.3]
    return rng.normal(size=(90, 3, 2)), memberships, chart


def _titles(figure):
    return [axes.get_title(loc="left") for axes in figure.axes]


def test_each_panel_has_its_rows_and_those_it_shares(rows):
    local, memberships, _ = rows
    figure = charts_figure(local, memberships, title="Three")
    assert _titles(figure) == [f"chart {number} · 30 rows" for number in range(3)]
    own, shared = figure.axes[2].collections
    assert len(own.get_offsets()) == 30
    np.testing.assert_allclose(np.sort(shared.get_offsets(), axis=0), np.sort(local[:30:10, 2], axis=0))
    assert len(figure.axes[1].collections[1].get_offsets()) == 0
    assert png_bytes(figure)[:4] == b"\x89PNG"


def test_lines_lead_from_rows_to_where_jumps_put_them(rows):
    local, memberships, _ = rows
    reached = np.repeat(local[:, :, None] + 5.0, 3, axis=2)
    figure = charts_figure(local, memberships, reached=reached)
    lines = figure.axes[2].collections[0].get_segments()
    assert len(lines) == 3
    starts = np.array([line[0] for line in lines])
    ends = np.array([line[1] for line in lines])
    order = np.array([np.abs(local[:30:10, 2] - start).sum(axis=1).argmin() for start in starts])
    np.testing.assert_allclose(ends, local[:30:10, 0][order] + 5.0)  # from the row's own chart, 0


def test_colours_are_those_of_charts_or_of_labels(rows):
    from matplotlib.colors import to_hex

    local, memberships, chart = rows
    by_chart = charts_figure(local, memberships)
    assert {to_hex(each) for each in by_chart.axes[1].collections[0].get_facecolors()} == {CATEGORY_COLOURS[1]}
    by_label = charts_figure(local, memberships, colour=np.where(chart == 1, "cat", "dog"))
    assert {to_hex(each) for each in by_label.axes[1].collections[0].get_facecolors()} == {CATEGORY_COLOURS[0]}
    assert [text.get_text() for text in by_label.legends[1].get_texts()] == ["cat", "dog"]


@pytest.mark.parametrize("dim", [1, 2, 5])
def test_any_number_of_axes_in_a_square_window(rng, dim):
    local, memberships = rng.normal(size=(40, 2, dim)), np.eye(2)[np.arange(40) % 2]
    figure = charts_figure(local, memberships)
    for axes in figure.axes:
        assert np.ptp(axes.get_xlim()) == pytest.approx(np.ptp(axes.get_ylim()))
        assert axes.get_xlabel() == ("2 main axes of 5" if dim == 5 else "")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        png_bytes(figure)


def test_a_chart_of_many_axes_lies_on_its_main_ones(rng):
    local = rng.normal(size=(200, 1, 4)) * np.array([0.1, 9.0, 0.1, 3.0])
    places = charts_figure(local, np.ones((200, 1))).axes[0].collections[0].get_offsets()
    order = np.random.default_rng(0).permutation(200)
    assert abs(np.corrcoef(places[:, 0], local[order, 0, 1])[0, 1]) > 0.99
    assert abs(np.corrcoef(places[:, 1], local[order, 0, 3])[0, 1]) > 0.99


def test_empty_charts_and_many_of_them(rng):
    memberships = np.eye(30)[np.minimum(np.arange(100), 24)]
    figure = charts_figure(rng.normal(size=(100, 30, 2)), memberships)
    assert len(figure.axes) == 20
    assert "chart 24 · 76 rows" in _titles(figure)
    assert figure.get_supxlabel() == "the 20 most used of 30 charts"
    alone = charts_figure(np.zeros((3, 2, 2)), np.array([[1.0, 0.0]] * 3))
    assert _titles(alone) == ["chart 0 · 3 rows", "chart 1 · empty"]
    png_bytes(alone)


def test_cells_are_the_places_nearest_a_code(rng):
    places = np.array([[[-1.0, 0.0], [1.0, 0.0]]])
    local = rng.normal(size=(50, 1, 2))
    code = (local[:, 0, 0] > 0).astype(int)
    figure = codebook_figure(local, np.zeros(50, int), code, places)
    (axes,) = figure.axes
    (border,) = axes.collections[1].get_segments()
    np.testing.assert_allclose(border[:, 0], 0, atol=1e-9)  # the line halfway between the two
    assert [text.get_text() for text in axes.texts] == ["0", "1"]
    assert axes.texts[1].get_position() == (1.0, 0.0)


@pytest.mark.parametrize("dim", [1, 3])
def test_codes_of_one_axis_have_borders_and_those_of_three_none(rng, dim):
    local, places = rng.normal(size=(30, 2, dim)), np.stack([np.arange(3.0)[:, None] * np.ones(dim)] * 2)
    figure = codebook_figure(local, np.arange(30) % 2, np.zeros(30, int), places)
    lines = [line.get_xdata()[0] for line in figure.axes[0].lines]
    assert lines == ([0.5, 1.5] if dim == 1 else [])


@pytest.mark.parametrize("places", [np.zeros((1, 4, 2)), np.array([[[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]]])])
def test_codes_that_coincide_or_lie_on_a_line(places):
    none = np.zeros(5, int)
    png_bytes(codebook_figure(np.zeros((5, 1, 2)), none, none, places))


def test_arrays_that_do_not_belong_together(rows):
    local, memberships, chart = rows
    with pytest.raises(ShapeError, match="charts_figure wants memberships"):
        charts_figure(local, memberships[:, :2])
    with pytest.raises(ShapeError, match="Pass those of one model"):
        charts_figure(local, memberships, reached=local)
    with pytest.raises(ShapeError, match=r"\(3,\)"):
        charts_figure(local, memberships, colour=np.zeros(3))
    with pytest.raises(ShapeError, match="codebook_figure wants chart and code"):
        codebook_figure(local, chart, chart, np.zeros((2, 4, 2)))
    with pytest.raises(ShapeError, match="codebook_figure"):
        codebook_figure(local, chart[:3], chart, np.zeros((3, 4, 2)))
