"""Disks that are full, at every place where one can be."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from latentatlas.core import StoreError
from latentatlas.store import RunContents, open_run, read_columns, write_run, write_table

resource = pytest.importorskip("resource")


def _contents(number: int) -> RunContents:
    rng = np.random.default_rng(number)
    latent = rng.normal(size=(60, 3)).astype(np.float32)
    graph = {"indices": rng.integers(0, 60, (60, 4)), "distances": rng.random((60, 4))}
    return RunContents(
        spec={"number": number, "long": "x" * 3000},
        weights={"w": rng.normal(size=(50, 20)).astype(np.float32)},
        points={"id": np.arange(60), "latent": latent},
        graph={"input": graph, "latent": graph},
        history={"step": np.arange(4)},
        metrics={"m": float(number)},
        patterns=rng.random((60, 5)),
        vectors="latent",
        report="<p>" + "r" * 9000,
        picture=bytes(range(256)) * 20,
    )


def _read(folder: Path) -> int:
    """The number of a run of which every part is read."""
    run = open_run(folder)
    for read in (run.weights, run.points, run.history, run.patterns, run.vectors):
        read()
    _ = run.verdicts, run.graph("input"), run.graph("latent")
    assert run.spec["number"] == run.metrics["m"]
    return run.spec["number"]


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class _Full:
    """Refuses the n-th operation that needs room on the disk, and all after it if it stays full."""

    def __init__(self, allowed: int, *, stays: bool):
        self.left, self.stays = allowed, stays

    def wrap(self, function: Callable) -> Callable:
        def call(*arguments, **named):
            self.left -= 1
            if self.left == -1 or (self.left < 0 and self.stays):
                raise OSError(28, "No space left on device")
            return function(*arguments, **named)

        return call


@pytest.fixture
def no_syncing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of files are written; that they reach the disk is not what is tested."""
    monkeypatch.setattr("os.fsync", lambda _: None)


@contextmanager
def _full_after(allowed: int, *, stays: bool, monkeypatch: pytest.MonkeyPatch) -> Iterator[_Full]:
    full = _Full(allowed, stays=stays)
    with monkeypatch.context() as patch:
        for name in ("fsync", "rename", "replace", "mkdir", "open"):
            patch.setattr(os, name, full.wrap(getattr(os, name)))
        patch.setattr("builtins.open", full.wrap(open))
        yield full


@pytest.mark.usefixtures("no_syncing")
@pytest.mark.parametrize("stays", [False, True])
def test_saving_fails_at_every_operation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stays: bool):
    write_run(tmp_path / "run", _contents(0))
    for allowed in range(1000):
        number = 0
        with _full_after(allowed, stays=stays, monkeypatch=monkeypatch) as full:
            try:
                write_run(tmp_path / "run", _contents(1), overwrite=True)
                number = 1
            except StoreError as error:
                assert "No space left on device" in str(error)  # noqa: PT017
        assert _read(tmp_path / "run") >= number
        if full.left >= 0:
            break
        write_run(tmp_path / "run", _contents(0), overwrite=True)
        assert _names(tmp_path) == ["run"]
    assert 30 < allowed < 999
    assert _read(tmp_path / "run") == 1


@pytest.mark.usefixtures("no_syncing")
@pytest.mark.parametrize("stays", [False, True])
def test_updating_fails_at_every_operation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stays: bool):
    run = write_run(tmp_path / "run", _contents(0))
    files = _names(run.path)
    for allowed in range(1000):
        before = open_run(run.path).metrics["later"] if allowed else None
        with _full_after(allowed, stays=stays, monkeypatch=monkeypatch) as full:
            try:
                run.update(metrics={"m": 0.0, "later": allowed}, verdicts=[{"later": allowed}], report=f"<p>{allowed}")
            except StoreError as error:
                assert "No space left on device" in str(error)  # noqa: PT017
        now = open_run(run.path)
        assert now.metrics.get("later") in {before, allowed}
        assert now.metrics.get("later") == (now.verdicts[0]["later"] if now.verdicts else None)
        assert _read(run.path) == 0
        run.update(metrics={"m": 0.0, "later": allowed}, verdicts=[{"later": allowed}])
        assert _names(run.path) == files
        if full.left >= 0:
            break
    assert 8 < allowed < 999


