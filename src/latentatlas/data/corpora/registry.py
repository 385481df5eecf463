"""All public data sets by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from latentatlas.core import DataError, did_you_mean
from latentatlas.data.corpora.computed import COMPUTED
from latentatlas.data.corpora.corpus import Corpus
from latentatlas.data.corpora.images import IMAGES
from latentatlas.data.corpora.relations import RELATIONS, Hierarchy, HierarchyReader, Ratings, RatingsReader
from latentatlas.data.corpora.retrieval import RETRIEVAL, Retrieval, RetrievalReader, named
from latentatlas.data.corpora.signals import SIGNALS, SignalReader
from latentatlas.data.corpora.texts import TEXTS
from latentatlas.data.corpora.vectors import VECTORS
from latentatlas.data.download import Files, ProgressOf, silent
from latentatlas.data.signals import Recording
from latentatlas.data.table import Table

__all__ = [
    "corpora",
    "download_corpus",
    "load_corpus",
    "load_hierarchy",
    "load_ratings",
    "load_recordings",
    "load_retrieval",
]

_R = TypeVar("_R")
_CORPORA: dict[str, Corpus] = {
    corpus.name: corpus for corpus in (*IMAGES, *TEXTS, *RETRIEVAL, *SIGNALS, *VECTORS, *RELATIONS, *COMPUTED)
}


def corpora() -> Mapping[str, Corpus]:
    """All corpora by name.

    >>> list(corpora())[:4]
    ['digits', 'mnist', 'fashion_mnist', 'cifar10']
    >>> corpora()["mnist"].splits
    ('train', 'test')
    """
    return MappingProxyType(_CORPORA)


def load_corpus(name: str, part: str | None = None, *, edition: str | None = None) -> Table:
    """The rows of a corpus.

    Files are taken from `$LATENTATLAS_DATA` or the cache. Of a corpus with two editions the first that is at hand is
    taken; if none is, the published one is downloaded once. The table's name says where an edition differs from the
    published original: a sample, a lossy copy, the kind of vectors of texts.

    Args:
        name: for example "digits".
        part: a split, for example "train", or another view, for example "users" of "movielens"; None for all rows.
        edition: "prepared" or "published"; None for the rule above.

    Raises:
        DataError: if there is no such corpus, part or edition, or its files are damaged or not to be had.

    >>> table = load_corpus("digits")
    >>> table.x.shape, table.item_shape, table.label[:3].tolist()
    ((1797, 64), (8, 8), [0, 1, 2])
    """
    return _corpus(name).load(part, edition=edition)


def download_corpus(name: str, *, edition: str | None = None, progress: ProgressOf = silent) -> list[Path]:
    """Verified local copies of the files of a corpus; empty if it comes with a library.

    Files at hand (in `$LATENTATLAS_DATA` or the cache) are checked, not downloaded again.

    Args:
        name: of a corpus.
        edition: "prepared" or "published"; None for the one that `load_corpus` would take.
        progress: shows downloads.

    Raises:
        DataError: if there is no such corpus or edition, or a file is damaged or not to be had.

    >>> download_corpus("digits")
    []
    """
    return _corpus(name).download(edition=edition, progress=progress)


def load_retrieval(name: str, split: str | None = None, *, edition: str | None = None) -> Retrieval:
    """Documents, queries and judgements of a retrieval set: nfcorpus, cranfield or npl.

    Documents and queries lie in one space: MiniLM for the test queries of the prepared nfcorpus, else latent semantic
    analysis fitted on the documents (their tables' names say which).

    Args:
        name: of the corpus.
        split: "train", "dev" or "test" queries of nfcorpus; None for all queries.
        edition: see `load_corpus`.

    Raises:
        DataError: if the corpus is no retrieval set, has no such split, or its files are damaged or not to be had.
    """
    reader, files = _reader(name, RetrievalReader, "documents and queries", edition)
    splits = ("train", "dev", "test") if name == "nfcorpus" else ()
    if split is not None and split not in splits:
        raise DataError(f"The queries of {name!r} have no split {split!r}. {did_you_mean(split, splits)}")
    return named(reader.joined(files, split), name)


def load_ratings(name: str = "movielens", *, edition: str | None = None) -> Ratings:
    """The sparse matrix of ratings, users × movies, with the ids of its rows and columns.

    Raises:
        DataError: if the corpus has no ratings, or its files are damaged or not to be had.
    """
    reader, files = _reader(name, RatingsReader, "ratings", edition)
    return reader.ratings(files)


def load_recordings(name: str, split: str | None = None, *, edition: str | None = None) -> list[Recording]:
    """The records of a corpus of signals, whole: mitbih or hapt.

    mitbih: 48 records in mV at 360 Hz, both leads (their names and order differ between records), every annotation a
    mark with its symbol; `record.relabelled(BEAT_CLASSES)` leaves the beats, in the classes of AAMI. hapt: 61
    experiments at 50 Hz, acceleration (g) and rotation (rad/s), activities as segments. Subjects are known, and `split`
    is the official one.

    Cost: all of mitbih takes 250 MB and a few seconds, hapt 27 MB.

    Raises:
        DataError: if the corpus holds no records, has no such split, or its files are damaged or not to be had.
    """
    reader, files = _reader(name, SignalReader, "a record", edition)
    splits = _corpus(name).splits
    if split is not None and split not in splits:
        raise DataError(f"Corpus {name!r} has no split {split!r}. {did_you_mean(split, splits)}")
    return reader.recordings(files, split)


def load_hierarchy(name: str = "wordnet_mammals", *, edition: str | None = None) -> Hierarchy:
    """The nodes of a hierarchy and its transitively closed pairs of child and ancestor.

    Raises:
        DataError: if the corpus has no hierarchy, or its files are damaged or not to be had.
    """
    reader, files = _reader(name, HierarchyReader, "a hierarchy", edition)
    return reader.hierarchy(files)


def _corpus(name: str) -> Corpus:
    if name not in _CORPORA:
        raise DataError(f"There is no corpus {name!r}. {did_you_mean(name, _CORPORA)}")
    return _CORPORA[name]


def _reader(name: str, kind: type[_R], what: str, edition: str | None) -> tuple[_R, Files]:
    """The reader of a corpus, which must be of this kind, and the files it reads."""
    corpus = _corpus(name)
    if not isinstance(corpus.editions[0].read, kind):
        suited = [each.name for each in _CORPORA.values() if isinstance(each.editions[0].read, kind)]
        raise DataError(f"Corpus {name!r} holds no {what.removeprefix('a ')}. {did_you_mean('', suited)}")
    chosen = corpus.edition(edition)
    reader: Any = chosen.read
    return reader, Files(corpus.name, chosen.files)
