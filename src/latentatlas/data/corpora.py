"""Public data sets by name: where they come from, their terms, and how they become a `Table`."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, final

import numpy as np
from jaxtyping import UInt8

from latentatlas.core import DataError, did_you_mean
from latentatlas.data.download import RemoteFile, fetch
from latentatlas.data.table import Table

__all__ = ["Corpus", "corpora", "download_corpus", "load_corpus", "read_idx"]


@final
@dataclass(frozen=True)
class Corpus:
    """A public data set.

    Attributes:
        name: the word that names it as a source.
        title: one line for people.
        rows: number of rows, all splits together.
        features: numbers per row.
        license: terms of use.
        citation: what to cite.
        loader: `(corpus, split) -> Table`; a split of None means all rows.
        splits: names of its splits; the first comes first in the whole.
        files: what it is made of; empty if it comes with a library.
    """

    name: str
    title: str
    rows: int
    features: int
    license: str
    citation: str
    loader: Callable[[Corpus, str | None], Table]
    splits: tuple[str, ...] = ()
    files: tuple[RemoteFile, ...] = ()

    def load(self, split: str | None = None) -> Table:
        """The rows of one split, or all.

        Raises:
            DataError: if there is no such split, or a file is damaged or not to be had.
        """
        if split is not None and split not in self.splits:
            raise DataError(f"Corpus {self.name!r} has no split {split!r}. {did_you_mean(split, self.splits)}")
        return self.loader(self, split)


def corpora() -> Mapping[str, Corpus]:
    """All corpora by name.

    >>> list(corpora())
    ['digits', 'mnist']
    >>> corpora()["mnist"].splits
    ('train', 'test')
    """
    return MappingProxyType(_CORPORA)


def load_corpus(name: str, split: str | None = None) -> Table:
    """The rows of a corpus; its files are downloaded once if they are not at hand.

    Args:
        name: for example "digits".
        split: for example "train"; None for all rows.

    Raises:
        DataError: if there is no such corpus or split, or its files are damaged or not to be had.

    >>> table = load_corpus("digits")
    >>> table.x.shape, table.item_shape, table.label[:3].tolist()
    ((1797, 64), (8, 8), [0, 1, 2])
    """
    return _corpus(name).load(split)


def download_corpus(name: str) -> list[Path]:
    """Verified local copies of the files of a corpus; empty if it comes with a library.

    Files at hand (in `$LATENTATLAS_DATA` or the cache) are checked, not downloaded again.

    Raises:
        DataError: if there is no such corpus, or a file is damaged or not to be had.

    >>> download_corpus("digits")
    []
    """
    corpus = _corpus(name)
    return fetch(corpus.name, corpus.files)


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


def _corpus(name: str) -> Corpus:
    if name not in _CORPORA:
        raise DataError(f"There is no corpus {name!r}. {did_you_mean(name, _CORPORA)}")
    return _CORPORA[name]


def _load_digits(corpus: Corpus, split: str | None) -> Table:
    from sklearn.datasets import load_digits

    bunch: Any = load_digits()
    return Table(
        bunch.data.astype(np.float32),
        columns=_pixel_names(8, 8),
        label=bunch.target.astype(np.int64),
        name=corpus.name,
        pointer=corpus.name,
        item_shape=(8, 8),
    )


def _load_mnist(corpus: Corpus, split: str | None) -> Table:
    splits = corpus.splits if split is None else (split,)
    images, labels = zip(*(_mnist_split(corpus, each) for each in splits), strict=True)
    pixels = np.concatenate(images)
    height, width = pixels.shape[1:]
    first = 0 if split is None else _MNIST_FIRST[split]
    return Table(
        pixels.reshape(len(pixels), -1).astype(np.float32),
        columns=_pixel_names(height, width),
        ids=np.arange(first, first + len(pixels), dtype=np.int64),
        label=np.concatenate(labels).astype(np.int64),
        metadata={"split": np.repeat(splits, [len(each) for each in labels])},
        name=corpus.name,
        pointer=corpus.name if split is None else f"{corpus.name}:{split}",
        item_shape=(height, width),
    )


def _mnist_split(corpus: Corpus, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels; the files of a corpus in this format are these two for each split, in order."""
    position = 2 * corpus.splits.index(split)
    images, labels = fetch(corpus.name, corpus.files[position : position + 2])
    return read_idx(images), read_idx(labels)


def _pixel_names(height: int, width: int) -> tuple[str, ...]:
    return tuple(f"pixel_{row}_{column}" for row in range(height) for column in range(width))


def _mnist_file(name: str, sha256: str, size: int) -> RemoteFile:
    mirrors = ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/")
    return RemoteFile(name, sha256, size, tuple(mirror + name for mirror in mirrors))


_MNIST_FIRST = {"train": 0, "test": 60_000}  # a row has the same id in a split as in the whole

_CORPORA: dict[str, Corpus] = {
    corpus.name: corpus
    for corpus in (
        Corpus(
            name="digits",
            title="Handwritten digits, 8 × 8 pixels with values 0 to 16 (comes with scikit-learn)",
            rows=1_797,
            features=64,
            license="CC BY 4.0",
            citation="E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI Repository, 1998",
            loader=_load_digits,
        ),
        Corpus(
            name="mnist",
            title="Handwritten digits, 28 × 28 pixels with values 0 to 255: 60,000 for training, 10,000 for testing",
            rows=70_000,
            features=784,
            license="CC BY-SA 3.0",
            citation="Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Gradient-based learning applied to document "
            "recognition, Proc. IEEE, 1998",
            loader=_load_mnist,
            splits=("train", "test"),
            files=(
                _mnist_file(
                    "train-images-idx3-ubyte.gz",
                    "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                    9_912_422,
                ),
                _mnist_file(
                    "train-labels-idx1-ubyte.gz",
                    "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                    28_881,
                ),
                _mnist_file(
                    "t10k-images-idx3-ubyte.gz",
                    "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                    1_648_877,
                ),
                _mnist_file(
                    "t10k-labels-idx1-ubyte.gz",
                    "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
                    4_542,
                ),
            ),
        ),
    )
}