@pytest.mark.parametrize("limit", [0, 100, 1000, 4000, 8000])
def test_files_may_not_grow(tmp_path: Path, limit: int):
    """The limit of the system on the size of a file (RLIMIT_FSIZE)."""
    write_run(tmp_path / "run", _contents(0))
    write_table(tmp_path / "new.parquet", {"a": np.arange(3)})
    run = open_run(tmp_path / "run")
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard[1]))
    try:
        with pytest.raises(StoreError, match=r"the system refused: .*Free space or choose another folder"):
            write_run(tmp_path / "run", _contents(1), overwrite=True)
        with pytest.raises(StoreError, match="write_table wants a place it can write"):
            write_table(tmp_path / "new.parquet", {"a": np.random.default_rng(0).random(5000)})
        with pytest.raises(StoreError, match="was to be updated; the system refused"):
            run.update(report="x" * 9000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, hard)
    assert _read(tmp_path / "run") == 0
    assert read_columns(tmp_path / "new.parquet")["a"].tolist() == [0, 1, 2]
    assert _names(tmp_path) == ["new.parquet", "run"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 2 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no file system may be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True, capture_output=True)


def test_a_disk_that_is_really_full(small_disk: Path):
    """With every amount of free space the old or the new run is there, and nothing else."""
    outcomes = set()
    write_run(small_disk / "run", _contents(0))
    state = os.statvfs(small_disk)
    for free in range(0, 25):
        filler = small_disk / "filler"
        used = state.f_blocks - os.statvfs(small_disk).f_bfree
        filler.write_bytes(b"x" * (state.f_frsize * (state.f_blocks - used - free)))
        number = 0
        try:
            write_run(small_disk / "run", _contents(1), overwrite=True)
            number = 1
        except StoreError as error:
            assert "No space left" in str(error) or "requested and" in str(error)  # noqa: PT017
        assert _read(small_disk / "run") == number
        outcomes.add(number)
        filler.unlink()
        assert _names(small_disk) == ["run"]
        write_run(small_disk / "run", _contents(0), overwrite=True)
    assert outcomes == {0, 1}


class TestCommands:
    """The commands on a file system that fills while they work."""

    LIMIT = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (limit, -1))\n"
    OFTEN = "from latentatlas.train import Checkpoint; Checkpoint.__init__.__kwdefaults__['every'] = 0.0\n"

    @pytest.mark.slow
    def test_a_fit_goes_on_without_checkpoints_and_its_save_fails(
        self, run_code: Callable, fit_line: str, tmp_path: Path
    ):
        ended = run_code(self.LIMIT + self.OFTEN + fit_line.replace(", '--json'", "") + ")", limit=20_000)
        ended.failed_clearly("Checkpoint could not be written", "The fit goes on without", "write_run wanted to write")
        assert _names(tmp_path) == ["run.checkpoint"]
        run_code(fit_line + ", '--resume')").succeeded()
        assert _names(tmp_path) == ["run"]

    def test_a_fit_that_could_not_be_saved_is_not_trained_again(
        self, run_code: Callable, fit_line: str, finished: Path, tmp_path: Path
    ):
        full = "import latentatlas.store.write as w\n"
        full += "def full(*_): raise OSError(28, 'No space left on device')\nw.write_parts = full\n"
        ended = run_code(self.OFTEN + full + fit_line + ")")
        ended.failed_clearly("The fit is kept in run.checkpoint")
        assert '"error": "write_run wanted to write' in ended.out
        assert _names(tmp_path) == ["run.checkpoint"]
        never = "from latentatlas import train; loop = sys.modules['latentatlas.train.fit']._Loop\n"
        never += "def advance(*_): raise SystemExit('it trained')\nloop.advance = advance\n"
        run_code(never + fit_line + ", '--resume')").succeeded()
        np.testing.assert_array_equal(open_run(tmp_path / "run").points()["x"], open_run(finished).points()["x"])

    @pytest.mark.slow
    def test_elsewhere(self, run_code: Callable, fit_line: str, tmp_path: Path):
        """A fit that was kept is saved at another place, once its folder has the name of that place."""
        full = "import latentatlas.store.write as w\n"
        full += "def full(*_): raise OSError(28, 'No space left on device')\nw.write_parts = full\n"
        run_code(full + fit_line + ")").failed_clearly("The fit is kept")
        (tmp_path / "run.checkpoint").rename(tmp_path / "other.checkpoint")
        run_code(fit_line.replace("'run'", "'other'") + ", '--resume')").succeeded()
        assert _names(tmp_path) == ["other"]

    @pytest.mark.parametrize(
        ("line", "words"),
        [
            ("latentatlas('transform', 'run', ROWS, '--out', 'new.parquet')", "write_table wants a place it can write"),
            ("latentatlas('check', 'run', '--again')", "was to be updated; the system refused"),
            ("latentatlas('measure', 'run')", "was to be updated; the system refused"),
        ],
    )
    def test_other_commands(self, run_code: Callable, run: Path, rows: Path, tmp_path: Path, line: str, words: str):
        before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
        silent = "os.dup2(os.open('/dev/null', os.O_WRONLY), 1)\n"
        ended = run_code(self.LIMIT + silent + line.replace("ROWS", repr(str(rows))), limit=1500)
        ended.failed_clearly(words)
        assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
        assert _names(tmp_path) == ["run"]
