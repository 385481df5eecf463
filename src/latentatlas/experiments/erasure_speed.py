"""What erasers cost: a stream of rows through the statistics, the map, and its use."""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np

from latentatlas.core import available_threads
from latentatlas.erasure import KernelEraser, LinearEraser

__all__ = ["erasure_speed", "linear_stream"]

_ROWS, _FEATURES, _CATEGORIES = 1_000_000, 384, 4
_BLOCK = 20_000
_SAMPLE = 10_000


def erasure_speed(rows: int = _ROWS) -> dict[str, float]:
    """A million rows of 384 columns in blocks of 20,000, in a process of its own for the memory; then the kernel form.

    Memory is the largest resident size of the process less that after its imports. Seconds of the stream are those of
    `update`, without making the rows.
    """
    code = f"from latentatlas.experiments.erasure_speed import linear_stream; linear_stream({rows})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    names = ("update, s", "update, processor s", "erasure, s", "transform, s", "memory beyond imports, MB")
    figures = {"rows": float(rows)}
    figures |= {f"linear: {name}": float(value) for name, value in zip(names, done.stdout.split(), strict=True)}
    figures["linear: fit of the stream, s"] = figures["linear: update, s"] + figures["linear: erasure, s"]
    return figures | _kernel(min(rows, _SAMPLE)) | {"threads": float(available_threads())}


def linear_stream(rows: int) -> None:
    """Print seconds and processor seconds of update, seconds of the map and of its use on all rows, and megabytes."""
    import resource

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    eraser, seconds, busy, used = LinearEraser(), 0.0, 0.0, 0.0
    for number in range(-(-rows // _BLOCK)):
        x, group = _block(number, min(_BLOCK, rows - number * _BLOCK))
        started, working = time.perf_counter(), time.process_time()
        eraser.update(x, group)
        seconds, busy = seconds + time.perf_counter() - started, busy + time.process_time() - working
    started = time.perf_counter()
    erasure = eraser.erasure
    solved = time.perf_counter() - started
    for number in range(-(-rows // _BLOCK)):
        x, _ = _block(number, min(_BLOCK, rows - number * _BLOCK))
        started = time.perf_counter()
        erasure(x)
        used += time.perf_counter() - started
    print(seconds, busy, solved, used, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1e3)


def _kernel(rows: int) -> dict[str, float]:
    x, group = _block(0, rows)
    started = time.perf_counter()
    eraser = KernelEraser().fit(x, group)
    fitted = time.perf_counter()
    eraser.transform(x, group)
    given = time.perf_counter()
    eraser.transform(x)
    return {
        f"kernel: fit of {rows:,} rows, s": fitted - started,
        f"kernel: transform of {rows:,} rows, s": given - fitted,
        "kernel: the same with groups guessed, s": time.perf_counter() - given,
    }


def _block(number: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(number)
    group = rng.integers(0, _CATEGORIES, rows)
    x = rng.standard_normal((rows, _FEATURES), dtype=np.float32)
    x[:, :_CATEGORIES] += np.eye(_CATEGORIES, dtype=np.float32)[group]
    return x, group
