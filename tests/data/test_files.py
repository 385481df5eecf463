"""Arrow files and JSON lines; the other formats are in test_readers.py."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from latentatlas.core import DataError
from latentatlas.data import read_table

ROWS = [{"v": [1, 2.5], "word": "NA", "n": 1, "more": {"a": 1}}, {"v": [3, 4], "word": None, "n": 2.5}]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS)
TABLE = pa.table({"v": [[1.0, 2.5], [3.0, 4.0]], "word": ["NA", None], "n": [1, 2.5]})


def _arrow(path: Path, *, stream: bool = False) -> Path:
    with (pa.ipc.new_stream if stream else pa.ipc.new_file)(path, TABLE.schema) as writer:
        writer.write_table(TABLE, max_chunksize=1)
    return path


def _json_lines(path: Path) -> Path:
    path.write_bytes(gzip.compress(LINES.encode()) if path.suffix == ".gz" else LINES.encode())
    return path


def _polars(path: Path, *, stream: bool = False) -> Path:
    frame = pl.DataFrame(TABLE)
    frame.write_ipc_stream(path) if stream else frame.write_ipc(path, compression="zstd")
    return path


WRITERS = {
    "t.arrow": _arrow,
    "t.feather": _arrow,
    "t.ipc": _polars,
    "t.ARROW": lambda path: _arrow(path, stream=True),
    "stream.ipc": lambda path: _polars(path, stream=True),
    "t.jsonl": _json_lines,
    "t.jsonl.gz": _json_lines,
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_rows(tmp_path, name):
    table = read_table(WRITERS[name](tmp_path / name))
    assert table.x.tolist() == [[1, 2.5], [3, 4]]
    assert table.metadata["word"].tolist() == ["NA", None], "text is not taken for a missing value"
    assert table.metadata["n"].tolist() == [1, 2.5]
    assert table.name in ("t", "stream")


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("keep", [0, 0.4, -9])
def test_cut_files(tmp_path, name, keep):
    path = WRITERS[name](tmp_path / name)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep * len(whole)) if keep >= 0 else keep])
    with pytest.raises(DataError, match=f"cannot read .*{name} as .* write it again"):
        read_table(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("p.arrow", "a,b\n1,2\n", "cannot read .* of another format; write it again"),
        ("p.jsonl", json.dumps(ROWS), "one object per line"),
        ("p.jsonl", '{"a": 1}\n{"a": "x"}\n', "changed from number to string in row 1.* same kind of value"),
        ("p.jsonl", '{"a": 1, "a": 2}\n', "specified twice"),
        ("p.jsonl", '{"a": "x"}\n', r"no|A column of text is mapped by Texts\(column\) \(--text COLUMN\)"),
    ],
)
def test_spoilt_files(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=message):
        read_table(tmp_path / name)


def test_numbers_in_quotes_are_text_in_json(tmp_path):
    (tmp_path / "p.jsonl").write_text('{"a": 1, "zip": "01234"}\n{"a": 2, "zip": "00420"}\n')
    table = read_table(tmp_path / "p.jsonl")
    assert table.columns == ("a",)
    assert table.metadata["zip"].tolist() == ["01234", "00420"]


def test_tensors_of_one_shape_keep_it(tmp_path):
    x = np.arange(24, dtype=np.float32).reshape(3, 2, 4)
    tensors = pa.table({"image": pa.FixedShapeTensorArray.from_numpy_ndarray(x)})
    with pa.ipc.new_file(tmp_path / "t.arrow", tensors.schema) as writer:
        writer.write(tensors)
    table = read_table(tmp_path / "t.arrow")
    assert table.item_shape == (2, 4)
    np.testing.assert_array_equal(table.x, x.reshape(3, 8))
