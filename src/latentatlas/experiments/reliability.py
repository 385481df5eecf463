"""Study `reliability`: fits that are killed (SIGKILL) at random moments, and what is found afterwards."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import entry_points
from pathlib import Path
from shutil import copytree
from typing import Any, NamedTuple, final

import numpy as np

from latentatlas.core import SpecError

__all__ = ["PRELOADED", "run", "to_markdown"]

PRELOADED = (
    "latentatlas.cli",
    "latentatlas.build",
    "latentatlas.experiments.reliability",
    "jinja2",
    "lightning_fabric.fabric",
    "rich.console",
    "sklearn.cluster",
)
"""What the processes of the study share, so that each begins at once."""

PHASES = {
    "graph": "reading the rows, neighbour graph",
    "shape": "training, first stage",
    "basins": "training, second stage",
    "certificate": "placing the rows, checks, metrics",
    "files": "writing the files of the run",
    "renames": "the renames that publish it",
    "sweep": "removing the run it replaced",
    "clean-up": "removing the checkpoint",
}
_EXACT = ("renames", "sweep", "clean-up")  # too short for a clock: killed before a drawn operation on a file
_FIT = ("--dim", "2", "--basins", "3", "--steps", "20", "--threads", "1", "--json")
_TRIALS, _QUICK_TRIALS = 100, 16
_OUTPUT = "output.txt"
_WATCHED = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree")


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


def run(*, quick: bool, log: Callable[[str], None], numbers: Sequence[int] | None = None) -> dict[str, Any]:
    """Undisturbed fits for comparison, then the trials, each with a seed of its own: its number."""
    if not hasattr(signal, "SIGKILL"):
        raise SpecError("The study `reliability` wants a system with SIGKILL; this one has none. Run it on Linux.")
    numbers = numbers or range(_QUICK_TRIALS if quick else _TRIALS)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        bench = _Bench(Path(folder))
        results = []
        for number in numbers:
            results.append(bench.trial(number))
            log(f"trial {number}: killed in {results[-1].phase}, found {results[-1].found}")
    return {
        "quick": quick,
        "seeds": [min(numbers), max(numbers)],
        "seconds": time.perf_counter() - started,
        "trials": [asdict(trial) for trial in results],
    }


def to_markdown(result: Mapping[str, Any]) -> str:
    """The page docs/results/reliability.md."""
    trials = [Trial(**trial) for trial in result["trials"]]
    columns = ("trials", "old run", "new run", "no run yet", "resumed bit-equal", "runs lost", "leftovers", "… later")
    lines = [
        f"{len(trials)} processes of `latentatlas fit` on 90 × 6 rows, without pictures, with a checkpoint before "
        f"every step, killed by SIGKILL at drawn moments (seeds {result['seeds'][0]} to {result['seeds'][1]}); every "
        "second one over a finished run with `--overwrite`. After each kill the run is opened, every file compared "
        "with its checksum, and the atlas loaded; then the same command with `--resume` ends the fit, and all points "
        "are compared with "
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
        self.points = {"old": _points(self.old)}
        self.events: dict[bool, list[Event]] = {}

    def trial(self, number: int) -> Trial:
        """Kill a fit at the moment that the number draws, look, and let it be resumed."""
        rng = np.random.default_rng(number)
        overwrites = number % 2 == 1
        events = self.events.get(overwrites) or self._undisturbed(overwrites)
        phases = _phases_of(events)
        names = [name for name in PHASES if name in phases]
        place, delay = _moment(events, phases, names[number // 2 % len(names)], rng)
        published = max(number for number, event in enumerate(events) if _publishes(event))
        out = self._place(f"trial {number}", overwrites)
        options = ("--overwrite",) if overwrites else ()
        command = _Command([*self._fit, "--out", str(out), *options], out.parent, place=None if delay else place)
        reached = command.kill(place, delay)
        leftovers = len(_beside(out))  # before the run is opened, which puts an old one back
        found = self._found(out)
        if (reached > published and found != "new") or (overwrites and found == "none"):
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
        out = self._place(f"undisturbed {overwrites}", overwrites)
        self.events[overwrites] = self._finish(out, *(["--overwrite"] * overwrites))
        self.points["new"] = _points(out)
        return self.events[overwrites]

    def _finish(self, out: Path, *options: str) -> list[Event]:
        return _Command([*self._fit, "--out", str(out), *options], out.parent).finish()

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
    own = {out.name, _OUTPUT} | (set() if checkpoint else {f"{out.name}.checkpoint"})
    return sorted({path.name for path in out.parent.iterdir()} - own)


def _phases_of(events: Sequence[Event]) -> list[str]:
    """The phase that begins with, or goes on at, each event."""
    phases: list[str] = []
    phase = "graph"
    for event in events:
        if "run.checkpoint" in event.path:
            if phase in ("renames", "sweep"):
                phase = "clean-up"
            elif ".shape.safetensors." in event.path and phase == "graph":
                phase = "shape"
            elif ".basins.safetensors." in event.path and phase == "shape":
                phase = "basins"
        elif _publishes(event):
            phase = "renames"
        elif phase == "renames":
            phase = "sweep"
        elif phase == "basins":
            phase = "files"
        phases.append(phase)
    phases[phases.index("files") - 1] = "certificate"  # once the last state has been kept
    return phases


def _publishes(event: Event) -> bool:
    return event.what == "os.rename" and "run.checkpoint" not in event.path


def _moment(events: Sequence[Event], phases: Sequence[str], phase: str, rng: np.random.Generator) -> tuple[int, float]:
    """An event, and how many seconds after it to kill; 0 is before it happens."""
    numbers = [number for number, each in enumerate(phases) if each == phase]
    if phase in _EXACT:
        return int(rng.choice(numbers)), 0.0
    number = int(rng.choice(numbers))
    gap = events[number + 1].seconds - events[number].seconds
    return number, rng.uniform(0.0, gap / 2)  # half, since it may be faster this time


@final
class _Command:
    """`latentatlas ARGUMENTS` in a process of its own, which tells what it does to files below a folder.

    Args:
        arguments: the line.
        home: the folder; what the command says goes to a file in it.
        place: number of the event before which it stands still until it is killed; None for none.
    """

    def __init__(self, arguments: Sequence[str], home: Path, *, place: int | None = None):
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(list(PRELOADED))
        self._events, channel = context.Pipe(duplex=False)
        self._reached = context.RawValue("i", -1)
        self._process = context.Process(target=_command, args=(list(arguments), home, place, self._reached, channel))
        self._process.start()
        channel.close()

    def finish(self) -> list[Event]:
        """Wait for the end; everything it did to files."""
        events = [Event(*event) for event in self._events.recv()]
        self._process.join()
        return events

    def kill(self, place: int, delay: float) -> int:
        """Kill it `delay` seconds after an event; the number of the last event it came to."""
        while self._reached.value < place and self._process.is_alive():
            time.sleep(0.0005)
        time.sleep(delay)
        self._process.kill()
        self._process.join()
        return self._reached.value


def _command(arguments: list[str], home: Path, place: int | None, reached: Any, channel: Any) -> None:
    from latentatlas.estimator import saving
    from latentatlas.train import Checkpoint

    main = next(iter(entry_points(group="console_scripts", name="latentatlas"))).load()
    output = os.open(home / _OUTPUT, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    Checkpoint.__init__.__kwdefaults__ = {"every": 0.0}  # before every step, as the fit takes no minute
    saving.figures_of = lambda _: {"map": b"no picture"}  # drawing takes longer than all the rest
    events: list[Event] = []
    sys.addaudithook(_watch(str(home), events, place, reached))
    sys.argv = ["latentatlas", *arguments]
    try:
        main()
    finally:
        channel.send([tuple(event) for event in events])


def _watch(home: str, events: list[Event], place: int | None, reached: Any) -> Callable[[str, tuple[Any, ...]], None]:
    """An audit hook: Python tells it of every operation on a file before it happens."""
    started = time.perf_counter()
    removed = ""

    def hook(what: str, arguments: tuple[Any, ...]) -> None:
        nonlocal removed
        if what not in _WATCHED or (what == "open" and "w" not in str(arguments[1])):
            return
        path = str(arguments[0])
        if what == "shutil.rmtree":
            removed = path
        path = path if os.path.isabs(path) else f"{removed}/{path}"
        if not path.startswith(home):
            return
        events.append(Event(time.perf_counter() - started, what, path.removeprefix(home)))
        reached.value = len(events) - 1
        while reached.value == place:
            time.sleep(1)

    return hook
