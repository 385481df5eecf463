"""Study `reliability`: fits that are killed (SIGKILL) at random moments, and what is found afterwards."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from shutil import copytree
from typing import Any, NamedTuple, final

import numpy as np

from latentatlas.core import SpecError

__all__ = ["PRELOADED", "run", "to_markdown"]

PRELOADED = ("latentatlas.cli", "latentatlas.build", "latentatlas.experiments.reliability", "matplotlib.pyplot")
"""What the processes of the study share, so that each begins at once."""

PHASES = {
    "graph": "reading the rows, neighbour graph",
    "shape": "training, first stage",
    "basins": "training, second stage",
    "certificate": "placing the rows, checks, metrics, pictures",
    "files": "writing the files of the run",
    "renames": "the renames that publish it",
    "sweep": "removing the run it replaced",
    "clean-up": "removing the checkpoint",
}
_EXACT = ("renames", "sweep", "clean-up")  # too short for a clock: killed before a drawn operation on a file
_FIT = ("--dim", "2", "--basins", "3", "--steps", "20", "--threads", "1", "--json")
_TRIALS, _QUICK_TRIALS = 100, 16
_LONGEST = 120.0


class Event(NamedTuple):
    """An operation on a file that is about to happen: when, which, where."""

    seconds: float
    what: str
    path: str


@final
@dataclass(frozen=True)
class Trial:
    """What one killed fit left behind.

    Attributes:
        phase: what it was doing when it was killed.
        overwrites: whether there was a run before.
        found: "old", "new", "none" or "lost": the run after the kill, opened, verified, loaded.
        resumed: whether `fit --resume` ended in the very points of an undisturbed fit.
        leftovers: files and folders beside run and checkpoint after the kill.
        leftovers_after: the same, and checkpoints, after the resumed fit.
    """

    phase: str
    overwrites: bool
    found: str
    resumed: bool
    leftovers: int
    leftovers_after: int

    @property
    def lost(self) -> bool:
        """Whether a finished run cannot be read any more."""
        return self.found == "lost"


def run(*, quick: bool, log: Callable[[str], None], trials: int | None = None) -> dict[str, Any]:
    """Undisturbed fits for comparison, then the trials, each with a seed of its own: its number."""
    if not hasattr(signal, "SIGKILL"):
        raise SpecError("The study `reliability` wants a system with SIGKILL; this one has none. Run it on Linux.")
    count = trials or (_QUICK_TRIALS if quick else _TRIALS)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        bench = _Bench(Path(folder))
        results = []
        for number in range(count):
            results.append(bench.trial(number))
            log(f"{number + 1}/{count}: killed in {results[-1].phase}, found {results[-1].found}")
    return {
        "quick": quick,
        "seeds": [0, count - 1],
        "seconds": time.perf_counter() - started,
        "trials": [asdict(trial) for trial in results],
    }


def to_markdown(result: Mapping[str, Any]) -> str:
    """The page docs/results/reliability.md."""
    trials = [Trial(**trial) for trial in result["trials"]]
    columns = ("trials", "old run", "new run", "no run yet", "resumed bit-equal", "runs lost", "leftovers", "… later")
    lines = [
        f"{len(trials)} processes of `latentatlas fit` on 90 × 6 rows, with a checkpoint before every step, killed with "
        f"SIGKILL at drawn moments (seeds {result['seeds'][0]} to {result['seeds'][1]}); every second one over a "
        "finished run with `--overwrite`. After each kill the run is opened, every file compared with its checksum, "
        "and the atlas loaded; then the same command with `--resume` ends the fit, and all points are compared with "
        f"those of an undisturbed one. {result['seconds'] / max(1, len(trials)):.1f} s a trial.",
        "",
        "| killed while | " + " | ".join(columns) + " |",
        "|---" * (len(columns) + 1) + "|",
    ]
    for phase, what in PHASES.items():
        lines.append(_row(what, [trial for trial in trials if trial.phase == phase]))
    lines += [
        _row("**all**", trials),
        "",
        "Leftovers are hidden files and folders beside the run after the kill, and after the resumed fit (later).",
        "",
        _target("runs lost", sum(trial.lost for trial in trials)),
        _target("resumed fits that differ", sum(not trial.resumed for trial in trials)),
        _target("leftovers after the resumed fit", sum(trial.leftovers_after for trial in trials)),
    ]
    return "\n".join(lines)


def _row(what: str, trials: Sequence[Trial]) -> str:
    found = Counter(trial.found for trial in trials)
    figures = (
        len(trials),
        found["old"],
        found["new"],
        found["none"],
        sum(trial.resumed for trial in trials),
        found["lost"],
        sum(trial.leftovers for trial in trials),
        sum(trial.leftovers_after for trial in trials),
    )
    return f"| {what} | " + " | ".join(str(figure) for figure in figures) + " |"


def _target(what: str, count: int) -> str:
    return f"- {'met' if count == 0 else '**missed**'}: {what} {count} (wanted 0)"


@final
class _Bench:
    """The rows, an old run, and an undisturbed fit with the moments of everything it does to files."""

    def __init__(self, home: Path):
        self.home = home
        rng = np.random.default_rng(0)
        kind = np.arange(90) % 3
        np.save(home / "rows.npy", (rng.normal(size=(90, 6)) + 6 * np.eye(6)[kind]).astype(np.float32))
        self.old = home / "old" / "run"
        self._fit = ["fit", str(home / "rows.npy"), *_FIT]
        self.old.parent.mkdir()
        self._finish(self.old, "--seed", "1")
        self.events = {overwrites: self._undisturbed(overwrites) for overwrites in (True, False)}
        self.points = {"old": _points(self.old), "new": _points(home / "undisturbed False" / "run")}

    def trial(self, number: int) -> Trial:
        """Kill a fit at the moment that the number draws, look, and let it be resumed."""
        rng = np.random.default_rng(number)
        overwrites = number % 2 == 1
        events = self.events[overwrites]
        phases = _phases_of(events)
        names = [name for name in PHASES if name in phases]
        place, delay = _moment(events, phases, names[number // 2 % len(names)], rng)
        out = self._place(f"trial {number}", overwrites)
        options = ("--overwrite",) if overwrites else ()
        reached = _Process([*self._fit, "--out", str(out), *options], out.parent).killed(place, delay)
        found, leftovers = self._found(out), len(_beside(out))
        if found == "none" and reached > max(phases["renames"]):
            found = "lost"
        self._finish(out, *options, "--resume")
        return Trial(
            phase=phases[reached],
            overwrites=overwrites,
            found=found,
            resumed=self._found(out) == "new",
            leftovers=leftovers,
            leftovers_after=len(_beside(out, checkpoint=True)),
        )

    def _place(self, name: str, overwrites: bool) -> Path:
        out = self.home / name / "run"
        out.parent.mkdir()
        if overwrites:
            copytree(self.old, out)
        return out

    def _undisturbed(self, overwrites: bool) -> list[Event]:
        return self._finish(self._place(f"undisturbed {overwrites}", overwrites), *(["--overwrite"] * overwrites))

    def _finish(self, out: Path, *options: str) -> list[Event]:
        return _Process([*self._fit, "--out", str(out), *options], out.parent).finished()

    def _found(self, out: Path) -> str:
        """Which run is there, every file of it compared with its checksum, and the atlas loaded."""
        from latentatlas.build import load
        from latentatlas.core import StoreError

        try:
            load(out)
            points = _points(out)
        except StoreError:
            return "lost" if out.exists() else "none"
        return next((name for name, known in self.points.items() if _equal(points, known)), "lost")


def _points(out: Path) -> dict[str, np.ndarray]:
    """The points of a run, after everything else in it has been read."""
    from latentatlas.store import open_run

    opened = open_run(out)
    for read in (opened.weights, opened.history, opened.patterns, opened.vectors, opened.sampled):
        read()
    _ = opened.spec, opened.verdicts, opened.metrics, opened.graph("input"), opened.graph("latent")
    return opened.points()


def _equal(first: Mapping[str, np.ndarray], second: Mapping[str, np.ndarray]) -> bool:
    return first.keys() == second.keys() and all(
        np.array_equal(column, second[name], equal_nan=column.dtype.kind == "f") for name, column in first.items()
    )


def _beside(out: Path, *, checkpoint: bool = False) -> list[str]:
    """What lies beside a run, apart from its checkpoint unless that is asked for too."""
    own = {out.name, _SAID} | (set() if checkpoint else {f"{out.name}.checkpoint"})
    return sorted({path.name for path in out.parent.iterdir()} - own)


def _phases_of(events: Sequence[Event]) -> dict[str, range]:
    """Phase → numbers of the events during it."""
    starts = {"graph": 0}
    last_state = 0
    for number, event in enumerate(events):
        if "shape.safetensors" in event.path:
            starts.setdefault("shape", number)
        if "basins.safetensors" in event.path and "sweep" not in starts and "files" not in starts:
            starts.setdefault("basins", number)
            last_state = number
        if "run.writing-" in event.path:
            starts.setdefault("files", number)
        if event.what == "os.rename" and Path(event.path).name in _RUN_NAMES:
            starts.setdefault("renames", number)
            starts["sweep"] = number + 1
        if "sweep" in starts and "run.checkpoint" in event.path:
            starts.setdefault("clean-up", number)
    raise NotImplementedError
