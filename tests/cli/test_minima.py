"""`latentatlas minima`: from a source to a report, and what it says of rows that cannot be used."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas
import pytest

from latentatlas.store import open_run


@pytest.fixture(autouse=True)
def few_pictures(request, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures take seconds; one test draws them."""
    if "drawn" not in request.fixturenames:
        monkeypatch.setattr("latentatlas.report.landscape_run.landscape_figures", lambda _: {"map": {"": b"\x89PNG"}})


@pytest.fixture
def drawn() -> None:
    """Marks the test that draws."""


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "landscape"


def _rows(tmp_path: Path, x) -> Path:
    path = tmp_path / "rows.npy"
    np.save(path, np.asarray(x, dtype=float))
    return path


def test_a_file_with_labels(latentatlas, csv, out):
    outcome = latentatlas("minima", csv, "--out", out, "--id", "name", "--label", "kind")
    assert outcome.code == 0, outcome
    for part in ("Basins of items", "apple", "pear", "plum", "no end"):
        assert part in outcome.out
    assert "120 rows × 7 features" in outcome.message
    assert "3 of" in outcome.message
    assert "report.htmlinabrowser" in outcome.message.replace(" ", "")  # a long path is broken
    run = open_run(out)
    points = run.points()
    for basin, name in enumerate(run.landscape()["minima"]["name"]):
        assert (points["label"][points["basin"] == basin] == name).mean() > 0.95
    assert points["id"][0] == "item 0"
    assert points["minimum"].sum() == 3
    assert run.spec["landscape"]["field"] == "density"


def test_for_programs(latentatlas, csv, out):
    outcome = latentatlas("minima", csv, "--out", out, "--label", "kind", "--json")
    assert outcome.err == ""
    found = outcome.json
    assert (found["run"], found["rows"], found["field"], found["named_by"]) == (str(out), 120, "density", "label")
    assert [minimum["number"] for minimum in found["minima"]] == [0, 1, 2]
    assert sum(minimum["size"] for minimum in found["minima"]) == 120
    assert found["minima"][0]["prominence"] is None
    assert found["threshold"] > 0


def test_the_same_twice(latentatlas, csv, tmp_path):
    for name in ("a", "b"):
        latentatlas("minima", csv, "--out", tmp_path / name, "--field", "blend")
    first, second = (open_run(tmp_path / name).points() for name in ("a", "b"))
    for name, column in first.items():
        np.testing.assert_array_equal(column, second[name])


