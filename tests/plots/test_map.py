"""Figures are looked at by people; here stands what can be counted: points, names, colours, sizes."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from latentatlas.core import DataError, ShapeError
from latentatlas.plots import map as module
from latentatlas.plots import map_figure, png_bytes
from latentatlas.plots.style import CATEGORY_COLOURS


def _points_drawn(figure) -> int:
    return sum(len(collection.get_offsets()) for collection in figure.axes[0].collections)


def _names(figure) -> set[str]:
    return {text.get_text() for text in figure.axes[0].texts}


def _legend_names(figure) -> list[str]:
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def _islands(rng, categories: int, each: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """Categories on a grid, far enough apart for their names."""
    codes = np.repeat(np.arange(categories), each)
    centres = np.stack([codes % 8, codes // 8], axis=1) * 10.0
    return centres + rng.normal(size=centres.shape), codes


@pytest.mark.parametrize("n", [1, 2, 200])
def test_every_point_is_drawn(rng, n):
    assert _points_drawn(map_figure(rng.normal(size=(n, 2)))) == n


def test_one_unit_is_the_same_in_both_directions(rng):
    axes = map_figure(rng.normal(size=(50, 2)) * [10, 1]).axes[0]
    assert axes.get_aspect() == 1.0
    assert len(axes.get_xticks()) == len(axes.get_yticks()) == 0


def test_a_million_points_are_sampled_and_the_figure_says_so(rng, monkeypatch):
    monkeypatch.setattr(module, "_MOST_POINTS", 100)
    figure = map_figure(rng.normal(size=(1000, 2)))
    assert _points_drawn(figure) == 100
    assert figure.axes[0].get_xlabel() == "100 of 1,000 points, at random"


def test_more_points_are_smaller_and_lighter(rng):
    small, large = (map_figure(rng.normal(size=(n, 2))).axes[0].collections[0] for n in (200, 50_000))
    assert large.get_sizes()[0] < small.get_sizes()[0] / 10
    assert large.get_alpha() < small.get_alpha()


class TestCategories:
    def test_names_stand_on_the_medians(self, rng):
        xy, codes = _islands(rng, 3)
        figure = map_figure(xy, colour=codes, labels=["a", "b", "c"])
        assert _names(figure) == {"a", "b", "c"}
        for text in figure.axes[0].texts:
            median = np.median(xy[codes == "abc".index(text.get_text())], axis=0)
            np.testing.assert_allclose(text.get_position(), median, atol=1e-6)

    def test_each_has_its_colour(self, rng):
        xy, codes = _islands(rng, 20)
        (dots,) = map_figure(xy, colour=codes).axes[0].collections
        assert len(np.unique(dots.get_facecolors(), axis=0)) == 20 == len(set(CATEGORY_COLOURS))

    @pytest.mark.parametrize("colour", [np.array(["x", "y"]), np.array([True, False]), np.array([7, 9])])
    def test_text_truth_and_integers(self, rng, colour):
        xy, codes = _islands(rng, 2)
        assert _names(map_figure(xy, colour=colour[codes])) == {str(value) for value in colour}

    def test_long_names_go_to_a_legend(self, rng):
        xy, codes = _islands(rng, 2)
        figure = map_figure(xy, colour=codes, labels=["short", "a name that is longer than the others"])
        assert _names(figure) == set()
        assert _legend_names(figure) == ["short", "a name that is longer\nthan the others"]

    def test_crowded_names_go_to_a_legend(self, rng):
        figure = map_figure(rng.normal(size=(2000, 2)), colour=np.arange(2000) % 15)
        assert _names(figure) == set()
        assert len(_legend_names(figure)) == 15

    def test_two_names_in_one_place_do_not_overlap(self, rng):
        xy = rng.normal(size=(400, 2))
        first, second = map_figure(xy, colour=np.arange(400) % 2, labels=["one", "two"]).axes[0].texts
        assert not first.get_window_extent().overlaps(second.get_window_extent())

    def test_of_many_the_largest_are_named(self, rng):
        xy, codes = _islands(rng, 30)
        xy, codes = np.concatenate([xy, xy[codes == 29] + 0.1]), np.concatenate([codes, np.full(20, 29)])
        figure = map_figure(xy, colour=codes)
        assert "29" in _names(figure)
        assert len(_names(figure)) == 20
        assert figure.axes[0].get_xlabel().endswith("10 smaller categories in grey")

    def test_missing_is_grey_and_unnamed(self, rng):
        xy, codes = _islands(rng, 2)
        codes[:5] = -1
        figure = map_figure(xy, colour=codes)
        assert _names(figure) == {"0", "1"}
        assert [len(dots.get_offsets()) for dots in figure.axes[0].collections] == [5, 35]
        text = np.array(["a", None], dtype=object)[codes.clip(0)]
        assert _names(map_figure(xy, colour=text)) == {"a"}

    def test_a_category_without_a_label(self, rng):
        with pytest.raises(DataError, match="2 labels but a category 2"):
            map_figure(rng.normal(size=(3, 2)), colour=np.arange(3), labels=["a", "b"])


class TestNumbers:
    def test_bar_with_name_and_robust_limits(self, rng):
        values = np.append(rng.random(998), [1e6, np.nan])
        figure = map_figure(rng.normal(size=(1000, 2)), colour=values, colour_name="energy")
        axes, bar = figure.axes
        assert bar.get_ylabel() == "energy"
        grey, dots = axes.collections
        assert (len(grey.get_offsets()), len(dots.get_offsets())) == (1, 999)
        assert bar.get_ylim()[1] < 1.1

    def test_integers_with_many_values_are_numbers(self, rng):
        assert len(map_figure(rng.normal(size=(100, 2)), colour=np.arange(100)).axes) == 2

    def test_all_missing(self, rng):
        assert _points_drawn(map_figure(rng.normal(size=(5, 2)), colour=np.full(5, np.nan))) == 5


def test_low_trust_is_faint(rng):
    figure = map_figure(rng.normal(size=(3, 2)), trust=np.array([1.0, 0.75, 0.2]))
    assert sorted(figure.axes[0].collections[0].get_alpha()) == pytest.approx([0.9 * 0.12, 0.9 * 0.56, 0.9])
    assert "faint where trust is low" in figure.axes[0].get_xlabel()


@pytest.mark.parametrize(
    ("xy", "options", "error", "message"),
    [
        (np.zeros((4, 3)), {}, ShapeError, r"\(n, 2\); got shape \(4, 3\)"),
        (np.array([[0, 0], [0, np.inf]]), {}, DataError, "row 1 is"),
        (np.zeros((4, 2)), {"colour": np.zeros(3)}, ShapeError, r"one colour value per point \(4\)"),
        (np.zeros((4, 2)), {"trust": np.zeros(3)}, ShapeError, r"one trust value per point \(4\)"),
    ],
)
def test_bad_input(xy, options, error, message):
    with pytest.raises(error, match=message):
        map_figure(xy, **options)


def test_png_is_white_repeatable_and_of_the_asked_size(rng):
    xy = rng.normal(size=(300, 2))
    first, second = (png_bytes(map_figure(xy, title="Map"), dpi=100) for _ in range(2))
    assert first == second
    with Image.open(io.BytesIO(first)) as image:
        assert image.size[0] == 800
        assert image.convert("RGB").getpixel((1, 1)) == (255, 255, 255)


def test_no_global_state_is_touched():
    code = (
        "import sys, numpy as np\n"
        "from latentatlas.plots import map_figure, png_bytes\n"
        "assert 'matplotlib' not in sys.modules\n"
        "png_bytes(map_figure(np.zeros((3, 2)), colour=np.arange(3)), dpi=20)\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
