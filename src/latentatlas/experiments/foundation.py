"""Study `foundation`: the bundled digits and MNIST end to end, with their honest rows."""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

import latentatlas as la
from latentatlas.data import Table, read_table
from latentatlas.estimator import Atlas
from latentatlas.experiments.speed import import_seconds, installed_weight, transform_speed
from latentatlas.metrics import ClusteringAccuracy, Continuity, NeighbourAccuracy, Trustworthiness, neighbour_ranks

__all__ = ["run", "to_markdown"]

_SEEDS = (0, 1, 2)
_TARGETS = {
    "trustworthiness@15": (0.98, "higher"),
    "continuity@15": (0.98, "higher"),
    "clustering accuracy": (0.90, "higher"),
    "fit, s": (60.0, "lower"),
}
_MNIST_TARGETS = {
    "share of the matrix-product rate": (0.5, "higher"),
    "saved run without patterns and graph, MB": (20.0, "lower"),
    "peak memory, GB": (24.0, "lower"),
    "import beyond torch, s": (0.5, "lower"),
    "installed beyond torch, MB": (700.0, "lower"),
    "reloaded transform is bit-equal": (1.0, "higher"),
    "same seed and threads, bit-identical fit": (1.0, "higher"),
}


def run(*, quick: bool, log: Callable[[str], None]) -> dict[str, Any]:
    """All figures. The settings are the defaults; K = 10 is given in the first row, found in the second."""
    seeds = _SEEDS[:1] if quick else _SEEDS
    steps = 100 if quick else None
    table = read_table("digits")
    result: dict[str, Any] = {"quick": quick, "seeds": list(seeds), "digits": _digits(table, seeds, steps, log)}
    result["determinism"] = _same_twice(table)
    rows = read_table("mnist:test") if quick else read_table("mnist")
    log(f"MNIST: {len(rows):,} rows")
    result["mnist"] = _mnist(rows, steps, log)
    result["import"] = import_seconds()
    result["weight"] = installed_weight()
    return result


def to_markdown(result: Mapping[str, Any]) -> str:
    """The page docs/results/foundation.md."""
    lines = ["## Digits, 1,797 × 64, two dimensions", "", _digits_table(result["digits"]), ""]
    lines += ["Targets, for the row `latentatlas, K = 10 given`:", ""]
    ours = result["digits"]["latentatlas, K = 10 given"]
    lines += [_target(name, float(np.mean(ours[name])), *_TARGETS[name]) for name in _TARGETS]
    lines += ["", f"## MNIST, {result['mnist']['rows']:,} × 784", "", "| figure | value |", "|---|---|"]
    lines += [f"| {name} | {_figure(value)} |" for name, value in result["mnist"].items()]
    figures = result["mnist"] | {
        "import beyond torch, s": result["import"]["difference, s"],
        "installed beyond torch, MB": result["weight"]["beyond torch, MB"],
        "same seed and threads, bit-identical fit": result["determinism"],
    }
    lines += ["", "## Imports and weight", "", "| figure | value |", "|---|---|"]
    lines += [f"| {name} | {_figure(value)} |" for part in ("import", "weight") for name, value in result[part].items()]
    lines += ["", "Targets:", ""]
    lines += [_target(name, float(figures[name]), *_MNIST_TARGETS[name]) for name in _MNIST_TARGETS]
    return "\n".join(lines)


def _digits(
    table: Table, seeds: tuple[int, ...], steps: int | None, log: Callable[[str], None]
) -> dict[str, dict[str, list[float]]]:
    results: dict[str, dict[str, list[float]]] = {}
    for seed in seeds:
        for name, count in (("latentatlas, K = 10 given", 10), ("latentatlas, K found", None)):
            log(f"digits, seed {seed}: {name}")
            started = time.perf_counter()
            atlas = Atlas(dim=2, n_basins=count, steps=steps, random_state=seed).fit(table)
            seconds = time.perf_counter() - started
            _append(results, name, _judge(table, atlas.map_, atlas.labels_, seconds))
            for part, rows in (("held-out rows", atlas.held_out_), ("training rows", ~atlas.held_out_)):
                if count is not None:
                    _append(results, f"… its {part}", _judge_part(table, atlas, rows))
        for name, (xy, labels, seconds) in _baselines(table, seed).items():
            log(f"digits, seed {seed}: {name}")
            _append(results, name, _judge(table, xy, labels, seconds))
    return results


