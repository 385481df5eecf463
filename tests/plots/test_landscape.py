"""Energy maps, barriers, merge trees and prominences: what is counted, named and joined."""

from __future__ import annotations

import numpy as np
import pytest

from latentatlas.core import ShapeError
from latentatlas.plots import barrier_figure, energy_map_figure, merge_tree_figure, png_bytes, prominence_figure
from latentatlas.plots.tree import joins

INF = np.inf
CHAIN = np.array([[0.0, 4, 6], [4, 1, 6], [6, 6, 2]])  # 0 and 1 meet at 4, then 2 at 6
DEPTH = np.array([0.0, 1.0, 2.0])


def _texts(figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


class TestJoins:
    def test_by_hand(self):
        first, second = joins(DEPTH, CHAIN)
        assert (first.height, first.survivor, first.ended, first.climb) == (4.0, 0, 1, 3.0)
        assert (second.height, second.survivor, second.ended, second.climb) == (6.0, 0, 2, 4.0)

    def test_parts_without_a_way_are_not_joined(self):
        apart = np.where(np.eye(3, dtype=bool), DEPTH[:, None], INF)
        assert joins(DEPTH, apart) == []

    def test_ties_take_the_shortest_line(self):
        places = np.array([[0.0, 0], [1, 0], [1.1, 0]])
        assert (joins(DEPTH, CHAIN, places=places)[1].first, joins(DEPTH, CHAIN)[1].first) == (1, 0)

    def test_the_deepest_survives_whatever_its_number(self):
        (join,) = joins(np.array([5.0, 1.0]), np.array([[5.0, 7], [7, 1]]))
        assert (join.survivor, join.ended, join.climb) == (1, 0, 2.0)

    def test_a_join_for_all_but_one(self, rng):
        path = rng.random(20)
        heights = np.maximum.outer(path, path) + 1
        assert len(joins(rng.random(20), heights)) == 19


class TestEnergyMap:
    def test_minima_are_numbered_by_prominence(self, rng):
        figure = energy_map_figure(rng.normal(size=(40, 2)), rng.random(40), minima=np.array([7, 3, 11]))
        assert _texts(figure) == ["0", "1", "2"]
        assert "40 points · 3 minima" in figure.axes[0].get_xlabel()

    def test_no_number_covers_another(self, rng):
        xy = np.concatenate([rng.normal(size=(200, 2)), 0.01 * rng.normal(size=(12, 2))])
        figure = energy_map_figure(xy, rng.random(212), minima=np.arange(200, 212))
        png_bytes(figure, dpi=100)
        boxes = [text.get_bbox_patch().get_window_extent() for text in figure.axes[0].texts]
        assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])

    def test_of_many_minima_thirty_are_numbered_and_it_says_so(self, rng):
        figure = energy_map_figure(rng.normal(size=(90, 2)), rng.random(90), minima=np.arange(45))
        assert len(_texts(figure)) == 30
        assert "30 most prominent of 45 minima" in figure.axes[0].get_xlabel()

    def test_basins_are_outlined(self, rng):
        basins = np.repeat([0, 1], 100)
        xy = rng.normal(size=(200, 2)) + 8 * basins[:, None]
        arguments = {"minima": np.array([0, 100])}
        plain = energy_map_figure(xy, basins * 1.0, **arguments)
        outlined = energy_map_figure(xy, basins * 1.0, basins=basins, **arguments)
        assert len(outlined.axes[0].collections) > len(plain.axes[0].collections)
        assert "densest half of each basin" in outlined.axes[0].get_xlabel()

    @pytest.mark.parametrize("n", [1, 2])
    def test_few_rows(self, n):
        assert _texts(energy_map_figure(np.zeros((n, 2)), np.zeros(n), minima=np.array([0]), basins=np.zeros(n, int)))

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"energy": np.zeros(3)}, "one energy per point"),
            ({"basins": np.zeros(3, int)}, "one basins per point"),
            ({"minima": np.array([4])}, "row numbers below 4"),
            ({"minima": np.array([], int)}, "one or more row numbers"),
            ({"minima": np.array([0.5])}, "row numbers"),
        ],
    )
    def test_bad_input(self, change, message):
        arguments = {"energy": np.zeros(4), "minima": np.array([0]), **change}
        with pytest.raises(ShapeError, match=message):
            energy_map_figure(np.zeros((4, 2)), arguments.pop("energy"), **arguments)


