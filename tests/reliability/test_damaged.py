"""What the commands say of run folders that are not as they were written."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from latentatlas.build import load
from latentatlas.core import AtlasError, StoreError
from latentatlas.store import RunContents, open_run, write_run
from latentatlas.store.manifest import Entry, Manifest

FILES = (
    "manifest.json",
    "spec.json",
    "weights.safetensors",
    "points.parquet",
    "history.parquet",
    "verdicts.json",
    "metrics.json",
    "report.html",
    "map.png",
    "graph/input_indices.npy",
    "graph/latent_distances.npy",
    "index/vectors.npy",
    "patterns/patterns.npy",
)


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def _halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _become_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGE = {
    "flipped": _flip,
    "truncated": _halve,
    "emptied": lambda path: path.write_bytes(b""),
    "missing": Path.unlink,
    "a folder": _become_a_folder,
    "garbage": lambda path: path.write_bytes(bytes(range(256)) * 9),
}


def _sign(folder: Path) -> None:
    """Make the manifest describe what is there, as a writer of nonsense would."""
    (folder / "manifest.json").unlink()
    Manifest.of_folder(folder).write(folder)


@pytest.mark.parametrize("how", DAMAGE)
@pytest.mark.parametrize("name", FILES)
def test_loading_names_the_file(run: Path, name: str, how: str):
    DAMAGE[how](run / name)
    with pytest.raises(StoreError, match=name.replace(".", r"\.")):
        load(run).graph_, open_run(run).vectors()


@pytest.mark.parametrize("name", [name for name in FILES if name not in ("manifest.json", "report.html", "map.png")])
@pytest.mark.parametrize("how", ["emptied", "garbage"])
def test_garbage_with_a_right_checksum(run: Path, name: str, how: str):
    DAMAGE[how](run / name)
    _sign(run)
    with pytest.raises(AtlasError) as caught:
        (load(run), open_run(run).vectors(), open_run(run).verdicts, open_run(run).metrics)
    assert str(run) in str(caught.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda spec: spec.clear(), "lacks some"),
        (lambda spec: spec.update(later="than we know"), None),
        (lambda spec: spec["atlas"].update(dmi=3), "has no argument 'dmi'. Did you mean 'dim'"),
        (lambda spec: spec["model"].update(type="models.Autoencoderr"), "Did you mean 'models.Autoencoder'"),
        (lambda spec: spec["atlas"].update(dim="two"), None),
        (lambda spec: spec["model"]["encoder"].update(dim=7), "wants the weights that spec.json describes"),
        (lambda spec: spec.update(data=None), "lacks some"),
        (lambda spec: spec.update(atlas=[1, 2]), "lacks some"),
    ],
)
def test_a_spec_of_another_kind(run: Path, change: Callable, words: str | None):
    spec = json.loads((run / "spec.json").read_text())
    change(spec)
    (run / "spec.json").write_text(json.dumps(spec))
    _sign(run)
    if words is None:
        load(run)
        return
    with pytest.raises(AtlasError) as caught:
        load(run)
    assert words in str(caught.value)


@pytest.mark.parametrize("part", ["weights.safetensors", "points.parquet", "patterns", "graph"])
def test_a_run_without_a_part_that_loading_needs(run: Path, part: str):
    shutil.rmtree(run / part) if (run / part).is_dir() else (run / part).unlink()
    _sign(run)
    with pytest.raises(StoreError):
        load(run)
    assert open_run(run).spec["atlas"]["dim"] == 2


@pytest.mark.parametrize("part", ["history.parquet", "map.png", "report.html"])
def test_a_run_without_a_part_that_loading_does_not_need(run: Path, part: str):
    (run / part).unlink()
    _sign(run)
    assert load(run).n_basins_ == 3


def test_files_and_parts_of_others_are_ignored(run: Path, rows: Path):
    (run / "notes").mkdir()
    (run / "notes" / "mine.txt").write_text("mine")
    (run / "graph" / "third.npy").write_bytes(b"not an array")
    content = b"a part of a later version"
    (run / "later.bin").write_bytes(content)
    files = {**Manifest.read(run).files, "later.bin": Entry(len(content), hashlib.sha256(content).hexdigest())}
    Manifest(files).write(run)
    atlas = load(run)
    assert atlas.transform(np.load(rows)).shape == (90, 2)
    open_run(run).update(metrics={"m": 1.0})
    assert (run / "notes" / "mine.txt").read_text() == "mine"
    assert open_run(run).file("later.bin").read_bytes() == content


LINES = {
    "check": "latentatlas('check', 'run')",
    "check --again": "latentatlas('check', 'run', '--again')",
    "measure": "latentatlas('measure', 'run')",
    "search": "latentatlas('search', 'run', '--row', '3')",
    "transform": "latentatlas('transform', 'run', rows, '--out', 'new.parquet')",
    "export": "latentatlas('export', 'run', '--out', 'encoder.onnx')",
}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_each_command_says_what_is_damaged(run_code: Callable, run: Path, rows: Path, tmp_path: Path, line: str):
    _flip(run / "points.parquet")
    ended = run_code(line, rows=str(rows))
    ended.failed_clearly("Run run wants points.parquet as it was written; its checksum does not match", "Restore")
    assert ended.out == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]


@pytest.mark.parametrize("line", [LINES["check"], LINES["transform"]], ids=["check", "transform"])
def test_commands_refuse_a_newer_format(run_code: Callable, run: Path, rows: Path, line: str):
    manifest = json.loads((run / "manifest.json").read_text())
    (run / "manifest.json").write_text(json.dumps(manifest | {"format": 99, "latentatlas": "9.0"}))
    run_code(line, rows=str(rows)).failed_clearly("has format 99, written by latentatlas 9.0. Upgrade latentatlas")


@pytest.mark.parametrize("line", [line for name, line in LINES.items() if name != "check"])
def test_each_command_says_that_a_run_has_no_model(run_code: Callable, rows: Path, tmp_path: Path, line: str):
    write_run(tmp_path / "run", RunContents(spec={"made": "by hand"}))
    run_code(line, rows=str(rows)).failed_clearly()


def _damage_checkpoint(run_code: Callable, kept: Path, fit_line: str, tmp_path: Path, name: str, how: str) -> None:
    shutil.copytree(kept, tmp_path / "run.checkpoint")
    DAMAGE[how](tmp_path / "run.checkpoint" / name)
    ended = run_code(fit_line.replace(", '--json'", "") + ", '--resume')")
    ended.failed_clearly("run.checkpoint", "emove")


@pytest.mark.parametrize(("name", "how"), [("about.json", "garbage"), ("basins.safetensors", "flipped")])
def test_a_damaged_checkpoint(run_code: Callable, kept: Path, fit_line: str, tmp_path: Path, name: str, how: str):
    _damage_checkpoint(run_code, kept, fit_line, tmp_path, name, how)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["emptied", "flipped", "a folder", "garbage"])
@pytest.mark.parametrize("name", ["about.json", "shape.safetensors", "basins.safetensors"])
def test_after_a_damaged_checkpoint_one_can_begin_anew(
    run_code: Callable, kept: Path, fit_line: str, tmp_path: Path, name: str, how: str
):
    _damage_checkpoint(run_code, kept, fit_line, tmp_path, name, how)
    run_code(fit_line + ", '--overwrite')").succeeded()
