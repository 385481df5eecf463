"""The page of a landscape says what it was given, and the tables behind it are right."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from latentatlas.data import Table
from latentatlas.landscape import find_minima
from latentatlas.report import LandscapeRun, compare_fields, landscape_contents, landscape_html
from latentatlas.report import landscape_run as module
from latentatlas.report.basin_tables import lowest_pass, minimum_columns, mixing, point_columns
from latentatlas.report.field_comparison import ALPHAS, FieldComparison
from latentatlas.report.landscape_words import basin_entries, landscape_words, stand_out

PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
EVIL = "<script>alert('x')</script>"
CHAIN = np.array([[1, 1], [0, 2], [1, 3], [2, 4], [3, 3]])
ENERGY = np.array([0.0, 2.0, 5.0, 3.0, 1.0])


@pytest.fixture
def table() -> Table:
    x = np.arange(10, dtype=np.float32).reshape(5, 2)
    kinds = np.array(["a", "a", "b", "b", "b"])
    return Table(x, ids=np.array([10, 11, 12, 13, 14]), label=kinds, metadata={"energy": np.arange(5)}, name="chain")


@pytest.fixture
def run(table) -> LandscapeRun:
    found = find_minima(ENERGY, CHAIN)
    return LandscapeRun(
        table=table,
        xy=np.arange(10.0).reshape(5, 2),
        map_name="two columns",
        landscape=found,
        whole=found,
        field_name="height",
        field_words="The field is height.",
        why="They are deep.",
        threshold=1.0,
        names=["a", "7"],
        named_by="label",
        comparison=FieldComparison(np.arange(5), {"height": ENERGY}, None, ("Too few rows.",)),
        settings={"neighbours": 2, "metric": "euclidean", "seed": 0, "seconds": 0.1, "features": 2},
        notes=("One more thing.",),
    )


class TestTables:
    def test_mixing_counts_neighbours_in_both_directions(self, run):
        share, other = mixing(run.landscape)  # basins 0 0 0 1 1: row 2 is beside 1 and 3, row 3 beside 2 and 4
        assert share.tolist() == [0, 0, 0.5, 0.5, 0]
        assert other.tolist() == [0, 0, 1, 0, 1]

    def test_the_lowest_pass(self, run):
        climb, behind = lowest_pass(run.landscape)
        assert (climb.tolist(), behind.tolist()) == ([5.0, 4.0], [1, 0])
        alone = find_minima(ENERGY[:1], np.array([[-1]]))
        assert [part.tolist() for part in lowest_pass(alone)] == [[np.inf], [-1]]

    def test_points(self, run, table):
        points = point_columns(table, run.xy, run.landscape, np.zeros(5))
        own = ["id", "x", "y", "energy", "basin", "ambiguity", "minimum", "prominence"]
        assert list(points) == [*own, "energy_", "label"]
        assert points["minimum"].tolist() == [True, False, False, False, True]
        assert points["prominence"][[0, 4]].tolist() == [np.inf, 4.0]
        assert np.isnan(points["prominence"][1:4]).all()

    def test_minima_hold_the_merge_tree(self, run, table):
        columns = minimum_columns(table, run.landscape, run.names)
        assert columns["id"].tolist() == [10, 14]
        assert columns["parent"].tolist() == [0, 0]
        assert columns["saddle_row"].tolist() == [-1, 2]
        assert columns["saddle_energy"].tolist() == [np.inf, 5.0]
        assert columns["size"].tolist() == [3, 2]

    def test_basins(self, run):
        first, second = basin_entries(run)
        assert (first["prominence"], first["climb"], first["neighbour"]) == (None, 5.0, "1 · label 7")
        assert (second["size"], second["share"], second["depth"]) == (2, 0.4, 1.0)
        assert first["labels"] == {"a": pytest.approx(2 / 3), "b": pytest.approx(1 / 3)}
        assert first["exemplars"] == ["ids 10, 11, 12"]


class TestWords:
    def test_how_many_and_why(self, run):
        assert stand_out(run) == "2 of 2 true minima stand out. They are deep."
        assert (
            "2 rows (40.0%) have at least half" in landscape_words(run, np.array([0, 0, 0.5, 0.5, 0]))["ambiguous"][0]
        )

    def test_a_flat_field(self, run):
        flat = find_minima(np.zeros(5), CHAIN)
        assert "one value on all rows" in stand_out(_with(run, landscape=flat, whole=flat, names=[""]))

    def test_parts_are_told(self, run):
        apart = find_minima(ENERGY, np.array([[1], [0], [1], [4], [3]]))
        words = landscape_words(_with(run, landscape=apart, whole=apart), np.zeros(5))
        assert "falls into 2 parts" in " ".join(words["joins"])

    def test_purity_is_never_without_coverage(self, run):
        fields = {"density": ENERGY, "roughness": ENERGY[::-1]}
        compared = FieldComparison(np.arange(5), fields, np.array([0, 0, 1, 1, 1]))
        told = " ".join(landscape_words(_with(run, comparison=compared), np.zeros(5))["fields"])
        assert "Read it beside coverage" in told


class TestPage:
    def test_everything_is_there(self, run):
        contents = landscape_contents(run)
        page = contents.report
        assert not re.search(r"https?://|<script|<link|@import|url\(", page)
        for text in (
            "Landscape of chain",
            "They are deep.",
            "1 · label 7",
            "no end",
            "One more thing.",
            "Too few rows.",
        ):
            assert text in page
        assert contents.picture.startswith(b"\x89PNG")
        assert contents.landscape["barriers"].tolist() == [[0.0, 5.0], [5.0, 1.0]]
        assert json.loads(json.dumps(contents.spec["landscape"]))["minima"] == 2

    def test_all_text_is_escaped(self):
        basin = {"number": 0, "name": EVIL, "size": 1, "share": 1.0, "prominence": None, "depth": 0.0, "climb": None}
        page = landscape_html(
            title=EVIL,
            facts={EVIL: EVIL},
            words={"lead": [EVIL], "remarks": [EVIL], "fields": [EVIL]},
            figures={"map": {EVIL: PNG}},
            basins=[{**basin, "neighbour": EVIL, "labels": {EVIL: 1.0}, "exemplars": [EVIL]}],
            ambiguous=[{"id": EVIL, "basin": EVIL, "other": EVIL, "share": 0.5}],
            spec={"x": EVIL},
        )
        assert "<script" not in page
        assert page.count("&lt;script&gt;") >= 12

    def test_many_basins_are_cut_and_counted(self, run):
        basins = [{**basin_entries(run)[0], "number": number} for number in range(70)]
        page = landscape_html(title="", facts={}, words={}, figures={}, basins=basins, ambiguous=[], spec={})
        assert "10 more basins" in page


class TestComparison:
    def test_blends_go_from_roughness_to_the_field(self, rng):
        x = np.concatenate([rng.normal(size=(60, 5)), rng.normal(6, 1, size=(60, 5))]).astype(np.float32)
        compared = compare_fields(x, own=("density", rng.random(120)), label=np.repeat(["a", "b"], 60))
        assert list(compared.fields) == ["density", "diffusion", "mixing", "roughness"]
        sweep = compared.sweep()
        assert len(sweep) == 4
        assert sweep["shared with the field alone (Jaccard)"]["density"][-1] == 1.0
        assert {len(curve) for curves in sweep.values() for curve in curves.values()} == {len(ALPHAS)}
        overlap, names = compared.overlaps()
        assert len(names) == 7
        np.testing.assert_array_equal(np.diag(overlap), 1)
        np.testing.assert_array_equal(overlap, overlap.T)

    def test_what_the_rows_do_not_allow_is_left_out_with_the_reason(self, rng):
        compared = compare_fields(rng.normal(size=(60, 1)).astype(np.float32), own=("density", rng.random(60)))
        assert "roughness" not in compared.fields
        assert any("'roughness' is left out" in reason for reason in compared.left_out)
        zero = np.zeros((40, 3), np.float32)
        zero[1:] = rng.normal(size=(39, 3))
        assert any(
            "1 of 40 rows are zero" in reason
            for reason in compare_fields(zero, own=("density", rng.random(40))).left_out
        )

    def test_many_rows_are_sampled(self, rng):
        x = rng.normal(size=(90, 3)).astype(np.float32)
        energy = rng.random(90)
        compared = compare_fields(x, own=("density", energy), most_rows=40)
        assert len(compared.rows) == 40
        np.testing.assert_array_equal(compared.fields["density"], energy[compared.rows])

    def test_few_rows(self, rng):
        compared = compare_fields(np.eye(3, dtype=np.float32), own=("density", np.arange(3.0)))
        assert list(compared.fields) == ["density"]
        assert "too few rows (3)" in compared.left_out[0]


def _with(run: LandscapeRun, **changes) -> LandscapeRun:
    return module.LandscapeRun(**{**{name: getattr(run, name) for name in run.__dataclass_fields__}, **changes})
