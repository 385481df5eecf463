from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from pyarrow import parquet

from latentatlas.core import DataError, ShapeError
from latentatlas.data import Table, read_table

NAMES = ["a", "b", "c"]
PEOPLE = "age,height,city,team,day\n30,1.5,Rome,1,2020-01-01\n40,1.75,Oslo,2,2020-01-02\n50,1.25,,1,2020-01-03\n"


def _write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def _vectors(rows: list[list[float] | None], kind: pa.DataType | None = None) -> pa.Array:
    return pa.array(rows, kind or pa.list_(pa.float32()))


@settings(max_examples=25, deadline=None)
@given(
    npst.arrays(np.float32, st.tuples(st.integers(1, 6), st.just(3)), elements=st.floats(-(2.0**99), 2.0**99, width=32))
)
def test_all_formats_give_the_same_rows(tmp_path_factory, x):
    folder = tmp_path_factory.mktemp("formats")
    np.save(folder / "t.npy", x)
    np.savez(folder / "t.npz", embedding=x, label=np.arange(len(x)))
    frame = pd.DataFrame(x, columns=NAMES)
    frame.to_csv(folder / "t.csv", index=False)
    frame.to_csv(folder / "t.tsv", index=False, sep="\t")
    frame.to_csv(folder / "t.csv.gz", index=False)
    frame.to_parquet(folder / "t.parquet")
    parquet.write_table(pa.table({"v": _vectors(x.tolist())}), folder / "v.parquet")
    sources = [
        *(folder / f"t.{suffix}" for suffix in ("npy", "npz", "csv", "tsv", "csv.gz", "parquet")),
        folder / "v.parquet",
    ]
    for source in [*sources, str(sources[0]), x, x.tolist(), frame, pl.DataFrame(frame), Table(x)]:
        np.testing.assert_array_equal(read_table(source).x, x, err_msg=str(source))


def test_a_csv_with_every_role(tmp_path):
    path = _write(tmp_path / "people.csv", PEOPLE)
    table = read_table(path, label="team", nuisance="day", environment="height")
    np.testing.assert_array_equal(table.x, [[30], [40], [50]])
    assert table.columns == ("age",)
    assert table.label.tolist() == [1, 2, 1]
    assert table.nuisance["day"].dtype.kind == "M"
    assert table.environment.tolist() == [1.5, 1.75, 1.25]
    assert table.metadata["city"].tolist() == ["Rome", "Oslo", None]
    assert (table.name, table.pointer) == ("people", str(path))
    assert table.ids.tolist() == [0, 1, 2]


def test_named_vector_columns_in_the_order_asked_for(tmp_path):
    table = read_table(_write(tmp_path / "p.csv", PEOPLE), vector=["height", "age"], nuisance=["team"])
    assert table.columns == ("height", "age")
    np.testing.assert_array_equal(table.x[0], [1.5, 30])
    assert set(table.metadata) == {"city", "day"}


