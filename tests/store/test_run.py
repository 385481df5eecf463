"""What goes into a run folder comes out again, and damage never passes for data."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import subprocess
import sys

import numpy as np
import pytest

from latentatlas.core import StoreError
from latentatlas.store import MIGRATIONS, Run, RunContents, open_run, write_run
from latentatlas.store import manifest as manifests
from latentatlas.store.contents import FILES

POINTER = {"pointer": "corpus:digits", "fingerprint": "ab12", "rows": 40, "features": 6}


@pytest.fixture
def run(tmp_path, contents) -> Run:
    return write_run(tmp_path / "run", contents)


def _read_all(run: Run) -> None:
    _ = run.spec, run.verdicts, run.metrics, run.pattern_pointer
    for read in (run.weights, run.points, run.history, run.patterns, run.vectors, run.sampled):
        read()
    run.graph("input"), run.graph("latent"), run.landscape()


class TestRoundTrip:
    def test_arrays(self, run, contents):
        read = open_run(run.path)
        for got, wanted in (
            (read.weights(), contents.weights),
            (read.points(), contents.points),
            (read.history(), contents.history),
            (read.graph("input"), contents.graph["input"]),
            (read.graph("latent"), contents.graph["latent"]),
            (read.landscape()["minima"], contents.landscape["minima"]),
            ({"b": read.landscape()["barriers"]}, {"b": contents.landscape["barriers"]}),
            ({"p": read.patterns(), "v": read.vectors()}, {"p": contents.patterns, "v": contents.vectors}),
        ):
            assert set(got) == set(wanted)
            for name, array in wanted.items():
                np.testing.assert_array_equal(got[name], array)
                assert array.dtype.kind == "U" or got[name].dtype == array.dtype

    def test_plain_data(self, run, contents):
        read = open_run(run.path)
        assert read.spec == contents.spec
        assert read.verdicts == contents.verdicts
        assert read.charts == contents.charts
        assert read.metrics["trustworthiness"] == 0.98
        assert math.isnan(read.metrics["purity"])
        assert read.file("report.html").read_text() == contents.report
        assert read.file("map.png").read_bytes() == contents.picture

    def test_files_are_those_of_the_specification(self, run):
        names = {path.relative_to(run.path).as_posix() for path in run.path.rglob("*") if path.is_file()}
        assert names == (set(FILES) | {"manifest.json"}) - {"patterns/pointer.json"}

    def test_large_arrays_are_mapped_and_read_only(self, run):
        for array in (run.patterns(), run.vectors(), *run.graph("input").values()):
            assert isinstance(array, np.memmap)
            assert not array.flags.writeable

    def test_pointer_instead_of_patterns(self, tmp_path, contents):
        run = write_run(tmp_path / "run", dataclasses.replace(contents, patterns=POINTER))
        assert run.patterns() is None
        assert run.pattern_pointer == POINTER

    def test_a_landscape_is_whole_or_refused(self, tmp_path, contents):
        minima = contents.landscape["minima"]
        for landscape, message in (
            ({"minima": minima}, "minima and barriers"),
            ({"minima": {}, "barriers": np.zeros((0, 0))}, "minima and barriers"),
            ({"minima": minima, "barriers": np.zeros((3, 3))}, "one row of barriers per minimum"),
        ):
            with pytest.raises(StoreError, match=message):
                RunContents(spec={}, landscape=landscape)
        with pytest.raises(StoreError, match=r"written without landscape/minima\.parquet"):
            write_run(tmp_path / "bare", RunContents(spec={})).landscape()

    def test_a_run_of_nothing_but_a_spec(self, tmp_path):
        run = write_run(tmp_path / "run", RunContents(spec={"a": 1}))
        assert (run.spec, run.weights(), run.history(), run.verdicts, run.metrics) == ({"a": 1}, {}, {}, [], {})
        assert run.patterns() is None
        assert run.pattern_pointer is None
        with pytest.raises(StoreError, match=r"written without index/vectors\.npy"):
            run.vectors()

    def test_strided_weights_keep_their_values(self, tmp_path):
        strided = np.arange(6.0).reshape(2, 3).T[::2]
        run = write_run(tmp_path / "run", RunContents(spec={}, weights={"w": strided}))
        np.testing.assert_array_equal(run.weights()["w"], strided)

    def test_selected_columns(self, run, contents):
        assert list(run.points()) == list(contents.points)
        assert list(run.points(["label", "latent"])) == ["label", "latent"]
        assert run.points_table().column_names == list(contents.points)
        with pytest.raises(StoreError, match="Did you mean 'label'"):
            run.points(["lable"])

    def test_unknown_graph_is_suggested(self, run):
        with pytest.raises(StoreError, match=r"no graph 'inputs'\. Did you mean 'input'"):
            run.graph("inputs")

    def test_size(self, run):
        total = sum(
            path.stat().st_size for path in run.path.rglob("*") if path.is_file() and path.name != "manifest.json"
        )
        left_out = sum(path.stat().st_size for part in ("patterns", "graph") for path in (run.path / part).iterdir())
        assert run.size_bytes(without=()) == total
        assert run.size_bytes() == total - left_out

    def test_unknown_files_are_ignored(self, run):
        (run.path / "notes.txt").write_text("mine")
        _read_all(open_run(run.path))

    def test_reading_imports_no_model(self, run):
        code = (
            "import sys, latentatlas.store as s\n"
            f"run = s.open_run({str(run.path)!r}); run.points(); run.weights(); run.search(run.vectors()[:2], 3)\n"
            "heavy = ('models', 'checks', 'terms', 'train', 'data', 'estimator', 'graph', 'geometry')\n"
            "assert not [m for m in sys.modules if m.startswith(tuple('latentatlas.' + h for h in heavy))]\n"
            "assert not {'lightning_fabric', 'sklearn', 'matplotlib', 'faiss'} & set(sys.modules)\n"
        )
        subprocess.run([sys.executable, "-c", code], check=True)


class TestDamage:
    @pytest.mark.parametrize("name", [*FILES, "manifest.json"])
    @pytest.mark.parametrize("how", ["flip", "truncate", "remove"])
    def test_is_found_in_every_file(self, tmp_path, contents, name, how):
        if name == "patterns/pointer.json":
            contents = dataclasses.replace(contents, patterns=POINTER)
        run = write_run(tmp_path / "run", contents)
        path = run.path / name
        content = bytearray(path.read_bytes())
        if how == "flip":
            content[len(content) // 2] ^= 1
            path.write_bytes(content)
        elif how == "truncate":
            path.write_bytes(content[:-1])
        else:
            path.unlink()
        with pytest.raises(StoreError, match=name.replace(".", r"\.")):
            _read_all(open_run(run.path))

    def test_every_bit_of_the_manifest_counts(self, run):
        path = run.path / "manifest.json"
        content = path.read_bytes()
        for at in range(0, len(content), 7):
            path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
            with pytest.raises(StoreError):
                open_run(run.path)

    def test_large_files_are_checked_at_first_use(self, run):
        path = run.path / "patterns" / "patterns.npy"
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
        read = open_run(run.path)
        read.vectors()
        with pytest.raises(StoreError, match=r"patterns\.npy .* checksum"):
            read.patterns()
        assert open_run(run.path, verify=False).patterns() is not None

    def test_a_pickled_array_is_refused(self, tmp_path, contents):
        class Trap:
            def __reduce__(self):
                return (pytest.fail, ("a pickle was executed",))

        run = write_run(tmp_path / "run", contents)
        path = run.path / "index" / "vectors.npy"
        np.save(path, np.array([Trap()], dtype=object), allow_pickle=True)
        content = path.read_bytes()
        entry = manifests.Entry(len(content), hashlib.sha256(content).hexdigest())
        files = {**manifests.Manifest.read(run.path).files, "index/vectors.npy": entry}
        manifests.Manifest(files).write(run.path)
        with pytest.raises(StoreError, match=r"vectors\.npy .* cannot be read"):
            open_run(run.path).vectors()

    def test_objects_are_not_written(self, tmp_path, contents):
        with pytest.raises(StoreError, match="dtype object"):
            write_run(tmp_path / "run", dataclasses.replace(contents, patterns=np.array([[None]] * 40)))
        assert not list(tmp_path.iterdir())


class TestVersions:
    def _set_format(self, run: Run, number: int) -> None:
        raw = json.loads((run.path / "manifest.json").read_text())
        raw["format"] = number
        (run.path / "manifest.json").write_text(json.dumps(raw))

    def test_newer_says_upgrade(self, run):
        self._set_format(run, 99)
        with pytest.raises(StoreError, match=r"format 99.*Upgrade latentatlas"):
            open_run(run.path)

    def test_older_without_migration_says_what_to_do(self, run):
        self._set_format(run, 0)
        with pytest.raises(StoreError, match=r"no migration.*Open it with latentatlas \d"):
            open_run(run.path)

    def test_older_with_migration_is_rewritten(self, run, contents, monkeypatch):
        self._set_format(run, 0)
        monkeypatch.setitem(MIGRATIONS, 0, lambda folder: self._set_format(run, 1))
        assert open_run(run.path).spec == contents.spec
        assert json.loads((run.path / "manifest.json").read_text())["format"] == 1

    def test_a_migration_that_does_nothing_is_a_fault(self, run, monkeypatch):
        self._set_format(run, 0)
        monkeypatch.setitem(MIGRATIONS, 0, lambda folder: None)
        with pytest.raises(StoreError, match="did not raise the format"):
            open_run(run.path)


class TestNotARun:
    def test_missing(self, tmp_path):
        with pytest.raises(StoreError, match="does not exist"):
            open_run(tmp_path / "nowhere")

    def test_file(self, tmp_path):
        (tmp_path / "file").write_text("x")
        with pytest.raises(StoreError, match="is a file"):
            open_run(tmp_path / "file")

    def test_folder_without_manifest(self, tmp_path):
        with pytest.raises(StoreError, match=r"has no manifest\.json"):
            open_run(tmp_path)


class TestContents:
    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"vectors": np.zeros((3, 2))}, "vectors has 3"),
            ({"vectors": np.zeros(40)}, r"vectors \(n, dim\)"),
            ({"patterns": np.zeros((3, 2))}, "patterns has 3"),
            ({"points": {"a": np.zeros(2)}}, r"points\['a'\] has 2"),
            ({"graph": {"input": {"indices": np.zeros((40, 2), int)}}}, "one shape"),
        ],
    )
    def test_parts_must_fit(self, contents, change, message):
        with pytest.raises(StoreError, match=message):
            dataclasses.replace(contents, **change)

    @pytest.mark.parametrize(
        ("column", "message"),
        [
            (np.zeros((2, 2, 2)), r"shape \(2, 2, 2\)"),
            (np.array([1, "a"], dtype=object), "one plain kind"),
            (np.array([1j, 2j]), "one plain kind"),
        ],
    )
    def test_columns_must_be_plain(self, tmp_path, column, message):
        with pytest.raises(StoreError, match=message):
            write_run(tmp_path / "run", RunContents(spec={}, points={"c": column}))
        assert not list(tmp_path.iterdir())

    def test_history_columns_of_two_lengths(self, tmp_path):
        with pytest.raises(StoreError, match="one length; a has 1, b has 2 rows"):
            write_run(tmp_path / "run", RunContents(spec={}, history={"a": np.zeros(1), "b": np.zeros(2)}))

    def test_spec_must_be_plain(self, tmp_path):
        with pytest.raises(StoreError, match="plain data"):
            write_run(tmp_path / "run", RunContents(spec={"a": object()}))

    def test_missing_text_and_numbers_survive(self, tmp_path):
        columns = {"t": np.array(["a", None], dtype=object), "x": np.array([np.nan, 1.0])}
        points = write_run(tmp_path / "run", RunContents(spec={}, points=columns)).points()
        assert points["t"].tolist() == ["a", None]
        assert np.isnan(points["x"][0])


class TestUpdate:
    def test_replaces_what_is_given(self, run, contents):
        _ = run.verdicts, run.metrics
        run.update(verdicts=[{"name": "new", "value": np.float32("inf")}], metrics={"a": 1.0}, report="<p>")
        for read in (run, open_run(run.path)):
            assert read.verdicts == [{"name": "new", "value": None}]
            assert read.metrics == {"a": 1.0}
            assert read.file("report.html").read_text() == "<p>"
            assert read.file("map.png").read_bytes() == contents.picture
            _read_all(read)

    @pytest.mark.parametrize("fatal", range(12))
    def test_dying_at_any_step_leaves_old_or_new(self, run, monkeypatch, fatal):
        old, new = run.metrics["trustworthiness"], 0.5
        count = 0

        def dying(function):
            def call(*arguments):
                nonlocal count
                count += 1
                if count > fatal:
                    raise KeyboardInterrupt
                return function(*arguments)

            return call

        with monkeypatch.context() as patch:
            patch.setattr("os.replace", dying(manifests.os.replace))
            patch.setattr("os.fsync", dying(manifests.os.fsync))
            try:
                run.update(metrics={"trustworthiness": new}, verdicts=[{"name": "new"}])
            except KeyboardInterrupt:
                pass
            else:
                assert fatal >= 8
        read = open_run(run.path)
        _read_all(read)
        state = (read.metrics["trustworthiness"], read.verdicts[0]["name"])
        assert state in {(old, "collapse"), (new, "new")}
        read.update(report="later")
        assert (open_run(run.path).metrics["trustworthiness"], read.verdicts[0]["name"]) == state
