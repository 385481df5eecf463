"""Names for groups of rows, from what is known about the rows: over-represented values, or telling words of texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int, Shaped

from latentatlas.core import DataError, ShapeError
from latentatlas.data.labels import is_missing

__all__ = ["GroupValue", "group_names", "group_values", "group_words", "holds_texts", "telling_column"]

_WORD = r"(?u)\b[^\W\d_][^\W_]+\b"  # at least two signs, a letter first
_WORDS_IN_NAME = 4
_MOST_VALUES = 200
_LEAST_INFORMATION = 0.1
_FEWEST_WORDS = 3.0  # on average, for a column to be text rather than categories


class GroupValue(NamedTuple):
    """The value that sets a group apart.

    Attributes:
        value: most over-represented value, as text; empty if there is none.
        share: of the group's rows, in [0, 1].
        lift: share in the group over share in all rows, ≥ 1; 0 if there is no value.
    """

    value: str
    share: float
    lift: float


def group_values(values: Shaped[np.ndarray, " n"], groups: Int[np.ndarray, " n"]) -> list[GroupValue]:
    """For each group the value with the largest p log(p/q): p is its share in the group, q its share in all rows.

    That sum over values is the relative entropy of the group, so the value is the one that says most; a plain quotient
    p/q would choose the rarest. Missing values count as rows but are never chosen. Ties go to the first in sorted
    order.

    Args:
        values: categories: text, truth values or whole numbers.
        groups: numbers 0, 1, …; rows of group −1 count in q alone.

    Cost: O(n log n + groups · values).

    >>> group_values(np.array(["a", "a", "b", "a"]), np.array([0, 0, 1, 1]))
    [GroupValue(value='a', share=1.0, lift=1.333...), GroupValue(value='b', share=0.5, lift=2.0)]

    Raises:
        ShapeError: if there is not one value per row.
    """
    _require_rows("group_values", values, groups)
    known = ~is_missing(values) & np.array([value != "" for value in values])
    names, codes = np.unique(np.array([str(value) for value in values[known]]), return_inverse=True)
    count = int(groups.max(initial=-1)) + 1
    if not len(names):
        return [GroupValue("", 0.0, 0.0)] * count
    inside = groups[known] >= 0
    table = np.zeros((count, len(names)))
    np.add.at(table, (groups[known][inside], codes.reshape(-1)[inside]), 1)
    overall = np.bincount(codes.reshape(-1), minlength=len(names)) / len(values)
    sizes = np.bincount(groups[groups >= 0], minlength=count)
    share = table / np.maximum(sizes, 1)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = np.where(share > 0, share * np.log(share / overall), -np.inf)
    best = weight.argmax(axis=1)
    found = zip(best, share[np.arange(count), best], overall[best], strict=True)
    return [
        GroupValue(str(names[b]), float(p), float(p / q)) if p >= q else GroupValue("", 0.0, 0.0) for b, p, q in found
    ]


def group_words(texts: Sequence[str], groups: Int[np.ndarray, " n"], *, count: int = 10) -> list[list[str]]:
    """The most telling words of each group, by class-based TF-IDF.

    w(t, c) = tf(t, c)/Σ_t tf(t, c) · log(1 + A/Σ_c tf(t, c)), A the mean number of words per group: often in this
    group, rare over all. English stop words and words without a letter in front are left out; case does not matter.
    Words of equal weight are in the order of the alphabet.

    Args:
        texts: one per row.
        groups: numbers 0, 1, …; rows of group −1 are left out.
        count: words per group, fewer where there are no more.

    Cost: O(total length of the texts).

    >>> group_words(["a red red fox", "a red hen", "the blue sea", "the sea"], np.array([0, 0, 1, 1]), count=1)
    [['red'], ['sea']]

    Raises:
        ShapeError: if there is not one text per row.

    References:
        Grootendorst, *BERTopic: Neural topic modeling with a class-based TF-IDF procedure*, 2022.
    """
    from sklearn.feature_extraction.text import CountVectorizer

    _require_rows("group_words", texts, groups)
    total = int(groups.max(initial=-1)) + 1
    joined = [" ".join(str(texts[row]) for row in np.flatnonzero(groups == group).tolist()) for group in range(total)]
    for stop_words in ("english", None):  # texts of nothing but stop words still have words
        counter = CountVectorizer(token_pattern=_WORD, stop_words=stop_words)
        try:
            counts = counter.fit_transform(joined).tocsr().astype(float)
            break
        except ValueError:  # no word at all
            continue
    else:
        return [[] for _ in range(total)]
    vocabulary = counter.get_feature_names_out()
    per_group = np.asarray(counts.sum(axis=1)).ravel()
    idf = np.log1p(per_group.mean() / np.asarray(counts.sum(axis=0)).ravel())
    words = []
    for group in range(total):
        row = counts[[group]]
        weight = row.data / max(per_group[group], 1.0) * idf[row.indices]
        order = np.lexsort((row.indices, -weight))[:count]
        words.append([str(vocabulary[row.indices[place]]) for place in order])
    return words


def group_names(values: Shaped[np.ndarray, " n"], groups: Int[np.ndarray, " n"]) -> list[str]:
    """A name for each group: telling words where the column holds texts, else the most over-represented value.

    A group that nothing sets apart has the empty name. Names need not differ.

    Args:
        values: a column of texts or categories.
        groups: numbers 0, 1, …; −1 is none.

    >>> group_names(np.array(["cat", "cat", "dog"]), np.array([0, 0, 1]))
    ['cat', 'dog']

    Raises:
        ShapeError: if there is not one value per row.
        DataError: for fractions or vectors, which name nothing.
    """
    _require_rows("group_names", values, groups)
    if np.ndim(values) != 1 or values.dtype.kind in "fcmM":
        raise DataError(
            f"Groups are named by a column of text, categories or whole numbers; got {values.dtype}. Name another "
            "column."
        )
    if holds_texts(values):
        texts = ["" if value is None else str(value) for value in values]
        return [", ".join(words) for words in group_words(texts, groups, count=_WORDS_IN_NAME)]
    return [each.value for each in group_values(values, groups)]


def telling_column(columns: Mapping[str, Shaped[np.ndarray, " n"]], groups: Int[np.ndarray, " n"]) -> str | None:
    """The column that says most about the groups: of categories the one with the largest adjusted mutual information.

    It must reach .1, and have at most 200 values, each in 2 rows on average. Otherwise the first column of texts; None
    where there is neither. Cost O(n · columns).

    >>> groups = np.array([0, 0, 1, 1])
    >>> telling_column({"day": np.array(["mo", "tu", "mo", "tu"]), "kind": np.array(["a", "a", "b", "b"])}, groups)
    'kind'
    """
    from sklearn.metrics import adjusted_mutual_info_score

    scores = {}
    for name, values in columns.items():
        if values.ndim != 1 or values.dtype.kind in "fcmM" or holds_texts(values):
            continue
        codes = np.unique(np.array([str(value) for value in values]), return_inverse=True)[1].reshape(-1)
        if 2 <= codes.max() + 1 <= min(_MOST_VALUES, len(codes) // 2):
            scores[name] = adjusted_mutual_info_score(codes, groups)
    best = max(scores, key=lambda name: scores[name], default=None)
    if best is not None and scores[best] >= _LEAST_INFORMATION:
        return best
    return next((name for name, values in columns.items() if holds_texts(values)), None)


def holds_texts(values: Shaped[np.ndarray, " n"]) -> bool:
    """Whether a column holds texts rather than categories: three words or more on average, and mostly different.

    >>> holds_texts(np.array(["a first long text", "another long text"])), holds_texts(np.array(["cat", "dog"]))
    (True, False)
    """
    if values.dtype.kind not in "OUS" or values.ndim != 1:
        return False
    given = [value for value in values if isinstance(value, str) and value]
    if not given:
        return False
    return len(set(given)) > len(given) / 2 and sum(len(text.split()) for text in given) >= _FEWEST_WORDS * len(given)


def _require_rows(who: str, values: Sequence[object] | np.ndarray, groups: np.ndarray) -> None:
    if len(values) != len(groups):
        raise ShapeError(
            f"{who} wants one value for each of {len(groups)} rows; got {len(values)}. Pass matching columns."
        )
