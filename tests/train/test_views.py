from __future__ import annotations

from pathlib import Path

import pytest
import torch

from latentatlas.core import Batch, LatentLayout, Ramp, reproducible
from latentatlas.data.transformations import WindowSlide
from latentatlas.models import Autoencoder, MLPEncoder
from latentatlas.terms import MemoryBank, Objective, Partition, ReadableTransformation, Reconstruction
from latentatlas.train import Callback, Checkpoint, Recipe, RowBatches, ViewBatches, at_rest, fit, with_view


class Shift:
    """Adds one number to every column of a row."""

    def sample(self, n: int, generator: torch.Generator) -> torch.Tensor:
        return torch.randn(n, 1, generator=generator)

    def apply(self, x: torch.Tensor, parameters: torch.Tensor) -> torch.Tensor:
        return x + parameters


def test_a_batch_has_its_view_and_the_parameters_that_made_it():
    x = torch.randn(7, 3)
    batch = with_view(Batch(x), Shift(), torch.Generator().manual_seed(0))
    assert torch.equal(batch.view, x + batch.transform)
    assert torch.equal(batch.x, x)


def test_views_are_drawn_anew_by_a_seed_and_go_on_from_a_state():
    rows = Batch(torch.randn(20, 3), label=torch.arange(20))
    first, second = (ViewBatches(RowBatches(rows, size=5), Shift(), seed=seed) for seed in (1, 2))
    one, other = first.draw(), second.draw()
    assert torch.equal(one.x, other.x)
    assert not torch.equal(one.transform, other.transform)
    state = first.state_dict()
    wanted = first.draw()
    second.load_state_dict(state)
    got = second.draw()
    assert torch.equal(got.view, wanted.view)
    assert torch.equal(got.label, wanted.label)


class Interrupt(Callback):
    """Stands for a process that is killed before a step."""

    def __init__(self, step: int):
        self.step = step

    def on_step(self, step: int) -> None:
        if step == self.step:
            raise KeyboardInterrupt


def _fitted(callbacks: list[Callback]) -> Autoencoder:
    """A small fit whose term of partition remembers rows and counts steps."""
    layout = LatentLayout(invariant=2, variant=1)
    rows = Batch(torch.randn(60, 4, generator=torch.Generator().manual_seed(3)))
    with reproducible(0, threads=1):
        model = Autoencoder(MLPEncoder(4, 3, hidden=(8,)))
        partition = Partition(layout, negatives=MemoryBank(50, 2), beta=Ramp(start=0, stop=20))
        terms = {"recon": Reconstruction(), "partition": partition, "readable": ReadableTransformation(layout, [0])}
        fit(model, Objective(terms), ViewBatches(RowBatches(rows, size=16), Shift()), Recipe(20), callbacks=callbacks)
    return model


def test_a_resumed_fit_is_bit_equal_to_one_that_was_never_interrupted(tmp_path: Path):
    path = tmp_path / "state.safetensors"
    with pytest.raises(KeyboardInterrupt):
        _fitted([Checkpoint(path, every=0), Interrupt(9)])
    whole, resumed = _fitted([]).state_dict(), _fitted([Checkpoint(path, every=0)]).state_dict()
    for name, tensor in whole.items():
        assert torch.equal(tensor, resumed[name]), name


def test_rows_with_room_lose_it_beside_their_views():
    slide = WindowSlide(4, after=3)
    x = torch.arange(14.0).reshape(2, 1, 7)
    batch = with_view(Batch(x), slide, torch.Generator().manual_seed(0))
    assert torch.equal(batch.x, x[:, :, :4])
    for row, view, (samples,) in zip(x, batch.view, batch.transform.int().tolist(), strict=True):
        assert torch.equal(view, row[:, samples : samples + 4])
    assert torch.equal(at_rest(x, Shift()), x)  # a transformation that cannot change by nothing
