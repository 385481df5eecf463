"""A run folder appears whole or not at all, and nothing that exists is lost on the way."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from latentatlas.core import StoreError
from latentatlas.store import RunContents, atomic, open_run, require_writable, write_run


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(atomic, "WAIT_SECONDS", 0.0)


def _visible(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class TestOverwrite:
    def test_needs_permission_and_touches_nothing(self, tmp_path, contents):
        run = write_run(tmp_path / "run", contents)
        before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
        with pytest.raises(StoreError, match=r"not empty\. Pass overwrite=True \(--overwrite\) or another folder"):
            write_run(run.path, RunContents(spec={"new": 1}))
        assert {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()} == before

    def test_replaces_the_whole_run(self, tmp_path, contents):
        write_run(tmp_path / "run", contents)
        run = write_run(tmp_path / "run", RunContents(spec={"new": 1}), overwrite=True)
        assert run.spec == {"new": 1}
        assert run.weights() == {}
        assert _visible(tmp_path) == ["run"]

    def test_replaces_a_damaged_run(self, tmp_path, contents):
        write_run(tmp_path / "run", contents)
        (tmp_path / "run" / "manifest.json").write_text("{")
        assert write_run(tmp_path / "run", RunContents(spec={"new": 1}), overwrite=True).spec == {"new": 1}

    def test_an_empty_folder_is_free(self, tmp_path):
        (tmp_path / "run").mkdir()
        assert write_run(tmp_path / "run", RunContents(spec={"a": 1})).spec == {"a": 1}

    @pytest.mark.parametrize("manifest", [None, '{"name": "my web app"}'])
    def test_a_strangers_folder_is_left_alone(self, tmp_path, manifest):
        (tmp_path / "thesis.tex").write_text("three years of work")
        if manifest is not None:
            (tmp_path / "manifest.json").write_text(manifest)
        with pytest.raises(StoreError, match=r"not a run|thesis\.tex"):
            write_run(tmp_path, RunContents(spec={}), overwrite=True)
        assert (tmp_path / "thesis.tex").read_text() == "three years of work"

    def test_a_strangers_file_in_a_run_is_not_lost(self, tmp_path, contents):
        run = write_run(tmp_path / "run", contents)
        (run.path / "notes.txt").write_text("mine")
        with pytest.raises(StoreError, match=r"no part of the run: notes\.txt"):
            write_run(run.path, contents, overwrite=True)
        assert (run.path / "notes.txt").exists()

    def test_a_link_keeps_pointing_at_the_run(self, tmp_path):
        write_run(tmp_path / "run", RunContents(spec={"a": 1}))
        (tmp_path / "link").symlink_to(tmp_path / "run")
        write_run(tmp_path / "link", RunContents(spec={"a": 2}), overwrite=True)
        assert (tmp_path / "link").is_symlink()
        assert open_run(tmp_path / "run").spec == {"a": 2}


class TestPlace:
    def test_parents_are_made(self, tmp_path):
        assert write_run(tmp_path / "a" / "b" / "run", RunContents(spec={"a": 1})).spec == {"a": 1}

    @pytest.mark.parametrize(("place", "message"), [("file", "there is a file"), ("file/run", "not a folder")])
    def test_a_file_is_in_the_way(self, tmp_path, place, message):
        (tmp_path / "file").write_text("x")
        with pytest.raises(StoreError, match=message):
            require_writable(tmp_path / place)
        with pytest.raises(StoreError, match=message):
            write_run(tmp_path / place, RunContents(spec={}), overwrite=True)
        assert (tmp_path / "file").read_text() == "x"

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may write anywhere")
    def test_unwritable_parent(self, tmp_path):
        tmp_path.chmod(0o500)
        with pytest.raises(StoreError, match="may be written"):
            write_run(tmp_path / "run", RunContents(spec={}))

    def test_full_disk(self, tmp_path, monkeypatch):
        def full(descriptor):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("os.fsync", full)
        with pytest.raises(StoreError, match="No space left on device"):
            write_run(tmp_path / "run", RunContents(spec={}))
        assert _visible(tmp_path) == []

    def test_asking_changes_nothing(self, tmp_path):
        require_writable(tmp_path / "deep" / "run")
        assert _visible(tmp_path) == []


class TestDying:
    """`os.rename` and `os.fsync` are the steps; after a death at any of them the old or the new run is there."""

    @pytest.mark.parametrize("undo_works", [True, False])
    @pytest.mark.parametrize("fatal", [1, 2])
    def test_at_a_rename(self, tmp_path, contents, monkeypatch, fatal, undo_works):
        write_run(tmp_path / "run", contents)
        rename, calls = os.rename, []

        def dying(source, target):
            calls.append(target)
            if len(calls) == fatal or (len(calls) > fatal and not undo_works):
                raise KeyboardInterrupt
            rename(source, target)

        with monkeypatch.context() as patch:
            patch.setattr("os.rename", dying)
            with pytest.raises(KeyboardInterrupt):
                write_run(tmp_path / "run", RunContents(spec={"new": 1}), overwrite=True)
        assert open_run(tmp_path / "run").spec == contents.spec
        assert _visible(tmp_path) == ["run"]

    def test_between_the_renames_then_writing_without_overwrite(self, tmp_path, contents):
        write_run(tmp_path / "run", contents)
        os.rename(tmp_path / "run", tmp_path / ".run.old-0-abc")
        with pytest.raises(StoreError, match="not empty"):
            write_run(tmp_path / "run", RunContents(spec={"new": 1}))
        assert open_run(tmp_path / "run").spec == contents.spec

    def test_half_removed_leftovers_are_not_taken_for_a_run(self, tmp_path):
        (tmp_path / ".run.old-0-abc").mkdir()
        with pytest.raises(StoreError, match="does not exist"):
            open_run(tmp_path / "run")

    def test_leftovers_of_the_dead_are_swept_at_once(self, tmp_path):
        dead, living = atomic._sibling(tmp_path / "run", "writing"), atomic._sibling(tmp_path / "run", "writing")
        superseded = atomic._sibling(tmp_path / "run", "old")
        dead.mkdir(), living.mkdir(), superseded.mkdir()
        with atomic.held(living):
            write_run(tmp_path / "run", RunContents(spec={}))
            assert (dead.exists(), living.exists(), superseded.exists()) == (False, True, False)
        write_run(tmp_path / "run", RunContents(spec={}), overwrite=True)
        assert _visible(tmp_path) == ["run"]

    def test_leftovers_of_other_machines_are_swept_when_old(self, tmp_path, monkeypatch):
        elsewhere = tmp_path / ".run.writing-another-abc"
        elsewhere.mkdir()
        write_run(tmp_path / "run", RunContents(spec={}))
        assert elsewhere.exists()
        monkeypatch.setattr(atomic, "GRACE_SECONDS", 0.0)
        write_run(tmp_path / "run", RunContents(spec={}), overwrite=True)
        assert not elsewhere.exists()

    def test_killed_for_real(self, tmp_path):
        """A process that rewrites one run for ever is killed at random moments; the run always opens, whole."""
        code = (
            "import sys, numpy as np\n"
            "from latentatlas.store import RunContents, write_run\n"
            "print('ready', flush=True)\n"
            "for i in range(10**6):\n"
            "    data = np.full((500, 8), i, dtype=np.float32)\n"
            "    write_run(sys.argv[1], RunContents(spec={'i': i}, vectors=data), overwrite=True)\n"
        )
        delays = np.random.default_rng(0).uniform(0.0, 0.05, size=2)
        write_run(tmp_path / "run", RunContents(spec={"i": -1}, vectors=np.full((500, 8), -1.0)))
        for delay in delays:
            process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "run")], stdout=subprocess.PIPE)
            assert process.stdout is not None
            with process.stdout:
                process.stdout.readline()
                time.sleep(delay)
                process.send_signal(signal.SIGKILL)
                process.wait()
            run = open_run(tmp_path / "run")
            np.testing.assert_array_equal(run.vectors(), np.full((500, 8), run.spec["i"], dtype=np.float32))


def test_two_writers_without_overwrite_do_not_replace_each_other(tmp_path, contents, monkeypatch):
    from latentatlas.store import write

    original = write.write_parts

    def slow(folder, parts):
        original(folder, parts)
        if parts is contents:
            write_run(tmp_path / "run", dataclasses.replace(contents, spec={"first": 1}))

    monkeypatch.setattr(write, "write_parts", slow)
    with pytest.raises(StoreError, match="not empty"):
        write_run(tmp_path / "run", contents)
    assert open_run(tmp_path / "run").spec == {"first": 1}
    assert _visible(tmp_path) == ["run"]
