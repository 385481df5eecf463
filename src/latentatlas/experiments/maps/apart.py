"""A fit in a process of its own, so that its time and peak memory are its own and no failure ends the table."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from latentatlas.core import SpecError, available_threads
from latentatlas.experiments.maps.base import MapMethod, Rows

__all__ = ["Outcome", "RowsOnDisk", "run_apart", "work"]

_REPEATS = 5
_LONG = 1.0


class RowsOnDisk(NamedTuple):
    """Rows to fit and new rows to place, in files, so that a process reads them once and they are not copied."""

    rows: Path
    new: Path

    @classmethod
    def write(cls, folder: Path, x: Rows, new: Rows) -> RowsOnDisk:
        """Both as `.npy` files of the folder."""
        paths = cls(folder / "rows.npy", folder / "new.npy")
        np.save(paths.rows, x)
        np.save(paths.new, new)
        return paths


class Outcome(NamedTuple):
    """What came of a fit.

    Attributes:
        status: "done"; "absent" without the package; "over" the limit of time; "failed".
        reason: why it is not done; empty if it is.
        figures: seconds, megabytes, squared error.
        latent: places of the training rows, if done.
        new: places of the new rows, if done and the method places new rows.
    """

    status: str
    reason: str
    figures: dict[str, float]
    latent: np.ndarray | None = None
    new: np.ndarray | None = None


def run_apart(method: MapMethod, data: RowsOnDisk, *, seed: int, limit: float) -> Outcome:
    """Fit, place and decode in a fresh process.

    The figures are seconds of `fit`, after a warm-up on few rows that imports and compiles; of `transform` of the new
    rows and of `inverse` of their places (the least of five calls if one takes under a second); the peak memory of
    `fit` above the process that holds the data and has warmed up; the squared error of the decoded new rows.

    Args:
        method: what to fit.
        data: where the rows are.
        seed: of the fit.
        limit: seconds after which the process is ended, all its work counted.
    """
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        job = {"rows": str(data.rows), "new": str(data.new), "seed": seed}
        (folder / "job.json").write_text(json.dumps(job))
        (folder / "method.pickle").write_bytes(pickle.dumps(method))
        command = [sys.executable, "-W", "ignore", "-m", __package__, str(folder)]
        try:
            child = subprocess.run(command, capture_output=True, text=True, timeout=limit)
        except subprocess.TimeoutExpired:
            return Outcome("over", f"over {limit:,.0f} s", {"limit, s": limit})
        if not (folder / "outcome.json").exists():
            last = (child.stderr.strip().splitlines() or ["no message"])[-1]
            return Outcome("failed", f"ended with code {child.returncode}: {last}", {})
        outcome = Outcome(**json.loads((folder / "outcome.json").read_text()))
        arrays = dict(np.load(folder / "places.npz")) if outcome.status == "done" else {}
        return outcome._replace(latent=arrays.get("latent"), new=arrays.get("new"))


def work(folder: Path) -> None:
    """What the process does: read the job, do it, leave `outcome.json` and `places.npz`."""
    job = json.loads((folder / "job.json").read_text())
    method: MapMethod = pickle.loads((folder / "method.pickle").read_bytes())
    outcome: dict[str, Any] = {"status": "done", "reason": "", "figures": {}}
    try:
        outcome["figures"], places = _measured(method, np.load(job["rows"]), np.load(job["new"]), job["seed"])
        np.savez(folder / "places.npz", **places)  # pyright: ignore[reportArgumentType]
    except (SpecError, ImportError) as error:
        outcome |= {"status": "absent" if _is_absent(error) else "failed", "reason": str(error)}
    except Exception as error:  # a peer may fail in any way; the table says how
        outcome |= {"status": "failed", "reason": f"{type(error).__name__}: {error}"[:300]}
    (folder / "outcome.json").write_text(json.dumps(outcome))


def _is_absent(error: Exception) -> bool:
    return isinstance(error, ImportError) or isinstance(error.__cause__, ImportError)


def _measured(method: MapMethod, x: Rows, new: Rows, seed: int) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    started = time.perf_counter()
    method.warm_up(x)
    figures = {"threads": float(available_threads()), "warm-up, s": time.perf_counter() - started}
    before = _megabytes_now()
    started = time.perf_counter()
    fitted = method.fit(x, seed=seed)
    figures["fit, s"] = time.perf_counter() - started
    figures["memory, MB"] = max(0.0, _megabytes_at_most() - before)
    places = {"latent": np.asarray(fitted.latent, dtype=np.float32)}
    if fitted.transform is not None:
        placed = fitted.transform
        figures["transform, s"], z = _timed(lambda: placed(new))
        figures["rows placed"] = float(len(new))
        places["new"] = np.asarray(z, dtype=np.float32)
        if fitted.inverse is not None and method.decoded != 0:
            decoded, few = fitted.inverse, np.asarray(z)[: method.decoded]
            decoded(few[:1])  # compile
            figures["inverse, s"], back = _timed(lambda: decoded(few))
            figures["rows decoded"] = float(len(few))
            figures["squared error"] = float(np.square(new[: len(few)] - back).mean(dtype=np.float64))
    return figures, places


def _timed(action: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds and result: of one call if it is long, else the least of some."""
    seconds = []
    while True:
        started = time.perf_counter()
        result = action()
        seconds.append(time.perf_counter() - started)
        if seconds[0] > _LONG or len(seconds) == _REPEATS:
            return min(seconds), result


def _megabytes_now() -> float:
    """Memory of this process; what it was at most is counted from here on, where the system allows it."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return _megabytes_at_most()
    return _status("VmRSS")


def _megabytes_at_most() -> float:
    """The most memory this process had.

    Linux hands the peak of `getrusage` on from the process that started this one, so it is read elsewhere there.
    """
    if Path("/proc/self/status").exists():
        return _status("VmHWM")
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def _status(name: str) -> float:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return float(line.split()[1]) / 1024
