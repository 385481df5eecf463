"""Benchmark: an audit of 20,000 rows of 384 columns."""

from __future__ import annotations

import time

import numpy as np

from latentatlas.auditing import audit, propose_nuisances
from latentatlas.core import available_threads

__all__ = ["audit_speed"]

_ROWS, _AXES = 20_000, 384


def audit_speed(*, rows: int = _ROWS, axes: int = _AXES) -> dict[str, float]:
    """Seconds of an audit with a nuisance of four values and a label of two, without and with the rows before.

    Rows are normal noise with a shift of 1 along four axes for the nuisance and of 2 along one for the label.

    Args:
        rows: number of rows.
        axes: number of columns.
    """
    rng = np.random.default_rng(0)
    nuisance, label = rng.integers(0, 4, rows), rng.integers(0, 2, rows)
    z = rng.normal(size=(rows, axes)).astype(np.float32)
    z[:, 4] += 2 * label
    before = z.copy()
    before[:, :4] += np.eye(4, dtype=np.float32)[nuisance]
    figures = {"rows": float(rows), "columns": float(axes)}
    for name, first in (("audit, s", None), ("audit with the rows before, s", before)):
        started = time.perf_counter()
        audit(z, {"nuisance": nuisance}, label, before=first)
        figures[name] = time.perf_counter() - started
    started = time.perf_counter()
    columns = {f"column {place}": rng.integers(0, 4, rows) for place in range(20)}
    propose_nuisances(before, columns)
    return figures | {"20 columns ranked, s": time.perf_counter() - started, "threads": float(available_threads())}
