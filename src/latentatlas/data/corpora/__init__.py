"""Public data sets by name: where they come from, their terms, and how they become a `Table`."""

from latentatlas.data.corpora.corpus import Corpus, Edition
from latentatlas.data.corpora.images import read_idx
from latentatlas.data.corpora.registry import (
    corpora,
    download_corpus,
    load_corpus,
    load_hierarchy,
    load_ratings,
    load_recordings,
    load_retrieval,
)
from latentatlas.data.corpora.relations import Hierarchy, Ratings
from latentatlas.data.corpora.retrieval import Retrieval
from latentatlas.data.corpora.signals import BEAT_CLASSES

__all__ = [
    "BEAT_CLASSES",
    "Corpus",
    "Edition",
    "Hierarchy",
    "Ratings",
    "Retrieval",
    "corpora",
    "download_corpus",
    "load_corpus",
    "load_hierarchy",
    "load_ratings",
    "load_recordings",
    "load_retrieval",
    "read_idx",
]
