"""What the hierarchy is, how rows and random points do, and whether data are like a tree at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.sparse.csgraph import shortest_path
from scipy.spatial.distance import cdist

from latentatlas.checks import advise_geometry
from latentatlas.data import load_corpus, load_hierarchy, read_table
from latentatlas.metrics import FlatDistortion, LinkMAP, LinkRank

__all__ = ["MEASURED", "Mammals", "judged", "likeness", "mammals", "principal_axes"]

MEASURED = ("δ, largest", "δ, mean", "tree", "star", "2 axes", "5 axes")
_ROWS, _QUICK_ROWS = 300, 40


class Mammals(NamedTuple):
    """The hierarchy.

    Attributes:
        names: of the synsets, without their part of speech.
        links: True where the second is an ancestor of the first.
        parents: of these, the nearest.
    """

    names: tuple[str, ...]
    links: Bool[np.ndarray, "n n"]
    parents: Bool[np.ndarray, "n n"]


def mammals() -> Mammals:
    """All synsets of the corpus."""
    names, pairs = load_hierarchy()
    links = np.zeros((len(names), len(names)), bool)
    links[pairs[:, 0], pairs[:, 1]] = True
    through = links.astype(np.float32) @ links.astype(np.float32) > 0
    return Mammals(tuple(name.split(".")[0].replace("_", " ") for name in names.tolist()), links, links & ~through)


def judged(distances: Float[np.ndarray, "n n"], links: Bool[np.ndarray, "n n"]) -> dict[str, float]:
    """MAP and mean rank of the ancestors."""
    return {"MAP": LinkMAP()(distances, links), "mean rank": LinkRank()(distances, links)}


def principal_axes(links: Bool[np.ndarray, "n n"], dim: int) -> Float[np.ndarray, "n dim"]:
    """Of rows that are 1 at the node itself and its ancestors."""
    rows = links + np.eye(len(links))
    left, sizes, _ = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
    return left[:, :dim] * sizes[:dim]


def likeness(*, quick: bool) -> dict[str, dict[str, float]]:
    """By name of the data: how like a tree a sample of them is, and how like so many flat axes."""
    found = {}
    for name, distances in _samples(_QUICK_ROWS if quick else _ROWS).items():
        d = distances()
        advice = advise_geometry(d, dim=2, seed=0)
        values = (advice.hyperbolicity, advice.mean_hyperbolicity, advice.tree, advice.star, advice.flat)
        found[name] = dict(zip(MEASURED, (*values, FlatDistortion(5)(d)), strict=True))
    return found


def _samples(rows: int) -> Mapping[str, Callable[[], Float[np.ndarray, "rows rows"]]]:
    return {
        "a tree, two branches at each node": lambda: _paths(_binary_tree(255), rows),
        "mammals, steps along parents": lambda: _paths(mammals().parents, rows),
        "mammals, rows of ancestors": lambda: _between("wordnet_mammals", rows),
        "Gaussian, 2 axes": lambda: _cdist(np.random.default_rng(0).normal(size=(rows, 2))),
        "Gaussian, 20 axes": lambda: _cdist(np.random.default_rng(0).normal(size=(rows, 20))),
        "digits": lambda: _between("digits", rows),
        "AG News, sentence embeddings": lambda: _between("ag_news", rows),
        "blood cells": lambda: _between("pbmc", rows),
    }


def _paths(joined: Bool[np.ndarray, "n n"], rows: int) -> Float[np.ndarray, "rows rows"]:
    """Numbers of steps between a sample of the nodes of the largest part."""
    steps = shortest_path(joined, directed=False, unweighted=True)
    inside = np.flatnonzero(np.isfinite(steps[np.isfinite(steps).sum(axis=1).argmax()]))
    chosen = _chosen(len(inside), rows)
    return steps[np.ix_(inside[chosen], inside[chosen])]


def _between(source: str, rows: int) -> Float[np.ndarray, "rows rows"]:
    x = read_table(source).x if source == "digits" else load_corpus(source).x
    return _cdist(x[_chosen(len(x), rows)])


def _cdist(x: np.ndarray) -> Float[np.ndarray, "rows rows"]:
    return cdist(x.astype(np.float64), x.astype(np.float64))


def _chosen(total: int, rows: int) -> Int[np.ndarray, " rows"]:
    return np.sort(np.random.default_rng(0).choice(total, min(rows, total), replace=False))


def _binary_tree(nodes: int) -> Bool[np.ndarray, "n n"]:
    joined = np.zeros((nodes, nodes), bool)
    child = np.arange(1, nodes)
    joined[child, (child - 1) // 2] = True
    return joined
