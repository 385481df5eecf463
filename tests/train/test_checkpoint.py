from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch

from latentatlas.core import Batch, OnPlateau, SpecError, StoreError, reproducible
from latentatlas.data import DataWarning
from latentatlas.graph import fuzzy_weights, knn_graph
from latentatlas.models import Autoencoder, MLPEncoder
from latentatlas.terms import Covariance, NeighborContrast, Objective, Reconstruction
from latentatlas.train import Callback, Checkpoint, EarlyStop, EdgeBatches, Recipe, RowBatches, fit

STEPS = 60


class _Interrupt(Callback):
    """Stands for a process that is killed before a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step(self, step: int) -> None:
        if step == self.step:
            raise KeyboardInterrupt


def _rows() -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).standard_normal((80, 6)).astype(np.float32))


def _fit(callbacks: list[Callback], *, edges: bool, steps: int = STEPS, dim: int = 2) -> dict[str, np.ndarray]:
    """Weights and history of a small fit with noise in the encoder, a schedule with a memory and an early stop."""
    x = _rows()
    with reproducible(0, threads=1):
        model = Autoencoder(MLPEncoder(6, dim, hidden=(16,), noise=0.1))
        plateau = OnPlateau("recon", patience=2, tolerance=0.5, ramp=5)
        terms = {"recon": Reconstruction(), "spread": (Covariance(), plateau)}
        if edges:
            graph = fuzzy_weights(knn_graph(x.numpy(), 5))
            batches = EdgeBatches(Batch(x), graph, size=16, seed=3)
            terms["neighbours"] = NeighborContrast()
        else:
            batches = RowBatches(Batch(x), size=30, seed=3)
        stop = EarlyStop("held_out/recon", patience=3, tolerance=0.9)
        history = fit(
            model,
            Objective(terms),
            batches,
            Recipe(steps, log_every=5),
            held_out=Batch(x[:10]),
            callbacks=[stop, *callbacks],
        )
        after = torch.rand(1)
    columns = {name: column for name, column in history.columns().items() if name != "seconds"}
    weights = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    return weights | columns | {"random": after.numpy()}


def _assert_equal(first: Mapping[str, np.ndarray], second: Mapping[str, np.ndarray]) -> None:
    assert first.keys() == second.keys()
    for name, values in first.items():
        np.testing.assert_array_equal(values, second[name], err_msg=name)


@pytest.mark.parametrize("edges", [False, True], ids=["rows", "edges"])
@pytest.mark.parametrize("at", [0, 1, 7, 23])
def test_a_resumed_fit_is_bit_equal_to_one_that_was_never_interrupted(tmp_path: Path, at: int, edges: bool):
    whole = _fit([Checkpoint(tmp_path / "never_used", every=1e9)], edges=edges)
    assert len(whole["step"]) < STEPS / 5, "the early stop shall be part of the test"
    assert whole["weight/spread"].max() > 0, "the schedule shall be part of the test"
    path = tmp_path / "fit.safetensors"
    with pytest.raises(KeyboardInterrupt):
        _fit([Checkpoint(path, every=0), _Interrupt(at)], edges=edges)
    _assert_equal(_fit([Checkpoint(path, every=0)], edges=edges), whole)


def test_a_finished_fit_is_not_repeated(tmp_path: Path):
    path = tmp_path / "fit.safetensors"
    whole = _fit([Checkpoint(path, every=1e9)], edges=True)
    _assert_equal(_fit([Checkpoint(path), _Interrupt(0)], edges=True), whole)


def test_it_is_written_from_time_to_time(tmp_path: Path):
    path = tmp_path / "fit.safetensors"
    with pytest.raises(KeyboardInterrupt):
        _fit([Checkpoint(path, every=1e9), _Interrupt(20)], edges=False)
    assert not path.exists()


def test_a_checkpoint_of_another_fit(tmp_path: Path):
    path = tmp_path / "fit.safetensors"
    _fit([Checkpoint(path)], edges=False)
    with pytest.raises(
        StoreError, match=r"^Checkpoint wants the state of this very fit .* it was .*'steps': 60.*anew\.$"
    ):
        _fit([Checkpoint(path)], edges=False, steps=STEPS + 1)
    with pytest.raises(StoreError, match=r"it holds another: .*size mismatch.*Remove the file to begin anew\.$"):
        _fit([Checkpoint(path)], edges=False, dim=3)
    with pytest.raises(StoreError, match=r"it holds another"):
        _fit([Checkpoint(path)], edges=True)


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "other"])
def test_a_damaged_checkpoint_is_named(tmp_path: Path, damage: str):
    path = tmp_path / "fit.safetensors"
    _fit([Checkpoint(path)], edges=False)
    content = bytearray(path.read_bytes())
    if damage == "cut":
        content = content[: len(content) // 2]
    elif damage == "flipped":
        content[-5] ^= 1
    elif damage == "empty":
        content = bytearray()
    else:
        content = bytearray(b"not a checkpoint at all")
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"^Checkpoint wants a whole checkpoint in .*fit\.safetensors; it is damaged"):
        _fit([Checkpoint(path)], edges=False)


def test_a_place_that_cannot_be_written_does_not_end_the_fit(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    whole = _fit([], edges=False)
    with pytest.warns(DataWarning, match="Checkpoint could not be written .* The fit goes on without"):
        result = _fit([Checkpoint(tmp_path / "file" / "fit.safetensors")], edges=False)
    _assert_equal(result, whole)


def test_bad_settings(tmp_path: Path):
    with pytest.raises(SpecError, match="every ≥ 0"):
        Checkpoint(tmp_path / "fit", every=-1)