def _baselines(table: Table, seed: int) -> dict[str, tuple[np.ndarray, np.ndarray, float]]:
    """Map, basins and seconds of random points, PCA and, where it is installed, umap-learn; k-means with K = 10."""
    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA

    def clusters(rows: np.ndarray) -> np.ndarray:
        return KMeans(10, n_init=20, random_state=seed).fit_predict(rows)

    noise = np.random.default_rng(seed).standard_normal((len(table), 2)).astype(np.float32)
    maps = {"random map": (noise, noise, 0.0)}
    started = time.perf_counter()
    plane = PCA(2, random_state=seed).fit_transform(table.x)
    maps["PCA map, k-means on pixels"] = (plane, table.x, time.perf_counter() - started)
    try:
        import umap  # pyright: ignore[reportMissingImports]  # an extra

        started = time.perf_counter()
        layout = umap.UMAP(random_state=seed, n_jobs=1).fit_transform(table.x)
        maps["umap-learn (no encoder, no decoder), k-means on it"] = (layout, layout, time.perf_counter() - started)
    except ImportError:
        pass
    return {name: (xy, clusters(rows), seconds) for name, (xy, rows, seconds) in maps.items()}


def _judge(table: Table, xy: np.ndarray, basins: np.ndarray, seconds: float) -> dict[str, float]:
    assert table.label is not None
    return {
        "trustworthiness@15": Trustworthiness(k=15)(table.x, xy),
        "continuity@15": Continuity(k=15)(table.x, xy),
        "5-NN accuracy": NeighbourAccuracy(k=5)(xy, table.label),
        "clustering accuracy": ClusteringAccuracy()(table.label, basins),
        "basins": float(len(np.unique(basins))),
        "fit, s": seconds,
    }


def _judge_part(table: Table, atlas: Atlas, rows: np.ndarray) -> dict[str, float]:
    """Ranks among all rows, averaged over some of them."""
    ranks = neighbour_ranks(table.x, atlas.map_, k=15, rows=np.flatnonzero(rows))
    assert table.label is not None
    return {
        "trustworthiness@15": float(ranks.trustworthiness().mean()),
        "continuity@15": float(ranks.continuity().mean()),
        "clustering accuracy": ClusteringAccuracy()(table.label[rows], atlas.labels_[rows]),
    }


def _same_twice(table: Table) -> float:
    first, second = (Atlas(dim=2, n_basins=10, steps=50).fit(table).latent_ for _ in range(2))
    return float(np.array_equal(first, second))


def _mnist(table: Table, steps: int | None, log: Callable[[str], None]) -> dict[str, float]:
    started = time.perf_counter()
    atlas = Atlas(dim=16, steps=steps).fit(table)
    figures = {"rows": len(table), "fit, s": time.perf_counter() - started, "basins found": atlas.n_basins_}
    figures["recall of the neighbour graph"] = atlas.graph_.recall
    log(f"MNIST fitted in {figures['fit, s']:.0f} s")
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        saved = atlas.save(Path(folder) / "run")
        figures["certificate and save, s"] = time.perf_counter() - started
        figures["saved run without patterns and graph, MB"] = saved.size_bytes() / 1e6
        started = time.perf_counter()
        loaded = la.load(Path(folder) / "run")
        figures["load, s"] = time.perf_counter() - started
        figures |= {name: value for name, value in saved.metrics.items() if "@" in name or name.startswith("label")}
        figures["explained variance"] = saved.metrics["reconstruction.explained_variance"]
    x = table.x[-10_000:]
    figures["reloaded transform is bit-equal"] = float(np.array_equal(atlas.transform(x), loaded.transform(x)))
    speed = transform_speed(atlas, x)
    figures |= {name: speed[name] for name in speed if name not in ("rows",)}
    figures["peak memory, GB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return figures


def _append(results: dict[str, dict[str, list[float]]], name: str, values: Mapping[str, float]) -> None:
    for metric, value in values.items():
        results.setdefault(name, {}).setdefault(metric, []).append(value)


def _digits_table(results: Mapping[str, Mapping[str, list[float]]]) -> str:
    columns = list(next(iter(results.values())))
    lines = ["| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for name, values in results.items():
        cells = [_spread(values[column]) if column in values else "–" for column in columns]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _spread(values: list[float]) -> str:
    mean = float(np.mean(values))
    text = _figure(mean)
    return f"{text} ± {_figure(float(np.std(values, ddof=1)))}" if len(values) > 1 else text


def _figure(value: float) -> str:
    """Whole numbers as they are, others with four decimals, or three digits from ten on."""
    if float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 10 else f"{value:.4f}"


def _target(name: str, value: float, threshold: float, better: str) -> str:
    met = value >= threshold if better == "higher" else value <= threshold
    sign = "≥" if better == "higher" else "≤"
    return f"- {'met' if met else '**missed**'}: {name} {_figure(value)} (wanted {sign} {threshold:g})"
