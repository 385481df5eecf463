"""Vectors as they are: words of GloVe, blood cells in principal components."""

from __future__ import annotations

import gzip

import numpy as np

from latentatlas.core import DataError
from latentatlas.data.corpora.archives import read_text
from latentatlas.data.corpora.corpus import Corpus, Edition, as_text
from latentatlas.data.download import CorpusFile, Files
from latentatlas.data.table import Table

__all__ = ["VECTORS"]

_HARMONY = "harmony"


def _read_common_words(files: Files, part: str | None) -> Table:
    with np.load(files["glove_twitter_25d_subset.npz"], allow_pickle=False) as arrays:
        return _word_table(arrays["vectors"], arrays["words"])


def _read_words(files: Files, part: str | None) -> Table:
    """The text format of word2vec: counts in the first line, then a word and its numbers per line."""
    path = files["glove-twitter-25.gz"]
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
        count, dim = (int(number) for number in file.readline().split())
        x, words = np.empty((count, dim), np.float32), []
        for row, line in enumerate(file):
            word, *numbers = line.rstrip("\n").split(" ")
            if row == count or len(numbers) != dim:
                raise DataError(
                    f"Corpus 'glove' wants {count} lines of {dim} numbers in {path}; line {row + 2} differs."
                )
            x[row] = np.array(numbers, np.float32)
            words.append(word)
    return _word_table(x[: len(words)], np.array(words))


def _word_table(x: np.ndarray, words: np.ndarray) -> Table:
    return Table(np.ascontiguousarray(x, np.float32), ids=words, metadata={"word": as_text(words.tolist())})


def _read_cells_prepared(files: Files, part: str | None) -> Table:
    with np.load(files["pbmc_3500_pcs.npz"], allow_pickle=False) as arrays:
        x = arrays["pcs_harmonized" if part == _HARMONY else "pcs"]
        return _cell_table(x, arrays["donor"].tolist(), arrays["cell"].tolist())


def _read_cells(files: Files, part: str | None) -> Table:
    harmony = "_harmonized" if part == _HARMONY else ""
    _, *rows = _tab_rows(read_text(files[f"pbmc_3500_pcs{harmony}.tsv.gz"]))
    header, *meta = _tab_rows(read_text(files["pbmc_3500_meta.tsv.gz"]))
    donors, barcodes = ([row[header.index(name) - len(header)] for row in meta] for name in ("donor", "cell"))
    return _cell_table(np.array(rows, np.float32), donors, barcodes)


def _tab_rows(text: str) -> list[list[str]]:
    return [[cell.strip('"') for cell in line.split("\t")] for line in text.splitlines()]


def _cell_table(x: np.ndarray, donors: list[str], barcodes: list[str]) -> Table:
    return Table(
        np.ascontiguousarray(x, np.float32),
        columns=tuple(f"PC{number}" for number in range(1, x.shape[1] + 1)),
        metadata={"donor": as_text(donors), "barcode": as_text(barcodes)},
    )


_WORDS_PREPARED = CorpusFile(
    "glove_twitter_25d/glove_twitter_25d_subset.npz",
    "sha256:0530417b606c7517904606c86b5248f884f0c1921c84293daaf4b16a9ee36212",
    1_160_424,
)
_WORDS_FILE = CorpusFile(  # checksum: gensim-data, list.json
    "glove_twitter_25d/glove-twitter-25.gz",
    "md5:50db0211d7e7a2dcd362c6b774762793",
    109_885_004,
    ("https://github.com/RaRe-Technologies/gensim-data/releases/download/glove-twitter-25/glove-twitter-25.gz",),
)
_CELLS_PREPARED = CorpusFile(
    "pbmc_harmony/pbmc_3500_pcs.npz",
    "sha256:61439364a64d7d8506d3f36b8306853905a80f74930930b76c46e43b2c641db9",
    798_129,
)
_CELLS_URLS = (
    "https://github.com/slowkow/harmonypy/raw/refs/heads/master/data/",
    "https://raw.githubusercontent.com/slowkow/harmonypy/4d2b63f52216c7c7e34e5d399a6f978540f904d4/data/",
)
_CELLS_FILES = tuple(  # checksums: scanpy, the tests of harmony_integrate
    CorpusFile(f"pbmc_harmony/{name}", f"md5:{md5}", None, tuple(url + name for url in _CELLS_URLS))
    for name, md5 in (
        ("pbmc_3500_pcs.tsv.gz", "27e319b3ddcc0c00d98e70aa8e677b10"),
        ("pbmc_3500_pcs_harmonized.tsv.gz", "a7c4ce4b98c390997c66d63d48e09221"),
        ("pbmc_3500_meta.tsv.gz", "8c7ca20e926513da7cf0def1211baecb"),
    )
)

VECTORS = (
    Corpus(
        name="glove",
        kind="vectors",
        title="English words, GloVe of tweets",
        details="Prepared: 11,925 common words. Published: all 1,193,514.",
        license="PDDL 1.0",
        citation="J. Pennington, R. Socher, C. D. Manning, GloVe: Global Vectors for Word Representation, EMNLP 2014",
        source="https://nlp.stanford.edu/projects/glove/",
        editions=(
            Edition("prepared", 11_925, 25, _read_common_words, (_WORDS_PREPARED,), "11,925 common words"),
            Edition("published", 1_193_514, 25, _read_words, (_WORDS_FILE,)),
        ),
    ),
    Corpus(
        name="pbmc",
        kind="vectors",
        title="Blood cells of three donors",
        details="30 principal components; in the view `harmony` Harmony has removed the effect of the donors. No cell"
        " types.",
        license="GPL-3",
        citation="I. Korsunsky et al., Fast, sensitive and accurate integration of single-cell data with Harmony, "
        "Nature Methods, 2019",
        source="https://github.com/slowkow/harmonypy",
        editions=(
            Edition("prepared", 3_500, 30, _read_cells_prepared, (_CELLS_PREPARED,)),
            Edition("published", 3_500, 30, _read_cells, _CELLS_FILES),
        ),
        views=(_HARMONY,),
    ),
)
