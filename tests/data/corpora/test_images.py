from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest

from latentatlas.core import DataError
from latentatlas.data import corpora, download_corpus, load_corpus, read_table
from latentatlas.data.corpora import read_idx
from latentatlas.data.download import checksum_of

CIFAR_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def _idx(array: np.ndarray) -> bytes:
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return gzip.compress(header + array.tobytes(), mtime=0)


@pytest.fixture
def tiny_mnist(install, rng):
    """MNIST of 3 + 2 images of 2 × 3 pixels, and its arrays."""
    arrays = {
        split: (rng.integers(0, 256, (rows, 2, 3), np.uint8), rng.integers(0, 10, rows, np.uint8))
        for split, rows in (("train", 3), ("t10k", 2))
    }
    contents = {}
    for split, (images, labels) in arrays.items():
        contents[f"{split}-images-idx3-ubyte.gz"] = _idx(images)
        contents[f"{split}-labels-idx1-ubyte.gz"] = _idx(labels)
    folder = install("mnist", "published", contents) / "mnist"
    return folder, {"train": arrays["train"], "test": arrays["t10k"]}


def test_digits_are_bundled():
    table = load_corpus("digits")
    assert (table.x.shape, table.item_shape, table.pointer, table.name) == ((1797, 64), (8, 8), "digits", "digits")
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


def test_a_split_can_be_a_nuisance(tiny_mnist):
    table = read_table("mnist", nuisance="split")
    assert table.nuisance["split"].tolist() == ["train"] * 3 + ["test"] * 2
    assert table.label is not None
    assert not table.metadata


def test_a_prepared_file_with_a_wrong_checksum_is_named(tiny_mnist):
    folder, _ = tiny_mnist
    path = folder / "train-labels-idx1-ubyte.gz"
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(DataError, match=rf"{path} with sha256:[0-9a-f]{{64}}; found {checksum_of(path)}"):
        load_corpus("mnist")
    assert len(load_corpus("mnist", "test")) == 2, "the other split does not need the damaged file"


def test_offline_without_a_copy_says_what_to_do(tiny_mnist):
    folder, _ = tiny_mnist
    (folder / "train-images-idx3-ubyte.gz").unlink()
    with pytest.raises(
        DataError, match=r"train-images.*no connection.*latentatlas data get mnist.*set LATENTATLAS_DATA"
    ):
        load_corpus("mnist")


def test_fashion_mnist_names_its_classes(install):
    images = np.zeros((1, 28, 28), np.uint8)
    parts = {"train": [0, 9], "t10k": [8]}
    contents = {f"{split}-labels-idx1-ubyte.gz": _idx(np.array(codes, np.uint8)) for split, codes in parts.items()}
    contents |= {f"{split}-images-idx3-ubyte.gz": _idx(images.repeat(len(c), 0)) for split, c in parts.items()}
    install("fashion_mnist", "published", contents)
    assert load_corpus("fashion_mnist").label.tolist() == ["T-shirt/top", "Ankle boot", "Bag"]


def _cifar(label: int, row: int, column: int) -> bytes:
    """An image that is black but for one pixel of red 1, green 2, blue 3."""
    planes = np.zeros((3, 32, 32), np.uint8)
    planes[:, row, column] = 1, 2, 3
    return bytes([label]) + planes.tobytes()


def test_the_binary_cifar10(install, tarred):
    names = [f"cifar-10-batches-bin/data_batch_{number}.bin" for number in range(1, 6)]
    members = {name: _cifar(number, number, 0) for number, name in enumerate(names)}
    members["cifar-10-batches-bin/test_batch.bin"] = _cifar(9, 31, 30) + _cifar(8, 0, 0)
    install("cifar10", "published", {"cifar-10-binary.tar.gz": tarred(members)})
    table = load_corpus("cifar10")
    assert (len(table), table.item_shape, table.name) == (7, (32, 32, 3), "cifar10")
    assert table.label.tolist() == ["airplane", "automobile", "bird", "cat", "deer", "truck", "ship"]
    image = table.x[5].reshape(32, 32, 3)
    assert image[31, 30].tolist() == [1, 2, 3]
    assert image.sum() == 6
    assert dict(zip(table.columns, table.x[5], strict=True))["pixel_31_30_blue"] == 3
    assert load_corpus("cifar10", "test").ids.tolist() == [5, 6]


@pytest.mark.parametrize("spoil", ["cut", "member", "odd"])
def test_spoilt_archives_of_cifar10(install, tarred, spoil):
    members = {f"cifar-10-batches-bin/data_batch_{number}.bin": _cifar(0, 0, 0) for number in range(1, 6)}
    members["cifar-10-batches-bin/test_batch.bin"] = _cifar(0, 0, 0) + (b"\0" if spoil == "odd" else b"")
    if spoil == "member":
        del members["cifar-10-batches-bin/data_batch_3.bin"]
    content = tarred(members)
    install("cifar10", "published", {"cifar-10-binary.tar.gz": content[:-40] if spoil == "cut" else content})
    with pytest.raises(DataError, match="Get it again"):
        load_corpus("cifar10")


@pytest.mark.parametrize("array", [np.arange(12, dtype=np.uint8).reshape(3, 2, 2), np.array([7], np.uint8)])
def test_idx_by_hand(tmp_path, array):
    (tmp_path / "f.gz").write_bytes(_idx(array))
    np.testing.assert_array_equal(read_idx(tmp_path / "f.gz"), array)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"plain", "gzip"),
        (gzip.compress(b"", mtime=0), "does not begin"),
        (gzip.compress(b"\0\0\x0d\1\0\0\0\1\0", mtime=0), "does not begin"),
        (gzip.compress(b"\0\0\x08\2\0\0", mtime=0), "is none"),
        (gzip.compress(b"\0\0\x08\1\0\0\0\3ab", mtime=0), "promises 3 bytes, 2 follow"),
        (gzip.compress(b"\0\0\x08\1\0\0\0\3abc", mtime=0)[:-9], "is none"),
    ],
)
def test_spoilt_idx_files(tmp_path, raw, message):
    (tmp_path / "f.gz").write_bytes(raw)
    with pytest.raises(DataError, match=message):
        read_idx(tmp_path / "f.gz")


@pytest.mark.data
def test_the_real_mnist(data_home):
    assert [path.parent for path in download_corpus("mnist")] == [data_home / "mnist"] * 4
    table = load_corpus("mnist")
    edition = corpora()["mnist"].edition()
    train = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    test = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert (len(table), len(table.columns)) == (edition.rows, edition.features)
    assert np.bincount(table.label[:60_000]).tolist() == train
    assert np.bincount(table.label[60_000:]).tolist() == test
    assert (table.metadata["split"][60_000:] == "test").all()
    assert (table.x.min(), table.x.max(), table.item_shape) == (0, 255, (28, 28))


@pytest.mark.data
def test_the_real_cifar10_has_blue_skies_and_green_pastures(data_home):
    table = load_corpus("cifar10")
    counts = dict(zip(*np.unique(table.label, return_counts=True), strict=True))
    assert counts == dict.fromkeys(CIFAR_CLASSES, 1_000)
    test = load_corpus("cifar10", "test")
    assert set(np.unique(test.label, return_counts=True)[1].tolist()) == {200}
    top = table.x.reshape(-1, 32, 32, 3)[:, :8].mean(axis=(1, 2))  # the upper quarter, mean colour
    blueness = top[:, 2] - top[:, 0]
    by_class = {name: float(blueness[table.label == name].mean()) for name in counts}
    assert max(by_class, key=by_class.get) == "airplane"
    assert by_class["airplane"] > 10 > by_class["frog"]
