"""Ways down and passes, on a valley drawn by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latentatlas.core import DataError
from latentatlas.server.explorer import Explorer
from latentatlas.server.terrain import Terrain
from latentatlas.store import RunContents, open_run, write_run

# Two hollows on a line, at rows 1 and 5, and a pass at row 3; row 6 is higher again.
ENERGY = np.array([2.0, 0.0, 1.0, 3.0, 2.5, 1.5, 4.0])
BASIN = np.array([0, 0, 0, 0, 1, 1, 1])
NAMES = ["energy", "basin"]


@pytest.fixture
def valley(tmp_path: Path) -> Path:
    near = np.array([[1, -1], [0, 2], [1, 3], [2, 4], [3, 5], [4, 6], [5, -1]], np.int32)
    points = {"id": np.arange(7), "x": np.arange(7.0), "y": np.zeros(7), "energy": ENERGY, "basin": BASIN}
    graph = {"latent": {"indices": near, "distances": np.ones(near.shape, np.float32)}}
    return write_run(tmp_path / "valley", RunContents(spec={}, points=points, graph=graph)).path


def test_a_way_goes_down_and_ends_at_a_minimum(valley: Path):
    terrain = Terrain(open_run(valley), NAMES)
    assert terrain.way_down(0) == [0, 1]
    assert terrain.way_down(3) == [3, 2, 1]
    assert terrain.way_down(4) == [4, 5]
    assert terrain.way_down(5) == [5]
    assert terrain.way_down(6) == [6, 5]


def test_the_pass_between_two_hollows(valley: Path):
    (found,) = Terrain(open_run(valley), NAMES).passes
    assert (found.basins, found.saddle, found.energy, found.above) == ((0, 1), 3, 3.0, (3.0, 1.5))
    assert found.way == [1, 2, 3, 4, 5]


def test_the_lower_of_two_crossings_is_the_pass(valley: Path):
    contents = open_run(valley)
    near = np.array(contents.graph("latent")["indices"])
    near[6, 1] = 2  # from 6, at 4, into the other basin: higher than the pass at 3
    points = contents.points()
    graph = {"latent": {"indices": near, "distances": np.ones(near.shape, np.float32)}}
    run = write_run(valley.with_name("two"), RunContents(spec={}, points=points, graph=graph))
    assert [each.saddle for each in Terrain(run, NAMES).passes] == [3]


def test_each_side_of_a_pass_stays_in_its_basin(valley: Path):
    contents = open_run(valley)
    points = {
        **contents.points(),
        "basin": np.array([0, 0, 0, 0, 0, 1, 1]),
        "energy": [3.0, 2.0, 2.5, 2.6, 1.0, 0.5, 0.0],
    }
    graph = {"latent": dict(contents.graph("latent"))}
    run = write_run(valley.with_name("border"), RunContents(spec={}, points=points, graph=graph))
    terrain = Terrain(run, NAMES)
    assert terrain.way_down(3) == [3, 4, 5, 6]  # over the border of the basins
    (found,) = terrain.passes
    assert (found.saddle, found.way) == (4, [4, 5, 6])


def test_equal_energies_end(valley: Path):
    contents = open_run(valley)
    points = {**contents.points(), "energy": np.zeros(7)}
    graph = {"latent": dict(contents.graph("latent"))}
    run = write_run(valley.with_name("flat"), RunContents(spec={}, points=points, graph=graph))
    terrain = Terrain(run, NAMES)
    assert terrain.way_down(6)[-1] == 0
    assert terrain.passes[0].above == (0.0, 0.0)


def test_ways_in_a_sample_have_the_numbers_of_all_rows(make: Any, tmp_path: Path):
    part, sampled = make(np.random.default_rng(0), rows=30), np.arange(0, 60, 2)
    whole = make(np.random.default_rng(0))
    run = write_run(tmp_path / "run", replace(whole, graph=part.graph, sampled=sampled, patterns=part.patterns))
    terrain = Terrain(run, NAMES)
    assert all(row % 2 == 0 for row in terrain.way_down(4))
    assert set(terrain.below[1::2]) == {-1}
    with pytest.raises(DataError, match="row 5"):
        terrain.way_down(5)


def test_energies_fall_along_every_way(run: Path, client: Any):
    energy = open_run(run).points()["energy"]
    for row in range(0, 60, 7):
        way = client.get(f"/api/terrain/{row}").json
        assert way[0] == row
        assert (np.diff(energy[way]) <= 0).all()
    passes = client.get("/api/terrain").json
    assert passes == sorted(passes, key=lambda each: each["energy"])
    for each in passes:
        assert energy[each["saddle"]] == pytest.approx(each["energy"])
        assert each["saddle"] in each["way"]
        assert max(energy[each["way"]]) == pytest.approx(each["energy"])
        assert min(each["above"]) >= 0


def test_rows_that_do_not_exist(client: Any):
    for row in ("60", "-1"):
        assert client.get(f"/api/terrain/{row}").status == 400
    assert client.get("/api/terrain/top").status == 422


def test_without_energies_or_graph_there_is_no_terrain(tmp_path: Path):
    points = {"id": np.arange(3), "x": np.zeros(3), "y": np.zeros(3), "energy": np.zeros(3), "basin": np.zeros(3, int)}
    explorer = Explorer(write_run(tmp_path / "run", RunContents(spec={}, points=points)).path)
    assert explorer.overview()["terrain"] is False
    with pytest.raises(DataError, match="Fit an atlas"):
        explorer.terrain.way_down(0)
