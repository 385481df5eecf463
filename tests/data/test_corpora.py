from __future__ import annotations

import gzip
import struct
from dataclasses import replace

import numpy as np
import pytest

from latentatlas.core import DataError
from latentatlas.data import RemoteFile, corpora, download_corpus, load_corpus, read_table
from latentatlas.data.corpora import _CORPORA, read_idx
from latentatlas.data.download import sha256_of

URL = "http://127.0.0.1:9/"  # the discard port: nobody answers


def _idx(array: np.ndarray) -> bytes:
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return gzip.compress(header + array.tobytes(), mtime=0)


@pytest.fixture
def tiny_mnist(tmp_path, monkeypatch, rng):
    """A corpus in the format of MNIST, 3 + 2 images of 2 × 3 pixels, in a prepared folder."""
    folder = tmp_path / "home" / "mnist"
    folder.mkdir(parents=True)
    arrays, files = {}, []
    for split, rows in (("train", 3), ("test", 2)):
        arrays[split] = rng.integers(0, 256, (rows, 2, 3), dtype=np.uint8), rng.integers(0, 10, rows, dtype=np.uint8)
        for kind, array in zip(("images", "labels"), arrays[split], strict=True):
            path = folder / f"{split}-{kind}.gz"
            path.write_bytes(_idx(array))
            files.append(RemoteFile(path.name, sha256_of(path), path.stat().st_size, (URL + path.name,)))
    monkeypatch.setitem(_CORPORA, "mnist", replace(_CORPORA["mnist"], files=tuple(files)))
    monkeypatch.setenv("LATENTATLAS_DATA", str(folder.parent))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return folder, arrays


def test_the_registry_says_what_a_corpus_is():
    for name, corpus in corpora().items():
        assert corpus.name == name
        assert corpus.title
        assert corpus.license
        assert corpus.citation
        assert all(len(file.sha256) == 64 and file.urls for file in corpus.files)
    with pytest.raises(TypeError):
        corpora()["mine"] = None


def test_digits_are_bundled():
    table = load_corpus("digits")
    assert (table.x.shape, table.item_shape, table.pointer) == ((1797, 64), (8, 8), "digits")
    assert (len(table), len(table.columns)) == (corpora()["digits"].rows, corpora()["digits"].features)
    assert table.columns[:2] == ("pixel_0_0", "pixel_0_1")
    assert np.bincount(table.label).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert (table.x.min(), table.x.max()) == (0, 16)
    assert download_corpus("digits") == []


def test_the_whole_has_the_training_rows_first(tiny_mnist):
    _, arrays = tiny_mnist
    table = read_table("mnist")
    images, labels = (np.concatenate(parts) for parts in zip(*arrays.values(), strict=True))
    np.testing.assert_array_equal(table.x.reshape(5, 2, 3), images)
    np.testing.assert_array_equal(table.label, labels)
    assert table.metadata["split"].tolist() == ["train"] * 3 + ["test"] * 2
    assert (table.item_shape, table.pointer, table.ids.tolist()) == ((2, 3), "mnist", [0, 1, 2, 3, 4])


def test_a_split_has_the_ids_of_the_whole(tiny_mnist):
    _, arrays = tiny_mnist
    table = read_table("mnist:test")
    np.testing.assert_array_equal(table.x.reshape(2, 2, 3), arrays["test"][0])
    assert (table.pointer, table.ids.tolist()) == ("mnist:test", [60_000, 60_001])
    assert read_table("mnist:train").ids.tolist() == [0, 1, 2]


def test_roles_of_a_corpus(tiny_mnist):
    table = read_table("mnist", nuisance="split")
    assert table.nuisance["split"].tolist() == ["train"] * 3 + ["test"] * 2
    assert table.label is not None
    assert not table.metadata


def test_a_prepared_file_with_a_wrong_checksum_is_named(tiny_mnist):
    folder, _ = tiny_mnist
    path = folder / "train-labels.gz"
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(DataError, match=rf"{path} with SHA-256 [0-9a-f]{{64}}; found {sha256_of(path)}"):
        load_corpus("mnist")
    assert len(load_corpus("mnist", "test")) == 2, "the other split does not need the damaged file"


def test_offline_without_a_copy_says_what_to_do(tiny_mnist):
    folder, _ = tiny_mnist
    (folder / "train-images.gz").unlink()
    with pytest.raises(DataError, match=r"train-images\.gz .*latentatlas data get mnist.*set LATENTATLAS_DATA"):
        load_corpus("mnist")


@pytest.mark.parametrize(
    ("name", "split", "message"),
    [
        ("mnits", None, "no corpus 'mnits'. Did you mean 'mnist'"),
        ("mnist", "valid", "There are: train, test"),
        ("digits", "train", "no split 'train'. There are none"),
    ],
)
def test_unknown_corpora_and_splits(name, split, message):
    with pytest.raises(DataError, match=message):
        load_corpus(name, split)
    with pytest.raises(DataError, match="no corpus"):
        download_corpus("nothing")


@pytest.mark.parametrize("array", [np.arange(12, dtype=np.uint8).reshape(3, 2, 2), np.array([7], np.uint8)])
def test_idx_by_hand(tmp_path, array):
    (tmp_path / "f.gz").write_bytes(_idx(array))
    np.testing.assert_array_equal(read_idx(tmp_path / "f.gz"), array)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"plain", "gzip"),
        (gzip.compress(b""), "does not begin"),
        (gzip.compress(b"\0\0\x0d\1\0\0\0\1\0"), "does not begin"),
        (gzip.compress(b"\0\0\x08\2\0\0"), "is none"),
        (gzip.compress(b"\0\0\x08\1\0\0\0\3ab"), "promises 3 bytes, 2 follow"),
        (gzip.compress(b"\0\0\x08\1\0\0\0\3abc")[:-9], "is none"),
    ],
)
def test_spoilt_idx_files(tmp_path, raw, message):
    (tmp_path / "f.gz").write_bytes(raw)
    with pytest.raises(DataError, match=message):
        read_idx(tmp_path / "f.gz")


@pytest.mark.data
def test_the_real_mnist(data_home):
    table = read_table("mnist:test")
    assert table.x.shape == (10_000, 784)
    assert np.bincount(table.label).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert (table.x.min(), table.x.max(), table.item_shape) == (0, 255, (28, 28))


@pytest.mark.data
def test_the_real_mnist_whole(data_home):
    assert [path.parent for path in download_corpus("mnist")] == [data_home / "mnist"] * 4
    table = load_corpus("mnist")
    train = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert (len(table), len(table.columns)) == (corpora()["mnist"].rows, corpora()["mnist"].features)
    assert np.bincount(table.label[:60_000]).tolist() == train
    assert (table.metadata["split"][60_000:] == "test").all()
