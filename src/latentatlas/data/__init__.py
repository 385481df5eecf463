"""Sources of rows: arrays, frames, files and public corpora, all read into a `Table`."""

from latentatlas.data.arrays import DataWarning, as_matrix, match_columns, require_variation, warn_of_scales
from latentatlas.data.corpora import (
    Corpus,
    Edition,
    Hierarchy,
    Ratings,
    Retrieval,
    corpora,
    download_corpus,
    load_corpus,
    load_hierarchy,
    load_ratings,
    load_retrieval,
)
from latentatlas.data.download import CorpusFile
from latentatlas.data.images import Images
from latentatlas.data.interactions import InteractionMatrix, Interactions, interaction_matrix
from latentatlas.data.labels import as_nuisances, as_rows_of, encode_labels
from latentatlas.data.naming import (
    GroupValue,
    group_names,
    group_values,
    group_words,
    holds_texts,
    telling_column,
)
from latentatlas.data.progress import listening
from latentatlas.data.readers import Reader, read_table
from latentatlas.data.shards import Shards, ShardSample, is_sharded, read_shards
from latentatlas.data.table import Table, concatenate, fingerprint, positional_names
from latentatlas.data.text import Embedder, SentenceEncoder, Texts

__all__ = [
    "Corpus",
    "CorpusFile",
    "DataWarning",
    "Edition",
    "Embedder",
    "GroupValue",
    "Hierarchy",
    "Images",
    "InteractionMatrix",
    "Interactions",
    "Ratings",
    "Reader",
    "Retrieval",
    "SentenceEncoder",
    "ShardSample",
    "Shards",
    "Table",
    "Texts",
    "as_matrix",
    "as_nuisances",
    "as_rows_of",
    "concatenate",
    "corpora",
    "download_corpus",
    "encode_labels",
    "fingerprint",
    "group_names",
    "group_values",
    "group_words",
    "holds_texts",
    "interaction_matrix",
    "is_sharded",
    "listening",
    "load_corpus",
    "load_hierarchy",
    "load_ratings",
    "load_retrieval",
    "match_columns",
    "positional_names",
    "read_shards",
    "read_table",
    "require_variation",
    "telling_column",
    "warn_of_scales",
]