@pytest.mark.parametrize(
    ("roles", "message"),
    [
        ({"label": "taem"}, r"no column 'taem' \(asked for as label\)\. Did you mean 'team'"),
        ({"nuisance": ["day", "ctiy"]}, "Did you mean 'city'"),
        ({"environment": "hieght"}, "Did you mean 'height'"),
        ({"vector": ["ages"]}, r"'ages' \(asked for as vector\)\. Did you mean 'age'"),
        ({"id_column": "zzz"}, "There are: age, height, city, team, day"),
        ({"vector": ["age", "team"], "label": "team"}, "asked for as vector and as label"),
        ({"vector": ["age", "city"]}, r"'city' holds text \('Rome'\) in line 2"),
        ({"label": "city"}, "1 of 3 are missing"),
        ({"id_column": "team"}, "more than once: 1"),
        ({"id_column": "height"}, "text or whole numbers"),
    ],
)
def test_roles_that_cannot_be(tmp_path, roles, message):
    with pytest.raises(DataError, match=message):
        read_table(_write(tmp_path / "p.csv", PEOPLE), **roles)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n3,\n", r"1 of 4 values are not, .* NaN in line 3, column 'b'"),
        ("a,b\n1,2\n3,inf\n", "inf in line 3, column 'b'"),
        ("a,b\n1,2\n3,1e300\n", "beyond float32.* in line 3, column 'b'"),
        ("a,b\n" + "1,2\n" * 20 + "3,four\n", r"'b' holds text \('four'\) in line 22"),
        ("a,b\n1,2\n3\n", "Expected 2 columns, got 1"),
        ("1.5,2\n3,4\n", "column names in the first line"),
        ("a,a\n3,4\n", "'a' occurs more than once"),
        ("a;b\nx;y\n", "separator"),
        ("a;b\n1,5;2\n", "commas"),
        ("", "Empty CSV"),
    ],
)
def test_a_spoilt_csv(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        read_table(_write(tmp_path / "p.csv", text))


def test_a_csv_without_rows(tmp_path):
    with pytest.raises(ShapeError, match="got 0 samples"):
        read_table(_write(tmp_path / "p.csv", "a,b\n"))


def test_whole_numbers_that_become_fractions_late_in_a_long_csv(tmp_path):
    path = _write(tmp_path / "p.csv", "a,b\n" + "1,2\n" * 600_000 + "0.5,2\n")
    assert read_table(path).x[-1].tolist() == [0.5, 2]


def test_codes_in_text_columns_are_metadata(tmp_path):
    parquet.write_table(pa.table({"a": [1, 2], "zip": ["01234", "00420"]}), tmp_path / "p.parquet")
    table = read_table(tmp_path / "p.parquet")
    assert table.columns == ("a",)
    assert table.metadata["zip"].tolist() == ["01234", "00420"]


@pytest.mark.parametrize("name", ["id", "ID", ""])
def test_ids_are_found_and_never_mapped(tmp_path, name):
    path = _write(tmp_path / "p.csv", f"{name},a\n7,1\n9,2\n")
    table = read_table(path)
    assert table.columns == ("a",)
    assert table.ids.tolist() == [7, 9]
    assert not table.metadata


def test_ids_that_repeat_are_only_kept(tmp_path):
    table = read_table(_write(tmp_path / "p.csv", "id,a\n7,1\n7,2\n"))
    assert table.columns == ("a",)
    assert table.ids.tolist() == [0, 1]
    assert table.metadata["id"].tolist() == [7, 7]


def test_the_index_that_pandas_writes(tmp_path):
    frame = pd.DataFrame({"a": [1.0, 2.0]}, index=["r", "s"])
    frame.to_csv(tmp_path / "p.csv")
    frame.to_parquet(tmp_path / "p.parquet")
    for source in (tmp_path / "p.csv", tmp_path / "p.parquet"):
        table = read_table(source)
        assert table.ids.tolist() == ["r", "s"]
        assert table.columns == ("a",)


def test_text_ids_by_name(tmp_path):
    text = "key,a\nx,1\ny,2\n"
    table = read_table(_write(tmp_path / "p.csv", text), id_column="key")
    assert table.ids.tolist() == ["x", "y"]
    assert not table.metadata


@pytest.mark.parametrize("kind", [pa.list_(pa.float64()), pa.list_(pa.float16()), pa.list_(pa.float32(), 2)])
def test_a_column_of_vectors_goes_before_numbers(tmp_path, kind):
    columns = {"age": [1, 2], "v": _vectors([[1, 2], [3, 4]], kind), "team": pa.array(["r", "s"]).dictionary_encode()}
    parquet.write_table(pa.table(columns), tmp_path / "p.parquet")
    table = read_table(tmp_path / "p.parquet", label="team")
    np.testing.assert_array_equal(table.x, [[1, 2], [3, 4]])
    assert table.columns == ("x0", "x1")
    assert table.metadata["age"].tolist() == [1, 2]
    assert table.label.tolist() == ["r", "s"]
    assert read_table(tmp_path / "p.parquet", vector=["age"]).columns == ("age",)


def test_vectors_over_several_row_groups(tmp_path, rng):
    x = rng.normal(size=(10, 3)).astype(np.float32)
    parquet.write_table(pa.table({"v": _vectors(x.tolist())}), tmp_path / "p.parquet", row_group_size=3)
    np.testing.assert_array_equal(read_table(tmp_path / "p.parquet").x, x)


@pytest.mark.parametrize(
    ("columns", "error", "message"),
    [
        ({"v": _vectors([[1, 2], [3]])}, ShapeError, "'v'; row 0 has 2 numbers, row 1 .* has 1"),
        ({"v": _vectors([[1, 2], None])}, DataError, "row 1 .* has none"),
        ({"v": _vectors([[1, None], [1, 2]])}, DataError, "NaN in row 0 .*, column 'x1'"),
        ({"v": _vectors([[], []])}, ShapeError, r"0 feature\(s\)"),
        ({"v": _vectors([[1]]), "w": _vectors([[1]])}, DataError, "several columns of vectors: v, w.* vector='v'"),
        ({"t": ["a"], "u": pa.array([["a"]])}, DataError, "no.* at least one column of numbers|at least one column"),
    ],
)
def test_a_spoilt_parquet_file(tmp_path, columns, error, message):
    parquet.write_table(pa.table(columns), tmp_path / "p.parquet")
    with pytest.raises(error, match=message):
        read_table(tmp_path / "p.parquet")


def test_vectors_and_numbers_are_not_mixed(tmp_path):
    parquet.write_table(pa.table({"v": _vectors([[1, 2]]), "a": [1]}), tmp_path / "p.parquet")
    with pytest.raises(ShapeError, match="or one column of vectors"):
        read_table(tmp_path / "p.parquet", vector=["v", "a"])


def test_npz_arrays_become_columns(tmp_path):
    x = np.arange(6, dtype=np.float16).reshape(3, 2)
    arrays = {"words": np.array(list("abc")), "y": np.array([0, 1, 1]), "other": np.ones((4, 4)), "fs": np.array(50)}
    np.savez(tmp_path / "p.npz", x=x, **arrays)
    table = read_table(tmp_path / "p.npz", label="y")
    np.testing.assert_array_equal(table.x, x)
    assert table.label.tolist() == [0, 1, 1]
    assert set(table.metadata) == {"words"}
    assert read_table(tmp_path / "p.npz", vector="other").x.shape == (4, 4)
    with pytest.raises(ShapeError, match="'y' wants one value for each of the 4 rows; got 3"):
        read_table(tmp_path / "p.npz", vector="other", label="y")


def test_npz_with_several_arrays_asks_which(tmp_path):
    np.savez(tmp_path / "p.npz", pcs=np.ones((3, 2)), harmonized=np.ones((3, 2)))
    with pytest.raises(DataError, match="pcs, harmonized"):
        read_table(tmp_path / "p.npz")


@pytest.mark.parametrize("shape", [(5, 4, 3), (5, 4, 3, 2)])
def test_images_are_flattened_and_keep_their_shape(tmp_path, shape, rng):
    images = rng.integers(0, 255, shape, dtype=np.uint8)
    np.save(tmp_path / "p.npy", images)
    for source in (tmp_path / "p.npy", images):
        table = read_table(source)
        assert table.item_shape == shape[1:]
        np.testing.assert_array_equal(table.x.reshape(shape), images)


@pytest.mark.parametrize(
    ("array", "error", "message"),
    [
        (np.ones(3), ShapeError, "Reshape your data"),
        (np.ones((0, 3)), ShapeError, "0 samples"),
        (np.ones((0, 3, 3)), ShapeError, "0 samples"),
        (np.array([["a", "b"]]), DataError, "holds text"),
        (np.array([[{}, {}]], dtype=object), DataError, "pickle"),
        (np.array([[1, np.nan]]), DataError, "NaN in row 0 .*, column 'x1'"),
        (np.ones((2, 2), complex), DataError, "Complex"),
    ],
)
def test_a_spoilt_npy_file(tmp_path, array, error, message):
    np.save(tmp_path / "p.npy", array)
    with pytest.raises(error, match=message):
        read_table(tmp_path / "p.npy")


@pytest.mark.parametrize("suffix", ["npy", "npz", "parquet", "csv.gz"])
@pytest.mark.parametrize("cut", [0, 20])
def test_damaged_files(tmp_path, suffix, cut):
    frame, path = pd.DataFrame(np.ones((9, 2)), columns=["a", "b"]), tmp_path / f"p.{suffix}"
    {"npy": lambda: np.save(path, frame), "npz": lambda: np.savez(path, x=frame)}.get(
        suffix,
        lambda: frame.to_parquet(path) if suffix == "parquet" else path.write_bytes(gzip.compress(b"a,b\n1,2\n")),
    )()
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DataError, match="cannot read"):
        read_table(path)


