"""Benchmarks: how fast, against what the machine and its peers can do in the same run."""

from __future__ import annotations

import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from latentatlas.core import available_threads
from latentatlas.data import read_table
from latentatlas.estimator import Atlas
from latentatlas.landscape import find_minima
from latentatlas.spectral import InvertedFileCandidates, feature_laplacian, spectral_index

__all__ = [
    "added_weight",
    "fit_speed",
    "import_seconds",
    "installed_weight",
    "landscape_speed",
    "least_seconds",
    "matrix_product_rate",
    "spectral_speed",
    "transform_speed",
]

_ROWS = 10_000
_REPEATS = 7
_ARROWSPACE_SECONDS = 49.5


def import_seconds() -> dict[str, float]:
    """Wall time of imports in fresh interpreters, the least of five."""
    names = {
        "import torch": "torch",
        "import latentatlas": "latentatlas",
        "first use of Atlas": "latentatlas.estimator",
    }
    seconds = {f"{title}, s": _import_time(module) for title, module in names.items()}
    return seconds | {"difference, s": seconds["import latentatlas, s"] - seconds["import torch, s"]}


def matrix_product_rate(size: int = 2048) -> float:
    """Floating-point operations per second of a square float32 product, the best of seven."""
    a, b = torch.randn(size, size), torch.randn(size, size)
    return 2 * size**3 / least_seconds(lambda: a @ b)


def transform_speed(atlas: Atlas | None = None, x: np.ndarray | None = None) -> dict[str, float]:
    """Transform and decode of 10,000 rows of 784 columns, and the share of the matrix-product rate that is reached.

    Without an atlas one is fitted for 20 steps on random rows: speed does not depend on the weights.
    """
    if x is None:
        x = np.random.default_rng(0).standard_normal((_ROWS, 784)).astype(np.float32)
    if atlas is None:
        atlas = Atlas(dim=2, steps=20, n_basins=10).fit(x[:2000])
    z = atlas.transform(x)
    seconds = least_seconds(lambda: atlas.transform(x))
    back = least_seconds(lambda: atlas.inverse_transform(z))
    rate = matrix_product_rate()
    weights = sum(
        layer.weight.numel() for layer in atlas.model_.network.encoder.modules() if isinstance(layer, torch.nn.Linear)
    )
    work = 2 * len(x) * (x.shape[1] * atlas.model_.stem.state_dict()["basis"].shape[1] + weights)
    return {
        "rows": float(len(x)),
        "transform, s": seconds,
        "transform, µs a row": 1e6 * seconds / len(x),
        "inverse_transform, s": back,
        "matrix product, GFLOP/s": rate / 1e9,
        "transform, GFLOP/s": work / seconds / 1e9,
        "share of the matrix-product rate": work / seconds / rate,
        "threads": float(torch.get_num_threads()),
    }


def fit_speed() -> dict[str, float]:
    """Fit of the digits to two dimensions, and umap-learn on the same rows where it is installed (extra `bench`)."""
    table = read_table("digits")
    started = time.perf_counter()
    Atlas(dim=2, n_basins=10).fit(table)
    figures = {"latentatlas fit, s": time.perf_counter() - started}
    try:
        import umap  # pyright: ignore[reportMissingImports]  # an extra
    except ImportError:
        return figures
    umap.UMAP(random_state=0, n_jobs=1, n_epochs=2).fit(table.x)  # compile first
    started = time.perf_counter()
    umap.UMAP(random_state=0, n_jobs=1).fit(table.x)
    figures["umap-learn fit (no encoder, no decoder), s"] = time.perf_counter() - started
    first, second = figures.values()
    return figures | {"ratio": first / second, "threads": float(available_threads())}


