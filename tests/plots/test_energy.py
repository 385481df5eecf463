"""The three pictures of an energy, still and to be turned."""

from __future__ import annotations

import re
import sys

import numpy as np
import pytest

from latentatlas.core import ShapeError, SpecError
from latentatlas.plots import (
    descent_figure,
    descent_page,
    distance_figure,
    distance_page,
    energy_map_page,
    png_bytes,
    surface_figure,
    surface_page,
)
from latentatlas.plots.energy import height_at, same_end

X, Y = np.linspace(-2, 2, 21), np.linspace(-1, 1, 11)
BOWL = np.add.outer(Y**2, X**2)
PATHS = np.linspace(1, 0, 6)[:, None, None] * np.array([[1.0, 0.5], [-1.5, 0.5]])
CURVES = {"β = 1": X**2, "β = 9": 9 * X**2}


def test_prototypes_stand_on_the_surface():
    assert height_at(X, Y, BOWL, np.array([[1.0, -1.0], [0.0, 0.0], [9.0, 0.0]])).tolist() == [2.0, 0.0, 4.0]
    figure = surface_figure(X, Y, BOWL, prototypes=np.zeros((1, 2)))
    on_surface = figure.axes[0].lines[1].get_data_3d()
    assert [float(axis[0]) for axis in on_surface] == [0.0, 0.0, 0.0]


def test_curves_are_named_from_the_highest_end_down():
    figure = distance_figure(X, CURVES)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["β = 9", "β = 1"]


def test_trajectories_of_one_end_have_one_colour():
    axes = descent_figure(X, Y, BOWL, PATHS, minima=np.zeros((1, 2))).axes[0]
    assert axes.lines[0].get_color() == axes.lines[3].get_color()
    assert "cross: minimum" in axes.get_xlabel()
    apart = PATHS + np.array([[0.0, 0.0], [0.5, 0.0]])
    lines = descent_figure(X, Y, BOWL, apart).axes[0].lines
    assert lines[0].get_color() != lines[3].get_color()


def test_ends_are_grouped():
    assert same_end(np.array([[0.0, 0], [5, 5], [0.05, 0], [5, 5.05]]), within=0.1).tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize("draw", [surface_figure, surface_page])
def test_a_grid_is_wanted(draw):
    with pytest.raises(ShapeError, match=r"\(up, across\)"):
        draw(X, Y, BOWL.T)


@pytest.mark.parametrize("draw", [descent_figure, descent_page])
def test_recorded_paths_are_wanted(draw):
    with pytest.raises(ShapeError, match=r"paths \(steps, n, 2\)"):
        draw(X, Y, BOWL, PATHS[0])


@pytest.mark.parametrize("draw", [distance_figure, distance_page])
def test_curves_are_wanted(draw):
    for curves in ({}, {"a": X[:3]}):
        with pytest.raises(ShapeError, match="one or more curves"):
            draw(X, curves)


def test_points_of_the_plane_are_wanted():
    with pytest.raises(ShapeError, match="points of the plane"):
        surface_figure(X, Y, BOWL, prototypes=np.zeros((1, 3)))


def test_still_pictures_are_drawn():
    for figure in (surface_figure(X, Y, BOWL), distance_figure(X, CURVES), descent_figure(X, Y, BOWL, PATHS)):
        assert png_bytes(figure, dpi=40).startswith(b"\x89PNG")


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    pytest.importorskip("plotly")
    evil = np.array(["</script><script>alert(1)</script>", "<b>b</b>"])
    return {
        "surface": surface_page(X, Y, BOWL, prototypes=np.zeros((1, 2)), title="A <bowl>"),
        "distance": distance_page(X, CURVES),
        "descent": descent_page(X, Y, BOWL, PATHS, minima=np.zeros((1, 2))),
        "map": energy_map_page(np.eye(2), np.arange(2.0), minima=np.array([0]), basins=np.zeros(2, int), ids=evil),
    }


def test_pages_bring_their_code_along(pages):
    for page in pages.values():
        assert 4e6 < len(page) < 8e6
        assert not re.search(r"<(script|link)[^>]+(src|href)=", page)


def test_no_button_sends_data_away(pages):
    for page in pages.values():
        config = page[page.rindex("displaylogo") - 5 :]
        assert "sendChartToCloud" in config[: config.index("]")]


def test_text_is_escaped(pages):
    assert "<title>A &lt;bowl&gt;</title>" in pages["surface"]
    assert "<script>alert" not in pages["map"]


def test_a_map_of_many_points_says_that_it_is_a_sample(monkeypatch, rng):
    pytest.importorskip("plotly")
    monkeypatch.setattr("latentatlas.plots.interactive._MOST_POINTS", 10)
    page = energy_map_page(rng.normal(size=(30, 2)), rng.random(30), minima=np.array([29]), title="Map")
    assert "Map (10 of 30 points, at random)" in page


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "plotly", None)
    with pytest.raises(SpecError, match=r"plotly; it is not installed. Install it: pip install 'latentatlas\[inter"):
        surface_page(X, Y, BOWL)
