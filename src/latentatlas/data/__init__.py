"""Sources of rows: arrays, frames, files and public corpora, all read into a `Table`."""

from latentatlas.data.arrays import DataWarning, as_matrix, match_columns, require_variation, warn_of_scales
from latentatlas.data.corpora import Corpus, corpora, download_corpus, load_corpus
from latentatlas.data.download import RemoteFile
from latentatlas.data.labels import as_nuisances, as_rows_of, encode_labels
from latentatlas.data.readers import read_table
from latentatlas.data.table import Table, fingerprint, positional_names

__all__ = [
    "Corpus",
    "DataWarning",
    "RemoteFile",
    "Table",
    "as_matrix",
    "as_nuisances",
    "as_rows_of",
    "corpora",
    "download_corpus",
    "encode_labels",
    "fingerprint",
    "load_corpus",
    "match_columns",
    "positional_names",
    "read_table",
    "require_variation",
    "warn_of_scales",
]