@pytest.mark.usefixtures("drawn")
def test_the_report(latentatlas, csv, out):
    assert latentatlas("minima", csv, "--out", out, "--label", "kind").code == 0
    run = open_run(out)
    page = run.file("report.html").read_text()
    assert page.count("data:image/png") == 11
    for words in ("Which minima stand out", "apple", "coverage", "Merge tree", "Jaccard"):
        assert words in page
    assert run.file("map.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("field", ["density", "rayleigh", "diffusion", "blend"])
def test_every_field(latentatlas, csv, out, field):
    found = latentatlas("minima", csv, "--out", out, "--field", field, "--json").json
    energy = open_run(out).points(["energy"])["energy"]
    assert np.isfinite(energy).all()
    assert np.ptp(energy) > 0
    assert 1 <= len(found["minima"]) <= found["true_minima"]


def test_blends_end_in_their_fields(latentatlas, csv, tmp_path):
    for name, options in {
        "d": ("--field", "density"), "b1": ("--field", "blend", "--alpha", 1),
        "r": ("--field", "rayleigh"), "b0": ("--field", "blend", "--alpha", 0),
    }.items():  # fmt: skip
        latentatlas("minima", csv, "--out", tmp_path / name, *options)
    order = {
        name: np.argsort(open_run(tmp_path / name).points(["energy"])["energy"]) for name in ("d", "b1", "r", "b0")
    }
    np.testing.assert_array_equal(order["d"], order["b1"])
    np.testing.assert_array_equal(order["r"], order["b0"])


@pytest.mark.parametrize("scale", [1e-6, 1e6])
@pytest.mark.parametrize("field", ["density", "rayleigh", "diffusion"])
def test_the_unit_does_not_matter(latentatlas, tmp_path, rng, scale, field):
    x = rng.normal(size=(80, 4)) + 1
    for name, factor in (("one", 1), ("other", scale)):
        source = tmp_path / f"{name}.npy"
        np.save(source, x * factor)
        latentatlas("minima", source, "--out", tmp_path / name, "--field", field)
    first, second = (open_run(tmp_path / name).points(["energy", "basin"]) for name in ("one", "other"))
    np.testing.assert_array_equal(first["basin"], second["basin"])
    np.testing.assert_allclose(first["energy"], second["energy"], rtol=1e-3, atol=1e-3)


def test_a_number_of_basins(latentatlas, csv, tmp_path, rng, out):
    source = _rows(tmp_path, np.repeat(3 * np.eye(3), 100, axis=0) + rng.normal(size=(300, 3)))
    outcome = latentatlas("minima", source, "--out", out, "--basins", 2)
    assert "2 were asked for; minima joined" in outcome.message
    assert len(open_run(out).landscape()["minima"]["row"]) == 2
    assert "has no more minima" in latentatlas("minima", source, "--out", out, "--basins", 99, "--overwrite").message
    apart = latentatlas("minima", csv, "--out", out, "--basins", 2, "--overwrite")  # its clusters have no edge between
    assert "the neighbour graph has 3 parts with no way" in apart.message


def test_a_prominence(latentatlas, csv, out):
    assert len(latentatlas("minima", csv, "--out", out, "--prominence", 1e9, "--json").json["minima"]) <= 3
    every = latentatlas("minima", csv, "--out", out, "--overwrite", "--prominence", 0, "--json").json
    assert len(every["minima"]) == every["true_minima"]


def test_names_from_a_column(latentatlas, csv, out):
    found = latentatlas("minima", csv, "--out", out, "--name-by", "kind", "--json").json
    assert found["named_by"] == "kind"
    assert {minimum["name"] for minimum in found["minima"]} == {"apple", "pear", "plum"}


def test_names_from_texts_and_from_numbers(latentatlas, tmp_path, frame, out):
    words = {"apple": "crisp green orchard", "pear": "soft yellow juice", "plum": "dark sweet stone"}
    said = [f"a {words[kind]} today {number}" for number, kind in enumerate(frame["kind"])]
    codes = frame["kind"].map({"apple": 1, "pear": 2, "plum": 3})
    source = tmp_path / "texts.csv"
    frame.drop(columns="kind").assign(said=said, code=codes).to_csv(source, index=False)
    found = latentatlas("minima", source, "--out", out, "--name-by", "said", "--json").json
    assert any({"crisp", "green", "orchard"} <= set(m["name"].split(", ")) for m in found["minima"])
    outcome = latentatlas("minima", source, "--out", out, "--overwrite", "--name-by", "code")
    assert "120 rows × 8 features" in outcome.message  # as read, with the code
    run = open_run(out)
    assert "code" not in run.spec["data"]["columns"]
    assert set(run.landscape()["minima"]["name"]) == {"1", "2", "3"}


def test_a_map_of_the_users(latentatlas, csv, frame, out):
    assert latentatlas("minima", csv, "--out", out, "--map", "f0,f5").code == 0
    run = open_run(out)
    np.testing.assert_allclose(run.points(["y"])["y"], frame["f5"], rtol=1e-5)
    assert run.spec["data"]["columns"] == ["f1", "f2", "f3", "f4", "scale"]


def test_the_latent_of_a_run(latentatlas, run, out):
    outcome = latentatlas("minima", run, "--out", out)
    assert outcome.code == 0, outcome
    assert "the latents of run: 120 rows × 2 features" in outcome.message
    fitted, found = open_run(run).points(), open_run(out).points()
    np.testing.assert_allclose(found["x"], fitted["x"], rtol=1e-6)
    np.testing.assert_array_equal(found["id"], fitted["id"])
    assert open_run(out).spec["landscape"]["features"] == 2


def test_a_landscape_is_no_source(latentatlas, csv, tmp_path, out):
    latentatlas("minima", csv, "--out", tmp_path / "first")
    assert "wants the run of a fit" in latentatlas("minima", tmp_path / "first", "--out", out).message


def test_a_run_is_read_as_it_was_fitted(latentatlas, run, out):
    assert "as it was fitted" in latentatlas("minima", run, "--out", out, "--label", "kind").message


def test_shards_are_sampled(latentatlas, frame, tmp_path, out):
    shards = tmp_path / "shards"
    shards.mkdir()
    for number in range(3):
        frame.iloc[40 * number : 40 * (number + 1)].to_parquet(shards / f"{number}.parquet")
    outcome = latentatlas("minima", shards, "--out", out, "--training-rows", 90)
    assert outcome.code == 0, outcome
    assert "90 rows" in outcome.message
    assert "The source has 120 rows; 90 of them" in open_run(out).file("report.html").read_text()


def test_cosine(latentatlas, tmp_path, rng, out):
    x = np.repeat(np.eye(3), 40, axis=0) + 0.1 * rng.normal(size=(120, 3))
    source = _rows(tmp_path, x * rng.uniform(0.1, 10, size=(120, 1)))
    assert len(latentatlas("minima", source, "--out", out, "--metric", "cosine", "--json").json["minima"]) == 3


Z = np.random.default_rng(0).normal(size=(60, 4))


def _with_zeros() -> np.ndarray:
    x = Z.copy()
    x[[3, 9]] = 0
    return x


def _with_nan() -> np.ndarray:
    x = Z.copy()
    x[5, 1] = np.nan
    return x


@pytest.mark.parametrize(
    ("x", "options", "message"),
    [
        (_with_zeros(), ("--field", "rayleigh"), "2 of 60 rows are zero, the first is row 3"),
        (_with_zeros(), ("--metric", "cosine"), "2 rows are zero, the first is row 3"),
        (Z[:, :1], ("--field", "rayleigh"), "two columns that are not zero"),
        (_with_nan(), (), "The first is NaN in row 5"),
        (Z[:1], (), "two rows or more"),
        (np.ones((30, 3)), (), "all 30 rows are equal"),
        (Z[:2], ("--field", "diffusion"), "at least three rows"),
        (Z, ("--field", "densty"), "Did you mean 'density'?"),
        (Z, ("--metric", "cosin"), "Did you mean 'cosine'?"),
        (Z, ("--basins", 3, "--prominence", 1), "got both"),
        (Z, ("--map", "x0"), "--map as two columns"),
        (Z, ("--map", "x0,nope"), "has no column 'nope'"),
        (Z, ("--name-by", "nope"), "has no column 'nope'"),
        (Z[:, :2], ("--map", "x0,x1"), "wants features besides x0, x1"),
    ],
)
def test_what_cannot_be_used(latentatlas, tmp_path, out, x, options, message):
    outcome = latentatlas("minima", _rows(tmp_path, x), "--out", out, *options)
    assert outcome.code == 2
    assert message in outcome.message
    assert not out.exists()


@pytest.mark.parametrize(
    ("x", "options", "minima"),
    [
        (_with_zeros(), (), 1),
        (np.column_stack([Z, np.ones(60)]), ("--field", "rayleigh"), None),  # a constant feature
        (Z[:, :1], (), 1),
        (Z[:2], (), 1),
        (Z[:3], ("--field", "blend"), 1),
        (np.repeat(Z[:3], 20, axis=0), (), 3),  # duplicates are parts of their own
        (np.outer(np.arange(1, 33), np.ones(3)), ("--field", "rayleigh"), 1),  # a flat field
        (np.round(Z), (), None),
        (-np.abs(Z), ("--field", "rayleigh"), None),
        (Z, ("--neighbours", 500), 1),
    ],
)
def test_what_is_odd_but_sound(latentatlas, tmp_path, out, x, options, minima):
    outcome = latentatlas("minima", _rows(tmp_path, x), "--out", out, *options, "--json")
    assert outcome.code == 0, outcome
    found = json.loads(outcome.out)["minima"]
    assert len(found) == minima or minima is None
    assert sum(each["size"] for each in found) == len(x)


def test_a_flat_field_is_said_to_be_flat(latentatlas, tmp_path, out):
    outcome = latentatlas(
        "minima", _rows(tmp_path, np.outer(np.arange(1, 33), np.ones(3))), "-o", out, "--field", "rayleigh"
    )
    assert "one value on all rows" in outcome.message


def test_nothing_is_overwritten_unasked(latentatlas, csv, out):
    assert latentatlas("minima", csv, "--out", out).code == 0
    assert "--overwrite" in latentatlas("minima", csv, "--out", out).message
    assert latentatlas("minima", csv, "--out", out, "--overwrite").code == 0


def test_frames_keep_their_columns(latentatlas, tmp_path, frame, out):
    source = tmp_path / "items.parquet"
    pandas.DataFrame(frame).to_parquet(source)
    latentatlas("minima", source, "--out", out)
    assert open_run(out).points()["kind"].tolist() == frame["kind"].tolist()
