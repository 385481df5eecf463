"""Vectors for texts where no sentence embeddings are at hand: latent semantic analysis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from jaxtyping import Float

__all__ = ["SEMANTIC_DIM", "SemanticSpace", "fit_semantic_space"]

SEMANTIC_DIM = 256


@final
@dataclass(frozen=True)
class SemanticSpace:
    """A fitted space of texts; call it on texts to place them.

    Attributes:
        weights: texts to sparse TF-IDF rows.
        axes: TF-IDF rows to coordinates.
    """

    weights: Any
    axes: Any

    def __call__(self, texts: Sequence[str]) -> Float[np.ndarray, "n dim"]:
        """Unit rows, float32; a text without a known word is the zero row. Cost: O(words · dim)."""
        from sklearn.preprocessing import normalize

        return normalize(self.axes.transform(self.weights.transform(texts))).astype(np.float32)


def fit_semantic_space(texts: Sequence[str], *, dim: int = SEMANTIC_DIM) -> SemanticSpace:
    """Latent semantic analysis of texts: x = unit row of TF-IDF(text) · V, V the first right singular vectors.

    TF is 1 + ln(count), words that occur in one text only are left out, and the seed is fixed. There is no list of stop
    words: rare words weigh more by IDF anyway, and the usual English list strikes whole topics ("top up") out of short
    texts.

    Args:
        texts: what the words, their weights and the axes are learnt from.
        dim: coordinates; fewer if there are not that many texts or words.

    Cost: O(words · dim) a few times; 10,000 short texts take about a second.

    References:
        S. Deerwester et al., Indexing by latent semantic analysis, JASIS 41(6), 1990.

    >>> space = fit_semantic_space(["red apple", "red apple pie", "blue sky", "blue blue sky"], dim=2)
    >>> place = space(["apple", "sky", "pie"])
    >>> (place @ space(["red"]).T > 0.9).ravel().tolist()
    [True, False, False]
    """
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    weights = TfidfVectorizer(sublinear_tf=True, min_df=2)
    rows = weights.fit_transform(texts)
    axes = TruncatedSVD(min(dim, *(size - 1 for size in rows.shape)), random_state=0).fit(rows)
    return SemanticSpace(weights, axes)
