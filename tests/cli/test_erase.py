"""`latentatlas erase`: files in, one file and a saved eraser out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas
import pytest

from latentatlas.erasure import LinearEraser, load_erasure
from latentatlas.store import read_columns


@pytest.fixture(scope="module")
def items(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """200 vectors in a Parquet file with their author, sentiment and text."""
    rng = np.random.default_rng(0)
    author = rng.choice(["ann", "bob", "eve"], 200)
    mood = rng.choice(["bad", "good"], 200)
    x = rng.normal(size=(200, 8)) + 2 * np.eye(8)[np.searchsorted(["ann", "bob", "eve"], author)]
    path = tmp_path_factory.mktemp("source") / "items.parquet"
    frame = {"id": [f"i{i}" for i in range(200)], "embedding": list(x.astype(np.float32)), "author": author}
    pandas.DataFrame(frame | {"mood": mood, "year": 2000 + np.arange(200) % 4}).to_parquet(path)
    return path


def before_of(items: Path) -> dict[str, np.ndarray]:
    """The columns of the file; pandas writes vectors as lists of any length."""
    columns = read_columns(items)
    return columns | {"embedding": np.stack(list(columns["embedding"]))}


def means(columns: dict[str, np.ndarray], name: str) -> np.ndarray:
    return np.stack([columns["embedding"][columns[name] == value].mean(axis=0) for value in np.unique(columns[name])])


def test_from_a_file_to_a_file_and_on_to_new_rows(latentatlas, items: Path, tmp_path: Path):
    out, saved, again = tmp_path / "clean.parquet", tmp_path / "e.safetensors", tmp_path / "again.parquet"
    done = latentatlas("erase", items, "--nuisance", "author", "--out", out, "--save", saved, "--json")
    assert done.code == 0, done
    assert done.json["rows"] == 200
    assert (done.json["method"], done.json["dimensions"], done.json["nuisances"]) == ("linear", 2, ["author"])
    columns, before = read_columns(out), before_of(items)
    assert set(columns) == {"id", "embedding", "author", "mood", "year"}
    assert columns["id"].tolist() == before["id"].tolist()
    assert columns["mood"].tolist() == before["mood"].tolist()
    assert np.ptp(means(before, "author"), axis=0).max() > 1
    assert np.ptp(means(columns, "author"), axis=0).max() < 1e-5
    wanted = LinearEraser().fit(before["embedding"], before["author"]).transform(before["embedding"])
    np.testing.assert_allclose(columns["embedding"], wanted, atol=1e-6)
    done = latentatlas("erase", items, "--eraser", saved, "--out", again)
    assert done.code == 0, done
    assert "200 rows × 8 features" in done.message
    np.testing.assert_array_equal(read_columns(again)["embedding"], columns["embedding"])


def test_kernel_and_several_nuisances(latentatlas, items: Path, tmp_path: Path):
    out, saved = tmp_path / "clean.parquet", tmp_path / "e.safetensors"
    options = ("--nuisance", "author", "--nuisance", "mood", "--method", "kernel", "--softness", 0.4)
    done = latentatlas("erase", items, *options, "--out", out, "--save", saved, "--json")
    assert done.code == 0, done
    assert (done.json["method"], done.json["groups"], done.json["nuisances"]) == ("kernel", 6, ["author", "mood"])
    before = before_of(items)
    told = {name: before[name].astype(str) for name in ("author", "mood")}
    np.testing.assert_array_equal(read_columns(out)["embedding"], load_erasure(saved)(before["embedding"], told))
    guessed = tmp_path / "guessed.parquet"
    assert latentatlas("erase", items, "--eraser", saved, "--out", guessed).code == 0
    assert not np.array_equal(read_columns(guessed)["embedding"], read_columns(out)["embedding"])


def test_within_a_label_and_numbers(latentatlas, items: Path, tmp_path: Path):
    out = tmp_path / "clean.parquet"
    done = latentatlas("erase", items, "--nuisance", "author", "--within", "mood", "--out", out, "--json")
    assert (done.json["within_label"], done.json["dimensions"]) == (True, 4)
    assert "mood" in read_columns(out)
    done = latentatlas("erase", items, "--nuisance", "year", "--out", out, "--overwrite", "--json")
    assert done.json["dimensions"] == 3
    options = ("--nuisance", "year", "--numeric", "year")
    assert latentatlas("erase", items, *options, "--out", out, "--overwrite", "--json").json["dimensions"] == 1


def test_the_label_of_a_corpus_is_not_used_unasked(latentatlas, tmp_path: Path):
    frame = pandas.DataFrame({"a": np.arange(40.0), "b": np.arange(40.0) % 7, "side": ["l", "r"] * 20})
    frame.to_csv(tmp_path / "t.csv", index=False)
    done = latentatlas("erase", tmp_path / "t.csv", "--nuisance", "side", "-o", tmp_path / "o.parquet", "--json")
    assert (done.json["within_label"], done.json["dimensions"]) == (False, 1)


def test_shards_are_streamed(latentatlas, items: Path, tmp_path: Path):
    whole = pandas.read_parquet(items)
    (tmp_path / "shards").mkdir()
    for part in range(4):
        whole.iloc[part * 50 : (part + 1) * 50].to_parquet(tmp_path / "shards" / f"{part}.parquet")
    out, one = tmp_path / "shards.parquet", tmp_path / "one.parquet"
    for source, target in ((tmp_path / "shards", out), (items, one)):
        done = latentatlas("erase", source, "--nuisance", "author", "--vector", "embedding", "--out", target)
        assert done.code == 0, done
    np.testing.assert_allclose(read_columns(out)["embedding"], read_columns(one)["embedding"], atol=1e-5)
    assert read_columns(out)["id"].tolist() == read_columns(one)["id"].tolist()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "erase wants --nuisance COL, or --eraser FILE"),
        (("--nuisance", "autor"), "Did you mean 'author'?"),
        (("--nuisance", "author", "--method", "kernal"), "Did you mean 'kernel'?"),
        (("--nuisance", "author", "--softness", 0.1), "--softness is for --method kernel"),
        (("--nuisance", "author", "--method", "kernel", "--within", "mood"), "--within is for --method linear"),
        (("--nuisance", "author", "--save", "e.pkl"), "--save to end in .safetensors"),
        (("--eraser", "e.safetensors", "--method", "linear"), "--method is for an eraser that is fitted"),
        (("--eraser", "none.safetensors"), "wants a file that an eraser has saved"),
        (("--nuisance", "author", "--within", "author"), "nuisance and label cannot be separated"),
        (("--nuisance", "year", "--numeric", "month"), "numeric names 'month'"),
    ],
)
def test_what_cannot_be_done_is_said(latentatlas, items: Path, tmp_path: Path, options, message: str):
    done = latentatlas("erase", items, "--out", tmp_path / "o.parquet", *options)
    assert done.code == 2, done
    assert message in done.message
    assert not (tmp_path / "o.parquet").exists()


def test_nothing_is_overwritten_unasked(latentatlas, items: Path, tmp_path: Path):
    (tmp_path / "o.parquet").write_text("mine")
    done = latentatlas("erase", items, "--nuisance", "author", "--out", tmp_path / "o.parquet")
    assert "--overwrite" in done.message
    assert "to end in .parquet" in latentatlas("erase", items, "--nuisance", "author", "-o", tmp_path / "o.csv").message
    assert (tmp_path / "o.parquet").read_text() == "mine"
