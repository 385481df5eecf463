"""Images: digits, MNIST, Fashion-MNIST and CIFAR-10. Rows are flattened pixels; `item_shape` keeps their shape."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
from jaxtyping import UInt8

from latentatlas.core import DataError
from latentatlas.data.corpora.archives import tar_members
from latentatlas.data.corpora.corpus import Corpus, Edition
from latentatlas.data.download import CorpusFile, Files
from latentatlas.data.table import Table

__all__ = ["IMAGES", "read_idx"]

_SPLITS = ("train", "test")
_FIRST = {"train": 0, "test": 60_000}  # ids of MNIST: a row has the same id in a split as in the whole
_CLOTHES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
_CIFAR_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_CIFAR_BATCHES = {
    "train": tuple(f"cifar-10-batches-bin/data_batch_{number}.bin" for number in range(1, 6)),
    "test": ("cifar-10-batches-bin/test_batch.bin",),
}


def read_idx(path: Path) -> UInt8[np.ndarray, "n *axes"]:
    """The array of unsigned bytes in a gzipped IDX file: 0, 0, type 8, number of axes, their lengths, the bytes.

    Raises:
        DataError: if the file is not gzip, not IDX of bytes, or cut off.

    References:
        Y. LeCun, C. Cortes, C. Burges, The MNIST database, file formats.
    """
    try:
        with gzip.open(path) as file:
            raw = file.read()
        if raw[:3] != b"\x00\x00\x08":
            raise ValueError("it does not begin as IDX of unsigned bytes")
        shape = struct.unpack_from(f">{raw[3]}I", raw, 4)
        values = np.frombuffer(raw, np.uint8, offset=4 + 4 * len(shape))
        if values.size != math.prod(shape):
            raise ValueError(f"its header promises {math.prod(shape)} bytes, {values.size} follow")
    except (OSError, EOFError, ValueError, IndexError, struct.error, zlib.error) as error:
        raise DataError(f"read_idx wants a gzipped IDX file; {path} is none: {error}. Get the file again.") from error
    return values.reshape(shape)


def _read_digits(files: Files, part: str | None) -> Table:
    from sklearn.datasets import load_digits

    bunch: Any = load_digits()
    return Table(
        bunch.data.astype(np.float32),
        columns=_pixel_names(8, 8),
        label=bunch.target.astype(np.int64),
        item_shape=(8, 8),
    )


@final
@dataclass(frozen=True)
class _IdxReader:
    """Reads the four files of MNIST and of the sets made after it; `classes` names the labels, if they have names."""

    classes: tuple[str, ...] = ()

    def __call__(self, files: Files, part: str | None) -> Table:
        names = list(files)
        splits = [split for split in _SPLITS if part in (None, split)]
        positions = [2 * _SPLITS.index(split) for split in splits]
        images = np.concatenate([read_idx(files[names[position]]) for position in positions])
        labels = [read_idx(files[names[position + 1]]) for position in positions]
        codes = np.concatenate(labels).astype(np.int64)
        height, width = images.shape[1:]
        return Table(
            images.reshape(len(images), -1).astype(np.float32),
            columns=_pixel_names(height, width),
            ids=_FIRST[splits[0]] + np.arange(len(images), dtype=np.int64),
            label=np.array(self.classes)[codes] if self.classes else codes,
            metadata={"split": np.repeat(splits, [len(each) for each in labels])},
            item_shape=(height, width),
        )


def _read_cifar_sample(files: Files, part: str | None) -> Table:
    with np.load(files["cifar10_jpeg_10k.npz"], allow_pickle=False) as arrays:
        images = {split: arrays[f"X_{split}"] for split in _SPLITS}
        codes = {split: arrays[f"y_{split}"] for split in _SPLITS}
    return _cifar_table(images, codes)


def _read_cifar(files: Files, part: str | None) -> Table:
    """Both splits: a label byte, then 1,024 bytes each of red, green and blue, row by row, for every image."""
    members = [member for split in _SPLITS for member in _CIFAR_BATCHES[split]]
    path = files["cifar-10-binary.tar.gz"]
    batches = dict(zip(members, tar_members(path, *members), strict=True))
    images, codes = {}, {}
    for split in _SPLITS:
        raw = b"".join(batches[member] for member in _CIFAR_BATCHES[split])
        if len(raw) % 3073:
            raise DataError(
                f"Corpus 'cifar10' wants 3,073 bytes per image in {path}; got {len(raw)} bytes. Get it again."
            )
        rows = np.frombuffer(raw, np.uint8).reshape(-1, 3073)
        codes[split] = rows[:, 0]
        images[split] = rows[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return _cifar_table(images, codes)


def _cifar_table(images: dict[str, np.ndarray], codes: dict[str, np.ndarray]) -> Table:
    counts = [len(codes[split]) for split in _SPLITS]
    x = np.empty((sum(counts), 3072), np.float32)
    x[: counts[0]] = images["train"].reshape(counts[0], 3072)
    x[counts[0] :] = images["test"].reshape(counts[1], 3072)
    colours = ("red", "green", "blue")
    return Table(
        x,
        columns=tuple(f"{name}_{colour}" for name in _pixel_names(32, 32) for colour in colours),
        label=np.array(_CIFAR_CLASSES)[np.concatenate([codes[split] for split in _SPLITS])],
        metadata={"split": np.repeat(_SPLITS, counts)},
        item_shape=(32, 32, 3),
    )


def _pixel_names(height: int, width: int) -> tuple[str, ...]:
    return tuple(f"pixel_{row}_{column}" for row in range(height) for column in range(width))


def _idx_files(folder: str, sums: tuple[tuple[str, int], ...], mirrors: tuple[str, ...]) -> tuple[CorpusFile, ...]:
    names = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    return tuple(
        CorpusFile(
            f"{folder}/{name}-ubyte.gz", f"sha256:{sha}", size, tuple(f"{url}{name}-ubyte.gz" for url in mirrors)
        )
        for name, (sha, size) in zip(names, sums, strict=True)
    )


_MNIST_FILES = _idx_files(
    "mnist",
    (
        ("440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609", 9_912_422),
        ("3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c", 28_881),
        ("8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6", 1_648_877),
        ("f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6", 4_542),
    ),
    ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"),
)

# Checksums of Fashion-MNIST and CIFAR-10: tensorflow/datasets, url_checksums.
_FASHION_FILES = _idx_files(
    "fashion_mnist",
    (
        ("3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84", 26_421_880),
        ("a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845", 29_515),
        ("346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073", 4_422_102),
        ("67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5", 5_148),
    ),
    (
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    ),
)

_CIFAR_SAMPLE = CorpusFile(
    "cifar10/cifar10_jpeg_10k.npz",
    "sha256:14e4fee218010526e42b2f8f518535d38e4d37c6061204412e85bc72b5221906",
    28_429_461,
)
_CIFAR_ARCHIVE = CorpusFile(
    "cifar10/cifar-10-binary.tar.gz",
    "sha256:c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    170_052_171,
    ("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",),
)

IMAGES = (
    Corpus(
        name="digits",
        kind="images",
        title="Handwritten digits, 8 × 8 pixels",
        details="Pixels have values 0 to 16; they come with scikit-learn.",
        license="CC BY 4.0",
        citation="E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI Repository, 1998",
        source="https://archive.ics.uci.edu/dataset/80",
        editions=(Edition("bundled", 1_797, 64, _read_digits),),
    ),
    Corpus(
        name="mnist",
        kind="images",
        title="Handwritten digits, 28 × 28 pixels",
        details="60,000 for training and 10,000 for testing; pixels have values 0 to 255.",
        license="CC BY-SA 3.0",
        citation="Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Gradient-based learning applied to document "
        "recognition, Proc. IEEE, 1998",
        source="http://yann.lecun.com/exdb/mnist/",
        editions=(Edition("published", 70_000, 784, _IdxReader(), _MNIST_FILES),),
        splits=_SPLITS,
    ),
    Corpus(
        name="fashion_mnist",
        kind="images",
        title="Pictures of clothes, 28 × 28 pixels",
        details="60,000 for training and 10,000 for testing; pixels have values 0 to 255. There is no prepared copy.",
        license="MIT",
        citation="H. Xiao, K. Rasul, R. Vollgraf, Fashion-MNIST: a novel image dataset for benchmarking machine "
        "learning algorithms, arXiv:1708.07747, 2017",
        source="https://github.com/zalandoresearch/fashion-mnist",
        editions=(Edition("published", 70_000, 784, _IdxReader(_CLOTHES), _FASHION_FILES),),
        splits=_SPLITS,
    ),
    Corpus(
        name="cifar10",
        kind="images",
        title="Colour photographs, 32 × 32 pixels",
        details="Ten classes; red, green and blue have values 0 to 255. The prepared edition holds 1,000 of 6,000 "
        "pictures of each class, decoded from JPEG, so their pixels are not those of the original.",
        license="No explicit licence; research",
        citation="A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009",
        source="https://www.cs.toronto.edu/~kriz/cifar.html",
        editions=(
            Edition(
                "prepared", 10_000, 3_072, _read_cifar_sample, (_CIFAR_SAMPLE,), note="10,000 of 60,000, from JPEG"
            ),
            Edition("published", 60_000, 3_072, _read_cifar, (_CIFAR_ARCHIVE,)),
        ),
        splits=_SPLITS,
    ),
)
