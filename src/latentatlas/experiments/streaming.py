"""Study `streaming`: shards larger than what a fit holds in memory, written, read, fitted and placed."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from latentatlas.data import read_shards

__all__ = ["run", "to_markdown"]

_ROWS, _PARTS, _FEATURES, _CLUSTERS = 2_000_000, 20, 64, 20
_TARGETS = {
    "memory above the model, GB": (2.0, "lower"),
    "one column of vectors, million rows/s": (0.5, "higher"),
    "64 columns of numbers, million rows/s": (0.5, "higher"),
}
_REPEATS = 3


def run(*, quick: bool, log: Callable[[str], None]) -> dict[str, Any]:
    """Reading speed of two layouts, then fit and save of all rows in a process of its own, whose peak memory counts."""
    rows = _ROWS // 50 if quick else _ROWS
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        log(f"writing {rows:,} × {_FEATURES} rows in two layouts")
        write_shards(folder / "vectors", rows=rows, as_vectors=True)
        write_shards(folder / "columns", rows=rows, as_vectors=False)
        reading = {
            "one column of vectors, million rows/s": _ingest(folder / "vectors") / 1e6,
            "64 columns of numbers, million rows/s": _ingest(folder / "columns") / 1e6,
        }
        log("fitting in a fresh process")
        arguments = [str(folder / "vectors"), str(folder / "run"), "20" if quick else "0"]
        child = subprocess.run([sys.executable, "-m", __name__, *arguments], capture_output=True, text=True, check=True)
        fitted = json.loads(child.stdout.splitlines()[-1])
        size = sum(path.stat().st_size for path in (folder / "vectors").iterdir()) / 1e6
    return {"quick": quick, "rows": rows, "features": _FEATURES, "shards, MB": size, "reading": reading, "fit": fitted}


def to_markdown(result: Mapping[str, Any]) -> str:
    """The page docs/results/streaming.md."""
    figures = {**result["reading"], **result["fit"]}
    lines = [
        f"{result['rows']:,} × {result['features']} float32 in {_PARTS} Parquet files ({result['shards, MB']:.0f} MB): "
        f"{_CLUSTERS} flat Gaussian clusters, shuffled. Reading checks every cell and makes float32 rows; the "
        f"best of {_REPEATS} passes. Fit and save with default settings (dim=16), seed 0, in a fresh process.",
        "",
        "| figure | value |",
        "|---|---|",
        *(f"| {name} | {value:,.4g} |" for name, value in figures.items()),
        "",
        "Targets:",
        "",
    ]
    for name, (threshold, better) in _TARGETS.items():
        met = figures[name] >= threshold if better == "higher" else figures[name] <= threshold
        sign = "≥" if better == "higher" else "≤"
        lines.append(f"- {'met' if met else '**missed**'}: {name} {figures[name]:.3g} (wanted {sign} {threshold:g})")
    return "\n".join(lines)


def write_shards(folder: Path, *, rows: int, as_vectors: bool) -> None:
    """Gaussian clusters of four dimensions each in 64, with noise, cut into Parquet files."""
    import pyarrow as pa
    from pyarrow import parquet

    folder.mkdir()
    rng = np.random.default_rng(0)
    centres = 2 * rng.standard_normal((_CLUSTERS, _FEATURES)).astype(np.float32)
    axes = rng.standard_normal((_CLUSTERS, 4, _FEATURES)).astype(np.float32)
    for part in range(_PARTS):
        n = rows // _PARTS
        topic = rng.integers(0, _CLUSTERS, n)
        x = centres[topic] + np.einsum("nk,nkf->nf", rng.standard_normal((n, 4), np.float32), axes[topic])
        x += 0.1 * rng.standard_normal((n, _FEATURES), np.float32)
        if as_vectors:
            columns = {"embedding": pa.FixedSizeListArray.from_arrays(pa.array(x.ravel()), _FEATURES)}
        else:
            columns = {f"f{column}": x[:, column] for column in range(_FEATURES)}
        table = pa.table({"id": np.arange(part * n, (part + 1) * n), **columns, "topic": topic})
        parquet.write_table(table, folder / f"part-{part:03}.parquet")


def _ingest(folder: Path) -> float:
    """Rows per second, the best of some passes over all shards."""
    shards = read_shards(folder, label="topic")
    best = 0.0
    for _ in range(_REPEATS):
        started = time.perf_counter()
        rows = sum(len(block) for block in shards.blocks())
        best = max(best, rows / (time.perf_counter() - started))
    return best


def _fit(folder: str, out: str, steps: int) -> dict[str, float]:
    """Figures of one fit; the memory is that above a process that has fitted 1,000 rows."""
    import resource

    from latentatlas.estimator import Atlas

    def peak() -> float:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6

    few = np.random.default_rng(0).standard_normal((1000, _FEATURES)).astype(np.float32)
    Atlas(dim=16, steps=20).fit(few)
    before = peak()
    shards = read_shards(folder, label="topic")
    started = time.perf_counter()
    atlas = Atlas(dim=16, steps=steps or None).fit(shards)
    fitted = time.perf_counter()
    run = atlas.save(out)
    saved = time.perf_counter()
    return {
        "rows": float(len(shards)),
        "rows of the sample": float(len(atlas.table_)),
        "fit, s": fitted - started,
        "certificate and all rows placed and saved, s": saved - fitted,
        "memory of the process with the model, GB": before,
        "memory above the model, GB": peak() - before,
        "run folder, MB": run.size_bytes(without=()) / 1e6,
        "basins found (true: 20)": float(atlas.n_basins_),
        "label.clustering_accuracy": run.metrics["label.clustering_accuracy"],
        "latent.trustworthiness@15 within the sample": run.metrics["latent.trustworthiness@15"],
    }


if __name__ == "__main__":
    print(json.dumps(_fit(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
