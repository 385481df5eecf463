"""Amazon reviews in MiniLM embeddings, without duplicates, with what is known of each."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Shaped

from latentatlas.data import load_corpus

__all__ = ["Reviews", "load_reviews"]


class Reviews(NamedTuple):
    """Rows and four targets.

    Attributes:
        x: 384 axes, of length 1.
        domain: books, dvd, electronics or kitchen.
        sentiment: negative or positive.
        stars: 1, 2, 4 or 5.
        length: quartile of the number of characters.
    """

    x: Float[np.ndarray, "n features"]
    domain: Shaped[np.ndarray, " n"]
    sentiment: Shaped[np.ndarray, " n"]
    stars: Int[np.ndarray, " n"]
    length: Int[np.ndarray, " n"]

    def take(self, rows: Int[np.ndarray, " rows"]) -> Reviews:
        """Some rows."""
        return Reviews(*(column[rows] for column in self))


def load_reviews(rows: int | None = None) -> Reviews:
    """The first of equal texts each; `rows` of them drawn at random, or all."""
    table = load_corpus("amazon_reviews")
    texts = table.metadata["text"].astype(str)
    first = np.sort(np.unique(texts, return_index=True)[1])
    if rows is not None:
        first = np.sort(np.random.default_rng(0).choice(first, rows, replace=False))
    table = table.take(first)
    assert table.label is not None
    lengths = np.array([len(text) for text in table.metadata["text"]])
    return Reviews(
        table.x,
        table.metadata["domain"].astype(str),
        np.asarray(table.label).astype(str),
        table.metadata["rating"].astype(np.int64),
        np.digitize(lengths, np.quantile(lengths, [0.25, 0.5, 0.75])),
    )
