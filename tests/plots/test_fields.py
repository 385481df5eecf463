"""Fields beside each other."""

from __future__ import annotations

import numpy as np
import pytest

from latentatlas.core import ShapeError
from latentatlas.plots import field_maps_figure, field_scatter_figure, overlap_figure, sweep_figure
from latentatlas.plots import fields as module


def test_each_field_is_coloured_by_rank(rng, monkeypatch):
    xy, values = rng.normal(size=(9, 2)), np.exp(np.arange(9.0))
    figure = field_maps_figure(xy, {"steep": values, "flat": np.arange(9.0)})
    steep, flat = (axes.collections[1].get_array() for axes in figure.axes[:2])
    np.testing.assert_allclose(np.sort(steep), np.arange(9) / 8)
    np.testing.assert_array_equal(steep, flat)


def test_ties_share_their_middle_rank_and_nan_is_grey():
    figure = field_maps_figure(np.zeros((5, 2)), {"a": np.array([1.0, 1.0, 5.0, 9.0, np.nan])})
    grey, known = figure.axes[0].collections
    assert len(grey.get_offsets()) == 1
    np.testing.assert_allclose(np.sort(known.get_array()), [1 / 6, 1 / 6, 2 / 3, 1])


def test_many_points_are_sampled_and_the_figure_says_so(rng, monkeypatch):
    monkeypatch.setattr(module, "_MOST_POINTS", 10)
    figure = field_maps_figure(rng.normal(size=(30, 2)), {"a": rng.random(30)}, marked={"a": np.arange(4)})
    assert "10 of 30 points, at random" in figure.get_supxlabel()
    assert len(figure.axes[0].collections[2].get_offsets()) == 4  # marked rows are all drawn


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7])
def test_a_panel_for_each_field(rng, count):
    fields = {f"f{i}": rng.random(6) for i in range(count)}
    figure = field_maps_figure(rng.normal(size=(6, 2)), fields, title="all")
    assert [axes.get_title(loc="left") for axes in figure.axes[:-1]] == list(fields)


def test_a_sweep_has_a_panel_per_quantity_and_a_band_over_runs(rng):
    alpha = np.linspace(0, 1, 5)
    panels = {"purity": {"a": rng.random((3, 5)), "b": rng.random(5)}, "coverage": {"a": np.ones(5)}}
    figure = sweep_figure(alpha, panels, chosen=0.5)
    assert [len(axes.lines) for axes in figure.axes] == [3, 2]  # with the line at the chosen value
    assert [len(axes.collections) for axes in figure.axes] == [1, 0]
    np.testing.assert_allclose(figure.axes[0].lines[0].get_ydata(), panels["purity"]["a"].mean(axis=0))
    assert figure.axes[1].get_ylim() == (-0.05, 1.05)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b"]


def test_overlaps_are_written(rng):
    figure = overlap_figure(np.array([[1, 0, np.nan], [0, 1, 0.504], [np.nan, 0.504, 1]]), ["a", "b", "c"])
    assert [text.get_text() for text in figure.axes[0].texts] == ["1", "0", "0", "1", ".5", ".5", "1"]


def test_a_scatter_tells_both_correlations():
    x = np.arange(1.0, 30)
    figure = field_scatter_figure(x, np.exp(x), names=("x", "e"), groups=np.arange(29) % 3)
    title = figure.axes[0].get_title(loc="left")
    assert title.endswith("ρ = 1.000")
    assert title.startswith(f"r = {np.corrcoef(x, np.exp(x))[0, 1]:.3f}")
    assert len(np.unique(figure.axes[0].collections[0].get_facecolors(), axis=0)) == 3


def test_many_rows_are_counted_in_hexagons(rng, monkeypatch):
    monkeypatch.setattr(module, "_MOST_DOTS", 50)
    figure = field_scatter_figure(rng.random(60), rng.random(60), names=("a", "b"))
    assert figure.axes[0].collections[0].get_array().sum() == 60


def test_a_constant_field_has_no_correlation():
    figure = field_scatter_figure(np.ones(4), np.arange(4.0), names=("a", "b"))
    assert figure.axes[0].get_title(loc="left") == "r = nan · ρ = nan"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: field_maps_figure(np.zeros((3, 2)), {}), "at least one field"),
        (lambda: field_maps_figure(np.zeros((3, 2)), {"a": np.zeros(2)}), r"'a' has shape \(2,\)"),
        (lambda: sweep_figure(np.zeros(2), {}), "at least one panel"),
        (lambda: sweep_figure(np.zeros(2), {"p": {"c": np.zeros(3)}}), "2 values in curve 'c'"),
        (lambda: overlap_figure(np.zeros((2, 3)), ["a", "b"]), "each of 2 names"),
        (lambda: field_scatter_figure(np.zeros(2), np.zeros(3), names=("a", "b")), "'b' has shape"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ShapeError, match=message):
        call()
