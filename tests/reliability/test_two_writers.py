"""Several processes at one folder."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from latentatlas.core import StoreError
from latentatlas.store import Run, RunContents, atomic, open_run, write_run

pytestmark = pytest.mark.skipif(atomic.fcntl is None, reason="no locks")

WRITER = """
os.fsync = lambda _: None  # that files reach the disk is not what is tested, and it is slow
import time
import numpy as np
from latentatlas.core import StoreError
from latentatlas.store import RunContents, write_run
while not Path("go").exists():
    time.sleep(0.001)
for round in range(rounds):
    number = writer * 1000 + round
    data = np.full((200, 8), number, dtype=np.float32)
    contents = RunContents(spec={"number": number}, vectors=data, metrics={"m": number}, report="x" * number)
    place = "run" if overwrite else f"run{round}"
    try:
        write_run(place, contents, overwrite=overwrite)
        print(number)
    except StoreError as error:
        print(error, file=sys.stderr)
"""


def _number(run: Run) -> int:
    """The number that all parts of a run agree on."""
    number = run.spec["number"]
    assert run.metrics["m"] == number
    np.testing.assert_array_equal(run.vectors(), np.full((200, 8), number, dtype=np.float32))
    return number


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_with_overwrite_every_reader_sees_a_whole_run(start: Callable, tmp_path: Path):
    contents = RunContents(spec={"number": 5}, metrics={"m": 5}, vectors=np.full((200, 8), 5.0), report="x" * 5)
    write_run(tmp_path / "run", contents)
    writers = [start(WRITER, writer=each, rounds=10, overwrite=True) for each in (1, 2)]
    time.sleep(0.5)
    (tmp_path / "go").touch()
    seen = set()
    while any(child.process.is_alive() for child in writers):
        run = open_run(tmp_path / "run")  # never fails
        try:
            seen.add(_number(run))
        except StoreError as error:
            assert "another run took its place" in str(error) or "does not exist" in str(error), error  # noqa: PT017
    for child in writers:
        ended = child.wait()
        ended.succeeded()
        assert (len(ended.out.split()), ended.err) == (10, ""), ended
    assert len(seen) > 1
    run = open_run(tmp_path / "run")
    assert len(run.file("report.html").read_text()) == _number(run) in {1009, 2009}
    assert _names(tmp_path) == ["go", "run"]


def test_without_overwrite_one_wins(start: Callable, tmp_path: Path):
    writers = [start(WRITER, writer=each, rounds=10, overwrite=False) for each in (1, 2)]
    time.sleep(0.5)
    (tmp_path / "go").touch()
    ended = [child.wait() for child in writers]
    said = {int(line) for each in ended for line in each.out.split()}
    refused = " ".join(each.message for each in ended)
    assert len(said) == 10
    assert refused.count("was wanted") + refused.count("wanted to write") == 10, refused
    assert {_number(open_run(tmp_path / f"run{i}")) for i in range(10)} == said
    assert len(_names(tmp_path)) == 11


def test_a_run_that_was_replaced_is_not_mixed_with_its_successor(tmp_path: Path):
    old = write_run(tmp_path / "run", RunContents(spec={"i": 1}, vectors=np.ones((3, 2)), metrics={"m": 1}))
    write_run(tmp_path / "run", RunContents(spec={"i": 2}, vectors=np.ones((3, 2)), metrics={"m": 1}), overwrite=True)
    for read in (lambda: old.spec, old.vectors, lambda: old.update(metrics={})):
        with pytest.raises(StoreError, match=r"another run took its place\. Open it again\.$"):
            read()
    assert open_run(tmp_path / "run").metrics == {"m": 1}


def test_two_updates_keep_both(tmp_path: Path):
    """`check --again` and `measure` at once: the later does not undo what the earlier wrote."""
    first = write_run(tmp_path / "run", RunContents(spec={"i": 1}, metrics={"m": 1}))
    second = open_run(tmp_path / "run")
    first.update(metrics={"m": 2})
    second.update(verdicts=[{"name": "new"}])
    for run in (first, second, open_run(tmp_path / "run")):
        assert (run.metrics, run.verdicts) == ({"m": 2}, [{"name": "new"}])


UPDATER = """
os.fsync = lambda _: None
from latentatlas.store import open_run
run = open_run("run")
for round in range(15):
    run.update(metrics={"m": writer * 1000 + round}, report="x" * (writer * 1000 + round))
"""


def test_many_updates_at_once(start: Callable, tmp_path: Path):
    write_run(tmp_path / "run", RunContents(spec={"i": 1}, metrics={"m": 5}, report="x" * 5))
    children = [start(UPDATER, writer=each) for each in (1, 2)]
    while any(child.process.is_alive() for child in children):
        open_run(tmp_path / "run")
    for child in children:
        child.wait().succeeded()
    run = open_run(tmp_path / "run")
    assert run.metrics["m"] in {1014, 2014}
    assert len(run.file("report.html").read_text()) == run.metrics["m"]
    assert _names(tmp_path / "run") == ["manifest.json", "metrics.json", "report.html", "spec.json", "verdicts.json"]


class TestTwoFits:
    def test_the_second_is_refused_and_does_not_disturb_the_first(
        self, start: Callable, run_code: Callable, fit_line: str, tmp_path: Path
    ):
        slow = "import latentatlas.estimator.saving as s, time\nfirst = s.figures_of\n"
        slow += (
            "def slowly(atlas):\n    Path('measuring').touch()\n    while not Path('go').exists(): time.sleep(0.01)\n"
        )
        slow += "    return first(atlas)\ns.figures_of = slowly\n"
        first = start(slow + fit_line + ")")
        deadline = time.monotonic() + 60
        while not (tmp_path / "measuring").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        for option in ("", ", '--overwrite'", ", '--resume'"):
            second = run_code(fit_line.replace("'--json'", "'--seed', 1") + option + ")")
            second.failed_clearly("fit wants to write run; another fit that is running now does so, and holds", "Wait")
        (tmp_path / "go").touch()
        first.wait().succeeded()
        assert open_run(tmp_path / "run").spec["seed"] == 0
        assert _names(tmp_path) == ["go", "measuring", "run"]

    @pytest.mark.slow
    def test_the_lock_of_a_dead_fit_is_free(self, run_code: Callable, fit_line: str, tmp_path: Path):
        (tmp_path / "run.checkpoint").mkdir()  # killed before it had begun
        run_code(fit_line + ")").succeeded()
        assert _names(tmp_path) == ["run"]

    @pytest.mark.slow
    def test_states_of_a_forgotten_fit_are_not_used(
        self, run_code: Callable, fit_line: str, rows: Path, tmp_path: Path
    ):
        """A fit of other rows was killed while its checkpoint was removed."""
        np.save(tmp_path / "other.npy", np.load(rows)[::-1].copy())
        other = fit_line.replace(str(rows), "other.npy").replace("'run'", "'other'")
        keep = "import latentatlas.cli.fit as f; f.shutil.rmtree = lambda *_, **__: None\n"
        run_code(keep + other + ")").succeeded()
        states = tmp_path / "other.checkpoint"
        assert _names(states) == ["basins.json", "basins.safetensors", "shape.json", "shape.safetensors"]
        states.rename(tmp_path / "run.checkpoint")
        run_code(fit_line + ")").succeeded()
        run_code(fit_line.replace("'run'", "'again'") + ")").succeeded()
        points = [open_run(tmp_path / name).points()["x"] for name in ("run", "again")]
        np.testing.assert_array_equal(*points)
