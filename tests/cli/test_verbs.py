"""check, measure, transform and search on a run of a CSV file."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas
import pytest

from latentatlas.store import Run


@pytest.fixture
def copied(run: Path, tmp_path: Path) -> Path:
    """A copy of the run to change."""
    return Path(shutil.copytree(run, tmp_path / "copy"))


# ---------------------------------------------------------------- check


def test_check(latentatlas, run: Path):
    outcome = latentatlas("check", run)
    assert outcome.code == 0
    assert "collapse" in outcome.out
    assert outcome.err == ""


def test_check_for_programs(latentatlas, run: Path):
    outcome = latentatlas("check", run, "--json")
    assert outcome.code == 0
    assert outcome.json == {"run": str(run), "verdicts": Run(run).verdicts}


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["people", "programs"])
def test_strict_fails_where_a_verdict_failed(latentatlas, copied: Path, options: tuple[str, ...]):
    verdicts = [verdict | {"status": "pass", "remedy": ""} for verdict in Run(copied).verdicts]
    Run(copied).update(verdicts=verdicts)
    assert latentatlas("check", copied, "--strict", *options).code == 0

    failed = verdicts[0] | {"status": "fail", "reason": "It [bold]fell[/] over.", "remedy": "Hold it [/up]."}
    Run(copied).update(verdicts=[failed, *verdicts[1:]])
    outcome = latentatlas("check", copied, "--strict", *options)
    assert outcome.code == 1
    for part in ("fail", "[bold]fell[/]", "[/up]"):
        assert part in outcome.out
    assert latentatlas("check", copied, *options).code == 0  # without --strict it only says so


def test_strict_passes_with_warnings(latentatlas, copied: Path):
    verdicts = [verdict | {"status": "warn"} for verdict in Run(copied).verdicts]
    Run(copied).update(verdicts=verdicts)
    assert latentatlas("check", copied, "--strict").code == 0


def test_check_again_measures_anew(latentatlas, copied: Path):
    before = Run(copied).verdicts
    Run(copied).update(verdicts=[])
    assert latentatlas("check", copied, "--json").json["verdicts"] == []
    assert latentatlas("check", copied, "--again", "--json").json["verdicts"] == before
    assert Run(copied).verdicts == before


def test_a_damaged_run(latentatlas, copied: Path):
    (copied / "weights.safetensors").write_bytes(b"x" * (copied / "weights.safetensors").stat().st_size)
    outcome = latentatlas("check", copied)
    assert outcome.code == 2
    assert "wants weights.safetensors as it was written; its checksum does not match" in outcome.message


@pytest.mark.parametrize("verb", ["check", "measure"])
def test_what_is_no_run(latentatlas, tmp_path: Path, verb: str):
    for path, reason in ((tmp_path / "nowhere", "does not exist"), (tmp_path, "has no manifest.json")):
        outcome = latentatlas(verb, path)
        assert outcome.code == 2
        assert reason in outcome.message
    assert "Run wants a run folder" in latentatlas(verb, tmp_path, "--json").json["error"]


# ---------------------------------------------------------------- measure


def test_measure_keeps_the_values(latentatlas, copied: Path):
    before = Run(copied).metrics
    Run(copied).update(metrics={})
    outcome = latentatlas("measure", copied, "--json")
    assert outcome.code == 0
    assert outcome.json["metrics"] == pytest.approx(before)
    assert Run(copied).metrics == pytest.approx(before)
    shown = latentatlas("measure", copied, "--rows", 50)
    assert "latent.trustworthiness@15" in shown.out


# ---------------------------------------------------------------- transform


def test_transform_gives_what_is_known_of_each_row(latentatlas, run: Path, csv: Path, tmp_path: Path):
    target = tmp_path / "z.parquet"
    outcome = latentatlas("transform", run, csv, "--out", target, "--json")
    assert outcome.code == 0
    assert outcome.json["rows"] == 120
    assert outcome.json["out"] == str(target)
    table, points = pandas.read_parquet(target), Run(run).points()
    assert table.columns.tolist() == ["id", "x", "y", "latent", "basin", "membership", "energy", "anomaly_p"]
    for name in ("x", "y", "basin", "energy"):
        np.testing.assert_array_equal(table[name], points[name])


def test_rows_keep_their_ids(latentatlas, run: Path, csv: Path, tmp_path: Path, frame: pandas.DataFrame):
    target = tmp_path / "z.parquet"
    assert latentatlas("transform", run, csv, "--out", target, "--id", "name").code == 0
    assert pandas.read_parquet(target)["id"].tolist() == frame["name"].tolist()


def test_columns_may_come_in_any_order_among_others(latentatlas, run: Path, frame, tmp_path: Path):
    frame[["scale", "f5", "f1", "f0", "f4", "f3", "f2"]].head(9).to_parquet(tmp_path / "some.parquet")
    target = tmp_path / "z.parquet"
    assert latentatlas("transform", run, tmp_path / "some.parquet", "--out", target).code == 0
    np.testing.assert_allclose(pandas.read_parquet(target)["x"], Run(run).points()["x"][:9], rtol=1e-4, atol=1e-4)


@pytest.mark.usefixtures("no_pictures")
def test_columns_called_like_positions(latentatlas, frame: pandas.DataFrame, tmp_path: Path, quick):
    """Names x0, x1, … are what arrays get; in a file they are names, and other numbers beside them are no features."""
    source, run, target = tmp_path / "rows.csv", tmp_path / "run", tmp_path / "z.parquet"
    frame.rename(columns={f"f{i}": f"x{i}" for i in range(6)}).to_csv(source, index=False)
    assert latentatlas("fit", source, "--out", run, "--label", "scale", *quick, "--json").code == 0
    assert Run(run).spec["data"]["columns"] == [f"x{i}" for i in range(6)]
    outcome = latentatlas("transform", run, source, "--out", target)
    assert outcome.code == 0, outcome
    np.testing.assert_array_equal(pandas.read_parquet(target)["x"], Run(run).points()["x"])


@pytest.mark.usefixtures("no_pictures")
def test_a_column_of_vectors(latentatlas, frame: pandas.DataFrame, tmp_path: Path, quick):
    source, run, target = tmp_path / "rows.parquet", tmp_path / "run", tmp_path / "z.parquet"
    vectors = list(frame[[f"f{i}" for i in range(6)]].to_numpy())
    pandas.DataFrame({"embedding": vectors, "scale": frame["scale"]}).to_parquet(source)
    assert latentatlas("fit", source, "--out", run, *quick, "--json").code == 0
    assert latentatlas("transform", run, source, "--out", target).code == 0
    np.testing.assert_array_equal(pandas.read_parquet(target)["x"], Run(run).points()["x"])


def test_a_file_that_is_there_is_kept(latentatlas, run: Path, csv: Path, tmp_path: Path):
    target = tmp_path / "z.parquet"
    target.write_text("mine")
    outcome = latentatlas("transform", run, csv, "--out", target)
    assert outcome.code == 2
    assert "transform wants a new file;" in outcome.message
    assert target.read_text() == "mine"
    assert latentatlas("transform", run, csv, "--out", target, "--overwrite").code == 0
    assert len(pandas.read_parquet(target)) == 120


def test_another_format_is_refused(latentatlas, run: Path, csv: Path, tmp_path: Path):
    outcome = latentatlas("transform", run, csv, "--out", tmp_path / "z.csv")
    assert outcome.code == 2
    assert "transform wants --out to end in .parquet; got z.csv. Rename it." in outcome.message


def test_a_source_without_the_columns_of_the_fit(latentatlas, run: Path, frame: pandas.DataFrame, tmp_path: Path):
    frame.rename(columns={"f3": "ff3"}).to_csv(tmp_path / "other.csv", index=False)
    outcome = latentatlas("transform", run, tmp_path / "other.csv", "--out", tmp_path / "z.parquet")
    assert outcome.code == 2
    assert "has no column 'f3'" in outcome.message
    assert "Did you mean 'ff3'?" in outcome.message
    assert not (tmp_path / "z.parquet").exists()


def test_a_corpus_of_other_features(latentatlas, run: Path, tmp_path: Path):
    outcome = latentatlas("transform", run, "digits", "--out", tmp_path / "z.parquet")
    assert outcome.code == 2
    assert "X has 64 features, but Atlas is expecting 6" in outcome.message


# ---------------------------------------------------------------- search


def test_neighbours_of_a_row(latentatlas, run: Path):
    outcome = latentatlas("search", run, "--row", "item 7", "-k", 5, "--json")
    assert outcome.code == 0
    (result,) = outcome.json["results"]
    assert result["query"] == "item 7"
    hits = result["hits"]
    assert len(hits) == 5
    assert "item 7" not in [hit["id"] for hit in hits]
    distances = [hit["distance"] for hit in hits]
    assert distances == sorted(distances)
    latent, ids = Run(run).points()["latent"], Run(run).points()["id"].tolist()
    gaps = np.linalg.norm(latent - latent[7], axis=1)
    gaps[7] = np.inf
    assert [hit["id"] for hit in hits] == [ids[row] for row in np.argsort(gaps)[:5]]
    assert set(hits[0]) == {"id", "distance", "basin_name", "basin", "energy", "anomaly_p", "trust", "scale", "label"}


def test_neighbours_for_people(latentatlas, run: Path):
    outcome = latentatlas("search", run, "--row", "item 7", "-k", 3)
    assert outcome.code == 0
    assert "Nearest to item 7" in outcome.out
    assert outcome.out.count("item") == 4


def test_neighbours_of_the_rows_of_a_file(latentatlas, run: Path, frame: pandas.DataFrame, tmp_path: Path):
    frame.head(2).to_csv(tmp_path / "queries.csv", index=False)
    outcome = latentatlas("search", run, "--file", tmp_path / "queries.csv", "-k", 1, "--json")
    assert outcome.code == 0
    assert [result["hits"][0]["id"] for result in outcome.json["results"]] == ["item 0", "item 1"]
    assert outcome.json["results"][0]["hits"][0]["distance"] < 1e-3


def test_filters(latentatlas, run: Path):
    outcome = latentatlas(
        "search", run, "--row", "item 0", "--where", "label=pear", "--where", "scale=1", "-k", 200, "--json"
    )
    hits = outcome.json["results"][0]["hits"]
    assert hits
    assert {(hit["label"], hit["scale"]) for hit in hits} == {("pear", 1)}
    points = Run(run).points()
    assert len(hits) == ((points["label"] == "pear") & (points["scale"] == 1)).sum()


def test_a_filter_that_no_row_passes(latentatlas, run: Path):
    assert (
        latentatlas("search", run, "--row", "item 0", "--where", "label=fig", "--json").json["results"][0]["hits"] == []
    )
    outcome = latentatlas("search", run, "--row", "item 0", "--where", "label=fig")
    assert outcome.code == 0
    assert "item 0: no row fits the filter." in outcome.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "search wants a text, --row ID or --file F. Give one of them."),
        (("--row", "item 1", "--file", "f.csv"), "search wants a text, --row ID or --file F."),
        (("a text",), "search wants a run fitted from texts (fit --text COL) to look for a text;"),
        (("--file", "f.csv", "--embedder", "m"), "--embedder is for runs that were fitted from texts;"),
        (("--row", "itme 7"), "search has no row with the id 'itme 7' among 120. Did you mean 'item 7'?"),
        (("--row", "item 1", "--where", "label"), "search wants --where COLUMN=VALUE; got 'label'."),
        (("--row", "item 1", "--where", "labl=a"), "search has no column 'labl'. Did you mean 'label'?"),
        (("--file", "nowhere.csv"), "there is no such file"),
    ],
)
def test_a_search_that_cannot_be(latentatlas, run: Path, arguments: tuple[str, ...], message: str):
    outcome = latentatlas("search", run, *arguments)
    assert outcome.code == 2
    assert message in outcome.message


@pytest.mark.usefixtures("no_pictures")
def test_labels_that_look_like_markup(latentatlas, frame: pandas.DataFrame, tmp_path: Path, quick):
    source, run = tmp_path / "rows.csv", tmp_path / "run"
    frame.assign(kind="[/odd]", name=[f"[b]{i}" for i in range(120)]).to_csv(source, index=False)
    assert latentatlas("fit", source, "--out", run, "--label", "kind", "--id", "name", *quick).code == 0
    outcome = latentatlas("search", run, "--row", "[b]3", "-k", 1)
    assert outcome.code == 0
    assert "[/odd]" in outcome.out
    assert "Nearest to [b]3" in outcome.out
