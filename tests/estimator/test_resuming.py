"""A fit that is interrupted, and goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from latentatlas.core import StoreError
from latentatlas.data import Table
from latentatlas.estimator import Atlas
from latentatlas.train import Callback, Checkpoint

Maker = Callable[..., Atlas]


class _Killed(Callback):
    """Stands for a process that is killed before a step, or after the last one of a stage."""

    def __init__(self, stage: int, step: int) -> None:
        self.stage, self.step, self.started = stage, step, 0

    def on_start(self, steps: int) -> None:
        self.started += 1

    def on_step(self, step: int) -> None:
        if (self.started, step) == (self.stage, self.step):
            raise KeyboardInterrupt


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint before every step."""
    original = Checkpoint.__init__
    monkeypatch.setattr(Checkpoint, "__init__", lambda self, path: original(self, path, every=0))


def _fit(atlas: Atlas, table: Table, folder: Path | None, *callbacks: Callback) -> Atlas:
    own = atlas._callbacks()
    atlas._callbacks = lambda: [*own, *callbacks]
    return atlas.fit(table, nuisance=None, checkpoint=folder)


def _assert_equal(first: Atlas, second: Atlas) -> None:
    np.testing.assert_array_equal(first.latent_, second.latent_)
    np.testing.assert_array_equal(first.map_, second.map_)
    assert first.model_.usual is not None
    assert second.model_.usual is not None
    np.testing.assert_array_equal(first.model_.usual.surprise, second.model_.usual.surprise)
    _assert_same_history(first.history_, second.history_)


def _assert_same_history(first: Mapping[str, np.ndarray], second: Mapping[str, np.ndarray]) -> None:
    assert first.keys() == second.keys()
    for name in first.keys() - {"seconds"}:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)


@pytest.mark.parametrize(("stage", "step"), [(1, 0), (1, 17), (2, 0), (2, 2)])
@pytest.mark.parametrize("dim", [2, 3])
def test_a_resumed_atlas_is_bit_equal(quick: Maker, flowers: Table, tmp_path: Path, stage: int, step: int, dim: int):
    table = Table(flowers.x, label=flowers.label, nuisance={"odd": np.arange(150) % 2})
    whole = _fit(quick(dim=dim), table, None)
    with pytest.raises(KeyboardInterrupt):
        _fit(quick(dim=dim), table, tmp_path, _Killed(stage, step))
    _assert_equal(_fit(quick(dim=dim), table, tmp_path), whole)


def test_a_finished_fit_is_only_placed_again(quick: Maker, flowers: Table, tmp_path: Path):
    whole = _fit(quick(), flowers, tmp_path)
    _assert_equal(_fit(quick(), flowers, tmp_path, _Killed(1, 0), _Killed(2, 0)), whole)


def test_whether_progress_is_shown_does_not_matter(quick: Maker, flowers: Table, tmp_path: Path):
    with pytest.raises(KeyboardInterrupt):
        _fit(quick(), flowers, tmp_path, _Killed(1, 10))
    _fit(quick().set_params(verbose=True), flowers, tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dim": 3}, r"settings\.dim was 2 and is 3"),
        ({"random_state": 1}, r"settings\.random_state was 0 and is 1"),
        ({"threads": 2}, r"settings\.threads was 1 and is 2.*threads was 1 and is 2"),
    ],
)
def test_other_settings(quick: Maker, flowers: Table, tmp_path: Path, change: dict[str, int], message: str):
    with pytest.raises(KeyboardInterrupt):
        _fit(quick(), flowers, tmp_path, _Killed(1, 3))
    with pytest.raises(StoreError, match=rf"^Atlas\.fit wants to go on from .*: {message}.*to begin anew\.$"):
        quick().set_params(**change).fit(flowers, checkpoint=tmp_path)


def test_other_data(quick: Maker, flowers: Table, tmp_path: Path):
    with pytest.raises(KeyboardInterrupt):
        _fit(quick(), flowers, tmp_path, _Killed(1, 3))
    with pytest.raises(StoreError, match=r"another fit left: rows differ\. Fit with"):
        quick().fit(flowers.x + 1, checkpoint=tmp_path)
    with pytest.raises(StoreError, match=r"columns beside differ"):
        quick().fit(flowers.x, nuisance=np.arange(150) % 2, checkpoint=tmp_path)


def test_another_version(quick: Maker, flowers: Table, tmp_path: Path):
    with pytest.raises(KeyboardInterrupt):
        _fit(quick(), flowers, tmp_path, _Killed(1, 3))
    about = json.loads((tmp_path / "about.json").read_text())
    about["versions"]["torch"] = "1.0"
    (tmp_path / "about.json").write_text(json.dumps(about))
    with pytest.raises(StoreError, match=r"versions\.torch was '1\.0' and is "):
        quick().fit(flowers, checkpoint=tmp_path)


def test_a_folder_that_cannot_be_used(quick: Maker, flowers: Table, tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"^Atlas\.fit wants .*file for its checkpoints; it cannot be used: "):
        quick().fit(flowers, checkpoint=tmp_path / "file")
    (tmp_path / "about.json").write_text("{")
    with pytest.raises(StoreError, match="cannot be used"):
        quick().fit(flowers, checkpoint=tmp_path)
