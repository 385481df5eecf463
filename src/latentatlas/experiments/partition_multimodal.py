"""Study `partition-multimodal`: accelerometer and gyroscope, and what a block says that both share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from latentatlas.experiments.cells import Cells
from latentatlas.experiments.maps.tables import figure, spread, table
from latentatlas.experiments.partitions.modalities import (
    Budget,
    Concatenated,
    Correlated,
    Sensors,
    Shared,
    Statistics,
    Told,
)
from latentatlas.experiments.partitions.movements import ACTIVITIES, MODALITIES, Movements, movements
from latentatlas.metrics import LinearProbe, find_again, similarity_curve

__all__ = ["pictures", "run", "to_markdown"]

_SEEDS = (0, 1, 2)
_KS = (1, 2, 5, 10, 20, 50)
_MOVING = 3  # the first activities are ways to walk
_STATISTICS, _CORRELATED = "statistics by hand", "statistics, correlated (CCA)"
_OURS = "**shared block**"
_METHODS: dict[str, Callable[[Movements, Budget, int], Sensors]] = {
    _STATISTICS: lambda rows, budget, seed: Statistics(),
    _CORRELATED: lambda rows, budget, seed: Correlated(rows, axes=budget.shared),
    "one autoencoder of all channels": lambda rows, budget, seed: Concatenated(rows, budget, seed=seed),
    "an autoencoder for each": lambda rows, budget, seed: Shared(rows, budget, contrast=0.0, recon=1.0, seed=seed),
    "contrast alone": lambda rows, budget, seed: Shared(rows, budget, contrast=1.0, recon=0.0, seed=seed),
    _OURS: lambda rows, budget, seed: Shared(rows, budget, contrast=1.0, recon=1.0, seed=seed),
    "supervised on all channels (oracle)": lambda rows, budget, seed: Told(rows, budget, seed=seed),
}
_ONCE = (_STATISTICS, _CORRELATED)
_GALLERIES = {"all windows": len(ACTIVITIES), "walking": _MOVING}


def run(*, quick: bool, log: Callable[[str], None], cells: Cells | None = None) -> dict[str, Any]:
    """Every method with every seed, on people that were not trained on."""
    cells = cells or Cells()
    rows, budget = movements(quick=quick), Budget.of(quick=quick)
    recalls: dict[str, dict[str, dict[str, list[float]]]] = {}
    probes: dict[str, dict[str, list[float]]] = {}
    for seed in _SEEDS[:1] if quick else _SEEDS:
        for title, make in _METHODS.items():
            if seed and title in _ONCE:
                continue
            log(f"seed {seed}: {title}")
            cell = cells.of(f"{title} {seed}", lambda m=make, s=seed: _cell(m(rows, budget, s), rows))
            for block, value in cell["probes"].items():
                probes.setdefault(title, {}).setdefault(block, []).append(value)
            for gallery, figures in cell["recall"].items():
                for name, value in figures.items():
                    recalls.setdefault(gallery, {}).setdefault(title, {}).setdefault(name, []).append(value)
    return {
        "quick": quick,
        "seeds": list(_SEEDS[:1] if quick else _SEEDS),
        "rows": [len(rows.train.x), len(rows.test.x)],
        "people": len(np.unique(rows.subject)),
        "steps": budget.steps,
        "batch": budget.batch,
        "blocks": str(budget.layout),
        "recall": recalls,
        "probes": probes,
        "chance": _chance(rows),
    }


def to_markdown(result: Mapping[str, Any]) -> str:
    """The page docs/results/partition_multimodal.md."""
    training, testing = result["rows"]
    lines = [
        f"HAPT: {training:,} windows of 21 people to train on, {testing:,} of {result['people']} others to judge by; "
        "2.56 s, six activities, three channels of each sensor. A residual encoder for each sensor with the blocks "
        f"{result['blocks']}, {result['steps']} steps of {result['batch']} windows, no labels. `ModalityContrast` asks "
        "the two readings of the invariant block to find each other among the windows of a batch; beside it both "
        "sensors are decoded again, from the invariant block and their own free one. Mean ± standard deviation over "
        f"{len(result['seeds'])} seed(s).",
        "",
        "## The window of the other sensor",
        "",
        "The block that one sensor gives is searched among those that the other gives, of all windows of the nine "
        "people; both ways, and the mean of them. *walking*: the same among windows of the three ways to walk. Windows "
        "overlap by half, so the two next to the right one share half of its samples, and count as wrong. "
        "*similarity*: mean cosine of the two readings of a window; *other windows*: of different windows.",
        "",
    ]
    names = ("recall@1", "recall@10", "mean reciprocal rank", "similarity", "other windows")
    for gallery, methods in result["recall"].items():
        rows = {title: [spread(figures[name]) for name in names] for title, figures in methods.items()}
        chance = result["chance"][gallery]
        guess = {"a guess": [figure(chance["recall@1"]), figure(chance["recall@10"]), "–", "–", "–"]}
        lines += [f"### {gallery.capitalize()}: {chance['gallery']:,}", "", table(names, guess | rows), ""]
    rows = {
        f"{title}: {block}": [spread(values)]
        for title, blocks in result["probes"].items()
        for block, values in blocks.items()
    }
    lines += [
        "## The activity",
        "",
        "Accuracy of a linear probe that has learned from all training windows, on windows of other people. *alone*: "
        "the other sensor is missing. The oracle learned the activities in training.",
        "",
        table(["accuracy"], rows),
        "",
        "![Recall of the other sensor's window against the number of guesses](partition_multimodal.png)",
    ]
    return "\n".join(lines)


def pictures(result: Mapping[str, Any]) -> dict[str, bytes]:
    """One PNG image."""
    from latentatlas.experiments.energies.figures import lines_figure
    from latentatlas.plots import png_bytes

    panels = {
        gallery: {
            title.strip("*"): {float(k): figures[f"recall@{k}"] for k in _KS} for title, figures in methods.items()
        }
        for gallery, methods in result["recall"].items()
    }
    return {
        "partition_multimodal": png_bytes(lines_figure(panels, across="guesses", up="right one among them", ticks=_KS))
    }


def _cell(sensors: Sensors, rows: Movements) -> dict[str, Any]:
    return {"probes": _probes(sensors, rows), "recall": _recall(sensors, rows)}


def _probes(sensors: Sensors, rows: Movements) -> dict[str, float]:
    told, right = _labels(rows)
    known, new = sensors.blocks(rows.train.x), sensors.blocks(rows.test.x)
    return {name: float(LinearProbe().classifier().fit(known[name], told).score(new[name], right)) for name in known}


def _recall(sensors: Sensors, rows: Movements) -> dict[str, dict[str, float]]:
    """Means of both ways to search."""
    each = sensors.alone(rows.test.x)
    if each is None:
        return {}
    found: dict[str, dict[str, float]] = {}
    for gallery, chosen in _chosen(rows).items():
        one, other = (each[name][chosen] for name in MODALITIES)
        ways = [find_again(one, other, ks=_KS), find_again(other, one, ks=_KS)]
        curve = similarity_curve(one, {0.0: other}, np.arange(len(chosen)))
        found[gallery] = {
            **{f"recall@{k}": float(np.mean([way.recall[k] for way in ways])) for k in _KS},
            "mean reciprocal rank": float(np.mean([way.average_precision for way in ways])),
            "similarity": float(curve.similarity[0]),
            "other windows": _across(one, other),
        }
    return found


def _across(one: np.ndarray, other: np.ndarray) -> float:
    """Mean cosine of readings of different windows by different sensors.

    >>> _across(np.eye(2), np.eye(2))
    0.0
    """
    first, second = (each / np.linalg.norm(each, axis=1, keepdims=True).clip(min=1e-12) for each in (one, other))
    n = len(first)
    return float((first.sum(axis=0) @ second.sum(axis=0) - (first * second).sum()) / (n * (n - 1)))


def _chosen(rows: Movements) -> dict[str, np.ndarray]:
    _, right = _labels(rows)
    return {gallery: np.flatnonzero(right < below) for gallery, below in _GALLERIES.items()}


def _chance(rows: Movements) -> dict[str, dict[str, float]]:
    sizes = {gallery: len(chosen) for gallery, chosen in _chosen(rows).items()}
    return {
        gallery: {"gallery": size, **{f"recall@{k}": min(1.0, k / size) for k in _KS}}
        for gallery, size in sizes.items()
    }


def _labels(rows: Movements) -> tuple[np.ndarray, np.ndarray]:
    return np.asarray(rows.train.label), np.asarray(rows.test.label)
