from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import feather, parquet

from latentatlas.core import DataError, ShapeError, SpecError
from latentatlas.data import DataWarning, Shards, Table, fingerprint, is_sharded, read_shards, read_table, shards
from latentatlas.data.table import concatenate

ROWS, PARTS = 30, 3


@pytest.fixture
def frame() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((ROWS, 4)).astype(np.float32)
    return {
        "id": np.array([f"row {number}" for number in range(ROWS)]),
        **{f"f{column}": x[:, column] for column in range(4)},
        "topic": np.arange(ROWS) % 5,
        "author": np.array(["ann", "bob"])[np.arange(ROWS) % 2],
    }


@pytest.fixture
def folder(tmp_path: Path, frame: dict[str, np.ndarray]) -> Path:
    return _write(tmp_path / "rows", frame)


def _write(folder: Path, frame: dict[str, np.ndarray], suffix: str = "parquet") -> Path:
    """The frame in files of ten rows."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in range(PARTS):
        table = pa.table({name: column[10 * part : 10 * part + 10] for name, column in frame.items()})
        path = folder / f"part-{part}.{suffix}"
        parquet.write_table(table, path) if suffix == "parquet" else feather.write_feather(table, str(path))
    return folder


def _whole(frame: dict[str, np.ndarray], **roles: str) -> Table:
    return read_table(pa.table(dict(frame)), **roles)


def _assert_same(first: Table, second: Table) -> None:
    np.testing.assert_array_equal(first.x, second.x)
    assert first.columns == second.columns
    np.testing.assert_array_equal(first.ids, second.ids)
    assert first.rows().keys() == second.rows().keys()
    for name, values in first.rows().items():
        np.testing.assert_array_equal(values, second.rows()[name])


@pytest.mark.parametrize("suffix", ["parquet", "arrow", "feather", "ipc"])
def test_shards_are_the_table_cut_in_pieces(tmp_path: Path, frame: dict[str, np.ndarray], suffix: str):
    opened = read_shards(_write(tmp_path / "rows", frame, suffix), label="topic", nuisance="author")
    whole = _whole(frame, label="topic", nuisance="author")
    assert len(opened) == ROWS
    assert opened.columns == ("f0", "f1", "f2", "f3")
    _assert_same(concatenate(list(opened.blocks())), whole)
    _assert_same(opened.read(), whole)
    _assert_same(read_table(opened.pointer, label="topic", nuisance="author"), whole)
    assert opened.name == "rows"


@pytest.mark.parametrize("pattern", ["*.parquet", "part-[012].parquet", "../rows/part-?.parquet"])
def test_a_glob(folder: Path, frame: dict[str, np.ndarray], pattern: str):
    assert is_sharded(folder / pattern)
    _assert_same(read_shards(folder / pattern).read(), _whole(frame))
    assert len(read_shards(folder / "part-[12].parquet")) == 20


def test_a_list_a_file_and_sub_folders(folder: Path, frame: dict[str, np.ndarray]):
    assert len(read_shards([folder / "part-1.parquet", folder / "part-0.parquet"])) == 20
    assert len(read_shards(folder / "part-2.parquet")) == 10
    assert not is_sharded(folder / "part-2.parquet")
    (folder / "more").mkdir()
    (folder / "part-0.parquet").rename(folder / "more" / "part-9.parquet")
    (folder / "_SUCCESS").touch()
    (folder / ".part.parquet").write_bytes(b"hidden")
    assert [path.name for path in read_shards(folder).paths] == ["part-9.parquet", "part-1.parquet", "part-2.parquet"]


def test_a_column_of_vectors(tmp_path: Path, frame: dict[str, np.ndarray]):
    x = np.stack([frame[f"f{column}"] for column in range(4)], axis=1)
    for part in range(PARTS):
        rows = slice(10 * part, 10 * part + 10)
        vectors = pa.FixedSizeListArray.from_arrays(pa.array(x[rows].ravel()), 4)
        parquet.write_table(
            pa.table({"embedding": vectors, "year": frame["topic"][rows]}), tmp_path / f"{part}.parquet"
        )
    table = read_shards(tmp_path).read()
    np.testing.assert_array_equal(table.x, x)
    assert table.columns == ("x0", "x1", "x2", "x3")
    assert list(table.metadata) == ["year"]
    assert table.ids.tolist() == list(range(ROWS))


def test_blocks_are_small_and_count_on(folder: Path, frame: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shards, "_BLOCK_BYTES", 4 * 4 * 4)
    opened = read_shards(folder, vector=["f0", "f1", "f2", "f3"], label="id")
    blocks = list(opened.blocks())
    assert [len(block) for block in blocks] == [4, 4, 2] * PARTS
    assert np.concatenate([block.ids for block in blocks]).tolist() == list(range(ROWS))


def test_a_sample_is_uniform_ordered_and_seeded(folder: Path, frame: dict[str, np.ndarray]):
    opened = read_shards(folder)
    first, again, other = opened.sample(12, seed=1), opened.sample(12, seed=1), opened.sample(12, seed=2)
    np.testing.assert_array_equal(first.rows, again.rows)
    assert not np.array_equal(first.rows, other.rows)
    assert (np.diff(first.rows) > 0).all()
    _assert_same(first.table, _whole(frame).take(first.rows))
    drawn = np.bincount(np.concatenate([opened.sample(10, seed=seed).rows for seed in range(300)]), minlength=ROWS)
    expected = 300 * 10 / ROWS
    assert (abs(drawn - expected) < 5 * np.sqrt(expected)).all()


def test_the_fingerprint_is_that_of_the_whole_matrix(folder: Path, frame: dict[str, np.ndarray]):
    opened = read_shards(folder)
    assert opened.sample(5).fingerprint == fingerprint(opened.read().x) == _whole(frame).fingerprint


def test_training_rows_are_the_default_size_of_a_sample(folder: Path):
    assert len(read_shards(folder, training_rows=7).sample().table) == 7
    assert len(read_shards(folder).sample().table) == ROWS


def test_ids_that_are_unique_in_each_file_but_not_in_all_are_no_ids(tmp_path: Path):
    for part in range(2):
        table = pa.table({"id": np.arange(5), "a": np.random.default_rng(part).random(5)})
        parquet.write_table(table, tmp_path / f"{part}.parquet")
    assert read_shards(tmp_path).read().ids.tolist() == list(range(10))
    with pytest.raises(DataError, match=r"wants a different id in every row; 5 rows have the id of an earlier .*row 5"):
        read_shards(tmp_path, id_column="id").read()


def test_numbers_with_gaps_in_one_file_have_one_type_in_all(tmp_path: Path):
    x = np.random.default_rng(0).random(4)
    parquet.write_table(pa.table({"a": x, "b": x, "year": [1, 2, 3, 4], "k": [1, 1, 2, 2]}), tmp_path / "0.parquet")
    gaps = pa.table({"a": x, "b": x, "year": [1.5, None, 3.0, 4.0], "k": [1, 1, 2, 2]})
    parquet.write_table(gaps, tmp_path / "1.parquet")
    sample = read_shards(tmp_path, vector=["a", "b"], label="k").sample()
    assert sample.dtypes["year"] == np.float64
    assert sample.dtypes["label"] == np.int64
    assert sample.table.metadata["year"].dtype == np.float64


# ---------------------------------------------------------------- bad input


def test_a_folder_without_shards(tmp_path: Path):
    (tmp_path / "rows.txt").write_text("")
    assert not is_sharded(tmp_path)
    with pytest.raises(DataError, match=r"^read_shards wants \.parquet or \.arrow files; there are none .*rows\.txt"):
        read_shards(tmp_path)
    with pytest.raises(DataError, match=r"there are none in .*\*\.parquet"):
        read_table(tmp_path / "*.parquet")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop_columns(["f3"]), r"part-1\.parquet has no column 'f3', which part-0\.parquet has"),
        (lambda t: t.append_column("f9", t["f0"]), r"part-1\.parquet has a column 'f9', which part-0\.parquet has not"),
        (
            lambda t: t.set_column(1, "f0", t["author"]),
            r"column 'f0' is text in .*part-1\.parquet and number in part-0\.parquet",
        ),
    ],
)
def test_shards_of_different_schemas(folder: Path, change, message: str):
    path = folder / "part-1.parquet"
    parquet.write_table(change(parquet.read_table(path)), path)
    with pytest.raises(DataError, match=rf"^read_shards wants the same columns in every file; .*{message}"):
        read_shards(folder)


def test_vectors_of_different_length(tmp_path: Path):
    for part, size in enumerate((3, 4)):
        vectors = pa.FixedSizeListArray.from_arrays(pa.array(np.ones(size * 2, np.float32)), size)
        parquet.write_table(pa.table({"x": vectors}), tmp_path / f"{part}.parquet")
    with pytest.raises(DataError, match=r"column 'x' is vector of 4 numbers in .*1\.parquet and vector of 3 numbers"):
        read_shards(tmp_path)


def test_the_order_of_columns_and_their_precision_do_not_matter(folder: Path, frame: dict[str, np.ndarray]):
    path = folder / "part-1.parquet"
    table = parquet.read_table(path)
    table = table.select(table.column_names[::-1])
    at = table.column_names.index("f1")
    parquet.write_table(table.set_column(at, "f1", table["f1"].cast(pa.float64())), path)
    _assert_same(read_shards(folder, label="topic").read(), _whole(frame, label="topic"))


def test_an_empty_shard_is_left_out_with_a_warning(folder: Path):
    parquet.write_table(parquet.read_table(folder / "part-1.parquet").slice(0, 0), folder / "part-1.parquet")
    with pytest.warns(DataWarning, match=r"^1 of 3 shards hold no row: part-1\.parquet\.$"):
        opened = read_shards(folder)
    assert len(opened) == 20


def test_nothing_but_empty_shards(folder: Path):
    for path in folder.iterdir():
        parquet.write_table(parquet.read_table(path).slice(0, 0), path)
    with pytest.raises(ShapeError, match=r"at least 1 row; all 3 files of .* are empty"):
        read_shards(folder)


def test_two_formats(folder: Path, frame: dict[str, np.ndarray]):
    _write(folder, frame, "arrow")
    with pytest.raises(DataError, match=r"^read_shards wants files of one format, .*; got ipc, parquet"):
        read_shards(folder)


@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
def test_a_damaged_shard_is_named(tmp_path: Path, frame: dict[str, np.ndarray], suffix: str):
    folder = _write(tmp_path / "rows", frame, suffix)
    path = folder / f"part-1.{suffix}"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DataError, match=rf"^read_shards cannot read .*part-1\.{suffix}: .*take it out of the folder"):
        read_shards(folder).read()


def test_a_cell_that_is_no_number_is_found_wherever_it_is(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shards, "_BLOCK_BYTES", 4 * 4 * 4)
    path = folder / "part-2.parquet"
    table = parquet.read_table(path)
    values = table["f2"].to_numpy().copy()
    values[6] = np.nan
    parquet.write_table(table.set_column(3, "f2", pa.array(values)), path)
    opened = read_shards(folder, label="topic")
    with pytest.raises(DataError, match=r"part-2\.parquet, from row 4 on, .* The first is NaN in row 2 .*column 'f2'"):
        opened.sample(3)


def test_a_shard_that_changes_after_it_was_opened(folder: Path):
    opened = read_shards(folder)
    parquet.write_table(parquet.read_table(folder / "part-1.parquet").slice(0, 4), folder / "part-1.parquet")
    with pytest.raises(DataError, match=r"wants 10 rows in .*part-1\.parquet; 4 came"):
        opened.read()


def test_misspelt_columns_and_bad_settings(folder: Path):
    with pytest.raises(DataError, match=r"no column 'topc' \(asked for as label\)\. Did you mean 'topic'\?"):
        read_shards(folder, label="topc")
    with pytest.raises(SpecError, match="training_rows ≥ 2"):
        read_shards(folder, training_rows=1)


def test_nothing_is_read_but_the_beginning_when_shards_are_opened(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Shards, "blocks", lambda self: pytest.fail("read"))
    assert len(read_shards(folder)) == ROWS
