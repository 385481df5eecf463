"""Relations: ratings of movies by users, and the hierarchy of mammals in WordNet."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, final

import numpy as np
from jaxtyping import Int

from latentatlas.data.corpora.archives import csv_rows, read_text, zip_members
from latentatlas.data.corpora.corpus import Corpus, Edition, as_text
from latentatlas.data.download import CorpusFile, Files
from latentatlas.data.table import Table

__all__ = ["RELATIONS", "Hierarchy", "HierarchyReader", "Ratings", "RatingsReader"]

_FACTORS = 64
_YEAR = re.compile(r"\((\d{4})\)\s*$")


class Ratings(NamedTuple):
    """Who rated what.

    Attributes:
        matrix: sparse (users, movies) of ratings .5 to 5; an entry that is not there is not rated.
        users: id of each row, int64.
        movies: id of each column, int64; only movies that somebody rated.
    """

    matrix: Any
    users: np.ndarray
    movies: np.ndarray


class Hierarchy(NamedTuple):
    """What is a kind of what, transitively closed.

    Attributes:
        names: name of each node.
        pairs: (pairs, 2) numbers of nodes: child and ancestor; no node is paired with itself.
    """

    names: np.ndarray
    pairs: Int[np.ndarray, "pairs 2"]


@final
@dataclass(frozen=True)
class RatingsReader:
    """Reads ratings as movies, as users (the view "users"), or as the sparse matrix itself.

    R is the matrix of ratings less the mean of each user, with 0 where nobody rated, and R ≈ U S Vᵀ its 64 largest
    singular vectors (movies in rows). A movie is its row of U S, a user the row of V S.

    Args:
        tables: reads the text of movies.csv and ratings.csv.
    """

    tables: Callable[[Files], tuple[str, str]]

    def __call__(self, files: Files, part: str | None) -> Table:
        """Movies that somebody rated, or the view "users"."""
        movies_csv, ratings_csv = self.tables(files)
        ratings = _ratings(ratings_csv)
        movies, users = _factors(ratings.matrix)
        if part == "users":
            counts = np.diff(ratings.matrix.indptr)
            means = np.asarray(ratings.matrix.sum(axis=1)).ravel() / counts
            return Table(users, ids=ratings.users, metadata={"ratings": counts.astype(np.int64), "mean_rating": means})
        return _movie_table(movies, ratings, movies_csv)

    def ratings(self, files: Files) -> Ratings:
        """The sparse matrix with the ids of its rows and columns."""
        return _ratings(self.tables(files)[1])


def _prepared_ratings(files: Files) -> tuple[str, str]:
    return read_text(files["movies.csv.gz"]), read_text(files["ratings.csv.gz"])


def _published_ratings(files: Files) -> tuple[str, str]:
    names = ("ml-latest-small/movies.csv", "ml-latest-small/ratings.csv")
    movies, ratings = zip_members(files["ml-latest-small.zip"], *names)
    return movies.decode("utf-8"), ratings.decode("utf-8")


def _ratings(ratings_csv: str) -> Ratings:
    from scipy.sparse import csr_array

    rows = np.loadtxt(ratings_csv.splitlines(), delimiter=",", skiprows=1, usecols=(0, 1, 2), ndmin=2)
    users, user_rows = np.unique(rows[:, 0].astype(np.int64), return_inverse=True)
    movies, movie_rows = np.unique(rows[:, 1].astype(np.int64), return_inverse=True)
    matrix = csr_array((rows[:, 2], (user_rows, movie_rows)), shape=(len(users), len(movies)), dtype=np.float32)
    return Ratings(matrix, users, movies)


def _factors(matrix: Any) -> tuple[np.ndarray, np.ndarray]:
    """U S and V S of the centred matrix, movies in the rows of the first and users in those of the second."""
    from sklearn.decomposition import TruncatedSVD

    counts = np.diff(matrix.indptr)
    means = np.asarray(matrix.sum(axis=1)).ravel() / counts
    centred = matrix.astype(np.float64)
    centred.data = centred.data - np.repeat(means, counts)
    svd = TruncatedSVD(min(_FACTORS, *(size - 1 for size in matrix.shape)), random_state=0)
    movies = svd.fit_transform(centred.T.tocsr())
    users = svd.components_.T * svd.singular_values_
    return np.ascontiguousarray(movies, np.float32), np.ascontiguousarray(users, np.float32)


def _movie_table(x: np.ndarray, ratings: Ratings, movies_csv: str) -> Table:
    known = {int(row[0]): row[1:] for row in csv_rows(movies_csv)[1:]}
    titles, genres = ([known[movie][column] for movie in ratings.movies.tolist()] for column in (0, 1))
    years = [match.group(1) if (match := _YEAR.search(title)) else "0" for title in titles]
    by_movie = ratings.matrix.tocsc()
    counts = np.diff(by_movie.indptr)
    return Table(
        x,
        ids=ratings.movies,
        label=np.array([each.split("|")[0] for each in genres]),
        metadata={
            "title": as_text(titles),
            "year": np.array(years, np.int64),
            "genres": as_text(genres),
            "ratings": counts.astype(np.int64),
            "mean_rating": np.asarray(by_movie.sum(axis=0)).ravel() / counts,
        },
    )


@final
@dataclass(frozen=True)
class HierarchyReader:
    """Reads pairs of child and ancestor; a node is its row of the closure: 1 for itself and each of its ancestors."""

    def __call__(self, files: Files, part: str | None) -> Table:
        """One row per node. Cost: O(nodes²)."""
        names, pairs = self.hierarchy(files)
        x = np.eye(len(names), dtype=np.float32)
        x[pairs[:, 0], pairs[:, 1]] = 1
        return Table(
            x,
            columns=tuple(names.tolist()),
            ids=names,
            metadata={"depth": _depths(x), "descendants": x.sum(axis=0).astype(np.int64) - 1},
        )

    def hierarchy(self, files: Files) -> Hierarchy:
        """The names of the nodes in alphabetical order, and the pairs."""
        (path,) = files.values()
        rows = np.array([line.split("\t") for line in read_text(path).splitlines()])
        names, numbers = np.unique(rows, return_inverse=True)
        return Hierarchy(names, numbers.reshape(-1, 2).astype(np.int64))


def _depths(closure: np.ndarray) -> np.ndarray:
    """The length of the longest chain of ancestors above each node."""
    depths = np.zeros(len(closure), np.int64)
    for node in np.argsort(closure.sum(axis=1), kind="stable"):
        ancestors = np.flatnonzero(closure[node])
        above = ancestors[ancestors != node]
        depths[node] = depths[above].max() + 1 if len(above) else 0
    return depths


_MOVIE_FILES = (
    CorpusFile(
        "movielens_latest_small/movies.csv.gz",
        "sha256:6e36ba8c42d35392cc430397072b89712817f11846c757c21cf5b71d8289ae24",
        165_956,
    ),
    CorpusFile(
        "movielens_latest_small/ratings.csv.gz",
        "sha256:26470d29d27ca2682abb7d22971ec0a006329e16ba288d1d4c855e406de614db",
        680_426,
    ),
)
_MOVIE_ARCHIVE = CorpusFile(  # checksum: tensorflow/datasets, url_checksums
    "movielens_latest_small/ml-latest-small.zip",
    "sha256:696d65a3dfceac7c45750ad32df2c259311949efec81f0f144fdfb91ebc9e436",
    978_202,
    ("https://files.grouplens.org/datasets/movielens/ml-latest-small.zip",),
)
_MAMMALS_PREPARED = CorpusFile(
    "wordnet_mammals/mammal_closure.tsv.gz",
    "sha256:d81fae8c3f15f4cf758b132d18bd440ad44ac86c00fc403318155eccb08b7db1",
    38_153,
)
_MAMMALS_FILE = CorpusFile(  # checksum of the same bytes, unpacked; the address names the commit they came from
    "wordnet_mammals/mammal_closure.tsv",
    "sha256:38d9e1f10180d39c4215e4a1576f203dddeea81736e920d26a3e66316694ed5e",
    201_962,
    (
        "https://raw.githubusercontent.com/lateral/poincare-embeddings/"
        "3a63ede68d12a5cbf59e5de2abeea74ffa01c515/wordnet/mammal_closure.tsv",
    ),
)

RELATIONS = (
    Corpus(
        name="movielens",
        kind="relations",
        title="Movies, as factors of their ratings",
        details="ml-latest-small of 2018-09, for development rather than shared results: the 9,724 movies that "
        "somebody rated, as 64 factors of the ratings less each user's mean. Label: the first genre. View "
        "`users`: the 610 users in the same factors.",
        license="GroupLens: research use; acknowledge; no endorsement; commercial use by permission only",
        citation="F. M. Harper, J. A. Konstan, The MovieLens Datasets: History and Context, ACM TiiS 5(4):19, 2015",
        source="https://grouplens.org/datasets/movielens/",
        editions=(
            Edition("prepared", 9_724, _FACTORS, RatingsReader(_prepared_ratings), _MOVIE_FILES, exact=False),
            Edition("published", 9_724, _FACTORS, RatingsReader(_published_ratings), (_MOVIE_ARCHIVE,), exact=False),
        ),
        views=("users",),
    ),
    Corpus(
        name="wordnet_mammals",
        kind="relations",
        title="Mammals in WordNet, by their ancestors",
        details="A row is 1 at the synset itself and at each of its ancestors. The top is mammal.n.01; "
        "pack_animal.n.01 is a second node without an ancestor.",
        license="WordNet licence (permissive)",
        citation="G. A. Miller, WordNet: a lexical database for English, CACM, 1995; M. Nickel, D. Kiela, Poincaré "
        "Embeddings for Learning Hierarchical Representations, NIPS 2017",
        source="https://github.com/lateral/poincare-embeddings",
        editions=(
            Edition("prepared", 1_181, 1_181, HierarchyReader(), (_MAMMALS_PREPARED,)),
            Edition("published", 1_181, 1_181, HierarchyReader(), (_MAMMALS_FILE,)),
        ),
    ),
)