def test_unknown_sources(tmp_path, monkeypatch):
    _write(tmp_path / "people.csv", PEOPLE)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"no file has this name and no corpus. Did you mean 'digits'"):
        read_table("digts")
    with pytest.raises(DataError, match=r"Did you mean 'people.csv'"):
        read_table("poeple.csv")
    with pytest.raises(DataError, match=r"Did you mean 'people.csv'"):
        read_table(tmp_path / "people.cvs")
    with pytest.raises(DataError, match="there is no folder"):
        read_table(tmp_path / "nowhere" / "people.csv")
    with pytest.raises(DataError, match=r"is a folder without images. Give one file of it. There are: people.csv"):
        read_table(tmp_path)
    with pytest.raises(DataError, match=r"format of .*people\.xlsx\. Known: \.npy, \.npz, \.csv"):
        read_table(_write(tmp_path / "people.xlsx", "x"))
    with pytest.raises(DataError, match=r"no split 'trian'. Did you mean 'train'"):
        read_table("mnist:trian")


def test_frames_take_roles_and_keep_the_rest():
    hashes = np.array([2**64 - 1, 3], dtype=np.uint64)
    frame = pl.DataFrame({"a": [1, 2], "who": ["x", "y"], "town": ["p", None], "on": [True, False], "hash": hashes})
    for kind in (frame, frame.with_columns(pl.col("who", "town").cast(pl.Categorical)), frame.to_arrow()):
        table = read_table(kind, label="who", id_column="hash")
        assert table.columns == ("a", "on")
        assert table.label.tolist() == ["x", "y"]
        assert table.metadata["town"].tolist() == ["p", None]
        assert table.ids.tolist() == [str(2**64 - 1), "3"], "beyond int64 ids are text"
        assert table.pointer is None


def test_a_frame_of_mixed_objects():
    with pytest.raises(DataError, match="one type"):
        read_table(pd.DataFrame({"a": [1, "b"]}))


def test_other_in_memory_sources():
    with pytest.raises(ShapeError, match="Reshape your data"):
        read_table(np.ones(3))
    with pytest.raises(DataError, match="no column 'y'"):
        read_table(np.ones((3, 2)), label="y")


def test_a_table_takes_new_roles():
    table = read_table("digits")
    assert read_table(table) is table
    leaky = read_table("digits", nuisance="label")
    assert leaky.label is None
    assert leaky.nuisance["label"].tolist() == table.label.tolist()
    column = read_table(table, vector=["pixel_3_4", "pixel_0_2"])
    np.testing.assert_array_equal(column.x, table.x[:, [28, 2]])
    assert column.item_shape is None
    with pytest.raises(DataError, match="Did you mean 'label'"):
        read_table("digits", nuisance="labels")
    people = Table(table.x[:2], metadata={"who": np.array(["a", "b"], dtype=object), "town": np.array(["c", "c"])})
    named = read_table(people, id_column="who", label="town")
    assert (named.ids.tolist(), named.label.tolist(), named.metadata) == (["a", "b"], ["c", "c"], {})
