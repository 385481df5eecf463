"""Benchmarks: neighbour graphs and neighbour ranks at scale."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from latentatlas.core import available_threads
from latentatlas.data import read_table
from latentatlas.graph import knn_graph
from latentatlas.metrics import BettiDifference, DensityKL, DistanceRMSE, Trustworthiness, neighbour_ranks

__all__ = ["graph_speed", "rank_speed", "shape_speed"]

_T = TypeVar("_T")
_AXES = 50
_NEIGHBOURS = 15


def graph_speed(*, most: int | None = None) -> dict[str, float]:
    """The graph of 15 neighbours of all MNIST pixels and of their 50 leading principal axes, and its recall.

    Args:
        most: take only the first rows; None takes all.
    """
    pixels, axes = _digits(most)
    figures: dict[str, float] = {"rows": float(len(pixels))}
    for name, rows in ((f"{pixels.shape[1]} columns", pixels), (f"{_AXES} principal axes", axes)):
        seconds, graph = _timed(lambda rows=rows: knn_graph(rows, _NEIGHBOURS))
        figures |= {f"{name}, s": seconds, f"{name}, recall": graph.recall}
    return figures | {"threads": float(available_threads())}


def rank_speed(*, most: int | None = None) -> dict[str, float]:
    """Trustworthiness and continuity of the plane of two principal axes of MNIST: of all rows, and from a sample.

    Args:
        most: take only the first rows; None takes all.
    """
    pixels, axes = _digits(most)
    plane = np.ascontiguousarray(axes[:, :2])
    whole_seconds, ranks = _timed(lambda: neighbour_ranks(pixels, plane, k=_NEIGHBOURS))
    sample = Trustworthiness(_NEIGHBOURS, rows=2000)
    sample_seconds, estimate = _timed(lambda: sample.estimate(pixels, plane))
    return {
        "rows": float(len(pixels)),
        "all rows, s": whole_seconds,
        "trustworthiness": float(ranks.trustworthiness().mean()),
        "continuity": float(ranks.continuity().mean()),
        "2,000 rows, s": sample_seconds,
        "trustworthiness, estimate": estimate.value,
        "trustworthiness, half width at .95": estimate.half_width,
        "threads": float(available_threads()),
    }


def shape_speed(*, most: int = 10_000) -> dict[str, float]:
    """Density, distances and holes of the first MNIST rows and of the plane of two principal axes."""
    pixels, axes = _digits(most)
    plane = np.ascontiguousarray(axes[:, :2])
    figures: dict[str, float] = {"rows": float(len(pixels))}
    for metric in (DensityKL(), DistanceRMSE(), BettiDifference()):
        seconds, value = _timed(lambda metric=metric: metric(pixels, plane))
        figures |= {f"{type(metric).__name__}, s": seconds, type(metric).__name__: value}
    return figures | {"threads": float(available_threads())}


def _digits(most: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Pixels of MNIST, and the leading principal axes of the centred pixels."""
    pixels = read_table("mnist").x[:most]
    centred = pixels - pixels.mean(axis=0)
    basis = np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, :_AXES]
    return pixels, np.ascontiguousarray(centred @ basis, dtype=np.float32)


def _timed(action: Callable[[], _T]) -> tuple[float, _T]:
    started = time.perf_counter()
    result = action()
    return time.perf_counter() - started, result