def spectral_speed() -> dict[str, float]:
    """Feature graph and Rayleigh energy of 10,000 × 384 rows, and searches of them; processor seconds where marked.

    The figure of the arrowspace library for graph and energies is quoted, not run (version 0.30, two cores).
    """
    rng = np.random.default_rng(0)
    x = rng.standard_normal((_ROWS, 384)).astype(np.float32)
    queries = (x[:100] + rng.standard_normal((100, 384))).astype(np.float32)
    both = _least_processor_seconds(lambda: feature_laplacian(x)(x))
    laplacian = feature_laplacian(x)
    exact = spectral_index(x, laplacian=laplacian)
    near = spectral_index(x, laplacian=laplacian, candidates=InvertedFileCandidates())
    return {
        "graph and energies, processor s": both,
        "energies, processor s": _least_processor_seconds(lambda: laplacian(x)),
        "arrowspace 0.30, quoted, processor s": _ARROWSPACE_SECONDS,
        "ratio": _ARROWSPACE_SECONDS / both,
        "search of all rows, ms a query": 1e3 * least_seconds(lambda: exact.search(queries[:1], tau=0.7)),
        "search of all rows, 100 at once, ms a query": 10 * least_seconds(lambda: exact.search(queries, tau=0.7)),
        "search of candidates, ms a query": 1e3 * least_seconds(lambda: near.search(queries[:1], tau=0.7)),
        "recall of candidates": near.recall(queries, tau=0.7),
        "threads": float(available_threads()),
    }


def installed_weight() -> dict[str, float]:
    """Megabytes on disk of the packages a plain install brings, with torch and what torch needs apart."""
    torch_needs = _closure("torch", set())
    ours = _closure("latentatlas", set()) - torch_needs - {"latentatlas"}
    sizes = {name: _megabytes(name) for name in sorted(ours)}
    heaviest = sorted(sizes, key=lambda name: -sizes[name])[:5]
    return {
        "torch and its needs, MB": sum(map(_megabytes, torch_needs)),
        "beyond torch, MB": sum(sizes.values()),
        "packages beyond torch": float(len(sizes)),
        **{f"of it {name}, MB": sizes[name] for name in heaviest},
    }


def added_weight(packages: Sequence[str]) -> dict[str, float]:
    """Megabytes on disk that packages and all they require add to a plain install, and the heaviest of them."""
    seen = _closure("latentatlas", set())
    added = set().union(*(_closure(name, set()) for name in packages)) - seen
    sizes = {name: _megabytes(name) for name in added}
    heaviest = sorted(sizes, key=lambda name: -sizes[name])[:3]
    return {
        "added to a plain install, MB": sum(sizes.values()),
        **{f"of it {name}, MB": sizes[name] for name in heaviest},
    }


def _closure(name: str, seen: set[str]) -> set[str]:
    """Names of a package and of all it requires without extras, as installed here."""
    from importlib.metadata import PackageNotFoundError, requires

    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    name = canonicalize_name(name)
    if name in seen:
        return seen
    try:
        needs = requires(name) or []
    except PackageNotFoundError:
        return seen
    seen.add(name)
    for line in needs:
        need = Requirement(line)
        if need.marker is None or need.marker.evaluate({"extra": ""}):
            _closure(need.name, seen)
    return seen


def _megabytes(name: str) -> float:
    from importlib.metadata import files

    paths = {Path(str(file.locate())) for file in files(name) or []}
    return sum(path.stat().st_size for path in paths if path.is_file()) / 1e6


def least_seconds(action: Callable[[], object]) -> float:
    """The least of some repeats, after one to warm up."""
    action()
    times = []
    for _ in range(_REPEATS):
        started = time.perf_counter()
        action()
        times.append(time.perf_counter() - started)
    return min(times)


def landscape_speed() -> dict[str, float]:
    """Minima, basins and merge tree of 70,000 and of a million rows, 15 neighbours given; memory besides these."""
    from scipy.spatial import cKDTree

    figures = {}
    for n in (70_000, 1_000_000):
        points = np.random.default_rng(0).normal(size=(n, 2))
        distances, indices = cKDTree(points).query(points, 16)
        energy, graph = np.log(distances[:, -1]), indices[:, 1:].astype(np.int32)
        del points, distances, indices
        started = time.perf_counter()
        found = find_minima(energy, graph)
        figures[f"{n:,} rows, s"] = time.perf_counter() - started
        figures[f"{n:,} rows, minima"] = float(len(found.minima))
        tracemalloc.start()
        find_minima(energy, graph)
        figures[f"{n:,} rows, peak memory, MB"] = tracemalloc.get_traced_memory()[1] / 1e6
        tracemalloc.stop()
    return figures


def _least_processor_seconds(action: Callable[[], object]) -> float:
    action()
    times = []
    for _ in range(_REPEATS):
        started = time.process_time()
        action()
        times.append(time.process_time() - started)
    return min(times)


def _import_time(module: str) -> float:
    code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(5)]
    return min(float(run.stdout) for run in runs)