class TestBarriers:
    def test_climbs_stand_on_the_lines(self, rng):
        xy = rng.normal(size=(50, 2)) * 10
        xy[:3] = [[0, 0], [30, 0], [0, 30]]
        figure = barrier_figure(xy, np.arange(3), depth=DEPTH, heights=CHAIN)
        assert _texts(figure) == ["3", "4", "0", "1", "2"]

    def test_parts_are_counted(self, rng):
        apart = np.where(np.eye(3, dtype=bool), 0, INF)
        figure = barrier_figure(rng.normal(size=(9, 2)), np.arange(3), depth=DEPTH, heights=apart)
        assert "3 parts with no way between them" in figure.axes[0].get_xlabel()

    def test_one_basin(self, rng):
        figure = barrier_figure(rng.normal(size=(9, 2)), np.array([4]), depth=np.zeros(1), heights=np.zeros((1, 1)))
        assert _texts(figure) == ["0"]
        assert "1 minimum" in figure.axes[0].get_xlabel()

    def test_matching_arrays_are_wanted(self):
        with pytest.raises(ShapeError, match="one depth, one row of heights"):
            barrier_figure(np.zeros((4, 2)), np.arange(3), depth=DEPTH, heights=CHAIN[:2])


class TestMergeTree:
    def test_lines_go_from_minimum_to_saddle(self):
        axes = merge_tree_figure(DEPTH, CHAIN, names=list("abc")).axes[0]
        lengths = [segment[1][0] - segment[0][0] for line in axes.collections for segment in line.get_segments()]
        assert lengths[1:3] == [3.0, 4.0]  # prominence of b and c
        assert [tick.get_text() for tick in axes.get_yticklabels()] == ["a", "b", "c"]

    def test_no_lines_cross(self, rng):
        """Parts that join lie side by side, so a vertical line meets only lines that have ended."""
        depth = rng.random(15)
        heights = np.maximum.outer(depth, depth) + rng.random()
        order = [int(t.get_text()) for t in merge_tree_figure(depth, heights).axes[0].get_yticklabels()]
        found = joins(depth, heights)
        parts = {leaf: {leaf} for leaf in range(15)}
        for join in found:
            parts[join.survivor] |= parts.pop(join.ended)
            places = sorted(order.index(leaf) for leaf in parts[join.survivor])
            assert places == list(range(places[0], places[0] + len(places)))

    def test_many_are_cut_and_counted(self, rng):
        figure = merge_tree_figure(np.zeros(45), np.ones((45, 45)))
        assert len(figure.axes[0].get_yticklabels()) == 40
        assert "40 most prominent of 45" in figure.axes[0].get_xlabel()

    def test_long_names_are_cut(self):
        figure = merge_tree_figure(DEPTH[:1], CHAIN[:1, :1], names=["word " * 30])
        assert len(figure.axes[0].get_yticklabels()[0].get_text()) <= 34

    def test_bad_input(self):
        with pytest.raises(ShapeError, match="one name for each"):
            merge_tree_figure(DEPTH, CHAIN, names=["a"])
        with pytest.raises(ShapeError, match="one or more minima"):
            merge_tree_figure(np.empty(0), np.empty((0, 0)))


class TestProminence:
    def test_those_that_stand_out_are_coloured(self):
        kept = np.array([True, True, False])
        right = prominence_figure(DEPTH, np.array([INF, 2.0, 0.1]), kept=kept, threshold=1.0).axes[1]
        colours = [bar.get_facecolor() for bar in right.patches]
        assert colours[0] == colours[1] != colours[2]
        assert [bar.get_width() for bar in right.patches[1:]] == [2.0, 0.1]
        assert right.patches[0].get_width() > 2.0  # without end

    def test_the_diagram_holds_all(self, rng):
        left = prominence_figure(np.arange(60.0), np.ones(60), kept=np.arange(60) < 5).axes[0]
        assert sum(len(dots.get_offsets()) for dots in left.collections) == 60

    def test_a_flat_field(self):
        assert png_bytes(prominence_figure(np.zeros(1), np.array([INF]), kept=np.array([True]), threshold=0.0))

    def test_matching_arrays_are_wanted(self):
        with pytest.raises(ShapeError, match="3 depths, 2 prominences"):
            prominence_figure(DEPTH, np.ones(2), kept=np.ones(3, bool))
