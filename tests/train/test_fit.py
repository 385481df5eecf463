from __future__ import annotations

import math
from typing import final

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from latentatlas.core import Batch, Constant, DataError, MissingInput, OnPlateau, Ramp, SpecError, reproducible
from latentatlas.graph import fuzzy_weights, knn_graph
from latentatlas.landscape import PrototypeBank
from latentatlas.models import Autoencoder, MapHead, MLPEncoder
from latentatlas.terms import (
    HSIC,
    ChartBalance,
    NeighborContrast,
    Objective,
    PrototypeEnergy,
    Rebind,
    Reconstruction,
    Term,
)
from latentatlas.train import At, Callback, EarlyStop, EdgeBatches, Never, Progress, Recipe, RowBatches, fit


@final
class _Offset(Term):
    """Distance of the mean latent to a trained point."""

    def __init__(self) -> None:
        super().__init__()
        self.point = nn.Parameter(torch.full((2,), 5.0))

    def forward(self, z: Tensor) -> Tensor:
        return (z.mean(dim=0) - self.point).square().sum()


@final
class _Explodes(Term):
    """Raises, or returns NaN, from a given evaluation on."""

    def __init__(self, after: int, value: float | None = None) -> None:
        super().__init__()
        self.after = after
        self.value = value
        self.calls = 0

    def forward(self, z: Tensor) -> Tensor:
        self.calls += 1
        if self.calls <= self.after:
            return z.mean()
        if self.value is None:
            raise RuntimeError("no more")
        return z.mean() * self.value


@final
class _Recorder(Callback):
    """Counts the calls of every hook."""

    def __init__(self) -> None:
        self.steps: list[int] = []
        self.records: list[dict[str, float]] = []
        self.started = self.ended = 0

    def on_start(self, steps: int) -> None:
        self.started += 1

    def on_step(self, step: int) -> None:
        self.steps.append(step)

    def on_log(self, step, record) -> None:
        self.records.append(dict(record))

    def on_end(self) -> None:
        self.ended += 1


def patterns(n: int = 160, seed: int = 0) -> Tensor:
    """Rows near a plane in five dimensions."""
    generator = torch.Generator().manual_seed(seed)
    plane = torch.randn(2, 5, generator=torch.Generator().manual_seed(99))
    return torch.randn(n, 2, generator=generator) @ plane + 0.05 * torch.randn(n, 5, generator=generator)


def small_model(dim: int = 2, **parts: nn.Module) -> Autoencoder:
    torch.manual_seed(0)
    model = Autoencoder(MLPEncoder(5, dim, hidden=(16,)), **parts)
    model.adapt(patterns())
    return model


def row_source(**arguments: int) -> RowBatches:
    return RowBatches(Batch(patterns()), **({"size": 64} | arguments))


def edge_source(seed: int = 0) -> EdgeBatches:
    x = patterns()
    graph = fuzzy_weights(knn_graph(x.numpy(), 6))
    return EdgeBatches(Batch(x, nuisance=torch.arange(160) % 2), graph, size=32, seed=seed)


def recon_only() -> Objective:
    return Objective({"recon": Reconstruction()})


def full_objective() -> Objective:
    return Objective(
        {
            "recon": Reconstruction(),
            "near": (NeighborContrast(8.0), Ramp(start=0, stop=5)),
            "map": Rebind(NeighborContrast(8.0), {"z": "map"}),
            "author": (HSIC(), Ramp(start=10, stop=20, high=3.0)),
            "energy": (PrototypeEnergy(), Constant(0.1)),
            "balance": (ChartBalance(), Constant(0.0)),
        }
    )


def full_model() -> Autoencoder:
    return small_model(3, head=MapHead(3, hidden=(8,)), bank=PrototypeBank(4, 3))


def test_the_loss_falls():
    model = small_model()
    columns = fit(model, recon_only(), row_source(), Recipe(150, rate=1e-2)).columns()
    assert columns["loss"][-1] < 0.2 * columns["loss"][0]
    assert not model.training
    unseen = Batch(patterns(seed=5))
    assert Reconstruction()(unseen.x, model(unseen).recon).item() < 0.3 * unseen.x.square().mean().item()


def test_the_history_is_complete_and_consistent():
    objective = full_objective()
    aside = Batch(patterns(40, seed=1), nuisance=torch.arange(40) % 2)
    columns = fit(full_model(), objective, edge_source(), Recipe(23, log_every=5), held_out=aside).columns()
    names = list(objective.terms)
    expected = {f"{kind}/{name}" for kind in ("value", "weight", "share") for name in names}
    held_out = {f"held_out/{name}" for name in ("recon", "author", "energy", "balance")}  # the others need edges
    assert set(columns) == {"step", "seconds", "loss", "learning_rate"} | expected | held_out
    np.testing.assert_array_equal(columns["step"], [0, 5, 10, 15, 20, 22])
    assert (np.diff(columns["seconds"]) > 0).all()

    np.testing.assert_allclose(sum(columns[f"share/{name}"] for name in names), 1, atol=1e-6)
    total = sum(np.nan_to_num(columns[f"value/{name}"]) * columns[f"weight/{name}"] for name in names)
    np.testing.assert_allclose(total, columns["loss"], rtol=1e-4)
    for name, (_, schedule) in objective.terms.items():
        weights = columns[f"weight/{name}"]
        np.testing.assert_allclose(weights, [schedule(int(step)) for step in columns["step"]])
        np.testing.assert_array_equal(np.isnan(columns[f"value/{name}"]), weights == 0)
        assert (columns[f"share/{name}"][weights == 0] == 0).all()
        if f"held_out/{name}" in held_out:
            np.testing.assert_array_equal(np.isnan(columns[f"held_out/{name}"]), weights == 0)


def test_the_share_is_that_of_the_gradient_norms():
    objective = Objective({"a": (_Offset(), Constant(3.0)), "b": _Offset()})
    columns = fit(small_model(), objective, row_source(), Recipe(1)).columns()
    assert columns["share/a"][0] == pytest.approx(0.75, rel=1e-3)  # equal terms, weights 3 and 1


def test_held_out_rows_are_only_looked_at():
    aside = Batch(patterns(40, seed=1))
    runs = [small_model() for _ in range(2)]
    for model, held_out in zip(runs, (None, aside), strict=True):
        with reproducible(0, threads=1):
            history = fit(model, recon_only(), row_source(), Recipe(30, log_every=10), held_out=held_out)
    assert all(torch.equal(a, b) for a, b in zip(*(model.parameters() for model in runs), strict=True))
    value = Reconstruction()(aside.x, runs[1](aside).recon).item()
    assert history.columns()["held_out/recon"][-1] == pytest.approx(value, rel=1e-5)


def test_many_held_out_rows_are_thinned_evenly():
    aside = Batch(torch.arange(9001.0)[:, None] * torch.ones(1, 5), row=torch.arange(9001))
    seen: list[Batch] = []
    model = small_model()
    model.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    fit(model, recon_only(), row_source(), Recipe(1), held_out=aside)
    rows = seen[-1].row
    assert len(rows) == 4096
    assert (rows[0], rows[-1]) == (0, 9000)
    assert set(rows.diff().tolist()) == {2, 3}


def test_equal_seeds_give_equal_bits():
    results = []
    for seed in (0, 0, 1):
        with reproducible(seed, threads=2):
            model = full_model()
            history = fit(model, full_objective(), edge_source(seed), Recipe(25, log_every=5)).columns()
        results.append((torch.cat([p.detach().flatten() for p in model.parameters()]), history["loss"]))
    assert torch.equal(results[0][0], results[1][0])
    np.testing.assert_array_equal(results[0][1], results[1][1])
    assert not torch.equal(results[0][0], results[2][0])


def test_early_stop_stops_and_never_does_not():
    lengths = []
    for stop in (EarlyStop("loss", patience=2, tolerance=0.9, warmup=0), Never()):
        recorder = _Recorder()
        columns = fit(
            small_model(), recon_only(), row_source(), Recipe(40, log_every=5), callbacks=[stop, recorder]
        ).columns()
        lengths.append(len(recorder.steps))
        assert columns["step"][-1] == recorder.steps[-1]
        assert (recorder.started, recorder.ended) == (1, 1)
    assert lengths[0] < 40
    assert lengths[1] == 40


def test_every_hook_is_called():
    recorder, calls = _Recorder(), []
    fit(
        small_model(),
        recon_only(),
        row_source(),
        Recipe(12, log_every=4),
        callbacks=[recorder, At(7, lambda: calls.append(len(recorder.steps)))],
    )
    assert recorder.steps == list(range(12))
    assert len(recorder.records) == 4  # steps 0, 4, 8 and the last
    assert calls == [8]


def test_a_stage_can_change_the_model():
    model = small_model(bank=PrototypeBank(3, 2))
    fit(model, recon_only(), row_source(), Recipe(3), callbacks=[At(1, lambda: model.bank.prototypes.data.fill_(7.0))])
    assert (model.bank.prototypes == 7).all()


def test_the_end_is_called_when_a_term_raises():
    recorder = _Recorder()
    objective = Objective({"recon": Reconstruction(), "bad": _Explodes(after=3)})
    with pytest.raises(RuntimeError, match="no more"):
        fit(small_model(), objective, row_source(), Recipe(10), callbacks=[recorder])
    assert recorder.ended == 1
    assert recorder.steps == [0, 1, 2, 3]


def test_trained_parameters_of_terms_change():
    term = _Offset()
    fit(small_model(), Objective({"recon": Reconstruction(), "offset": term}), row_source(), Recipe(20, rate=0.05))
    assert (term.point != 5).all()


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_gradients_that_are_not_finite(value):
    recorder, model = _Recorder(), small_model()
    objective = Objective({"recon": Reconstruction(), "bad": _Explodes(after=2, value=value)})
    with pytest.raises(
        DataError, match=r"finite gradients; at step 2 they are not \(terms: recon [\d.]+, bad .*rate\."
    ):
        fit(model, objective, row_source(), Recipe(10), callbacks=[recorder])
    assert recorder.ended == 1
    assert all(torch.isfinite(p).all() for p in model.parameters())  # the step was not taken


def test_a_missing_field_is_named():
    with pytest.raises(MissingInput, match=r"Term 'author' \(HSIC\) reads `nuisance`, but the batch has none"):
        fit(small_model(), Objective({"author": HSIC()}), row_source(), Recipe(2))


def test_a_plateau_of_a_term_that_starts_later():
    objective = Objective(
        {
            "recon": Reconstruction(),
            "offset": (_Offset(), Ramp(start=4, stop=6)),
            "late": (_Offset(), OnPlateau("offset", patience=1, tolerance=0.99, ramp=0)),
        }
    )
    columns = fit(small_model(), objective, row_source(), Recipe(30, log_every=2)).columns()
    assert columns["weight/late"][0] == 0
    assert columns["weight/late"][-1] == 1


def test_progress_without_a_terminal(capsys):
    fit(small_model(), recon_only(), row_source(), Recipe(5), callbacks=[Progress("Fitting")])
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Fitting" in captured.err
    assert "5/5" in captured.err


@pytest.mark.parametrize("steps", [1, 2, 9, 10, 11, 30, 100])
@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.5])
def test_the_rate_for_any_number_of_steps(steps, warmup):
    recipe = Recipe(steps, rate=0.02, warmup=warmup, log_every=1)
    rates = fit(small_model(), recon_only(), row_source(size=8), recipe).columns()["learning_rate"]
    assert len(rates) == steps
    assert rates.max() <= 0.02 + 1e-12
    assert rates.min() > 0
    if steps * warmup > 1:
        assert rates.argmax() == pytest.approx(warmup * steps, abs=1.5)
        assert rates[-1] < rates[0] < rates.max()


def test_decay_is_for_matrices():
    groups = Recipe(5, decay=0.3).optimiser(small_model()).param_groups
    assert {p.ndim > 1 for p in groups[0]["params"]} == {True}
    assert groups[0]["weight_decay"] == 0.3
    assert {p.ndim > 1 for p in groups[1]["params"]} == {False}
    assert groups[1]["weight_decay"] == 0


def test_frozen_parameters_stay():
    model = small_model()
    model.encoder.requires_grad_(False)
    before = [p.clone() for p in model.encoder.parameters()]
    fit(model, recon_only(), row_source(), Recipe(5))
    assert all(torch.equal(a, b) for a, b in zip(before, model.encoder.parameters(), strict=True))


@pytest.mark.parametrize(
    "bad",
    [
        {"steps": 0},
        {"rate": 0.0},
        {"rate": math.nan},
        {"log_every": 0},
        {"clip": 0.0},
        {"decay": -1.0},
        {"warmup": 1.0},
    ],
)
def test_bad_recipes(bad):
    with pytest.raises(SpecError, match="Recipe wants"):
        Recipe(**({"steps": 10} | bad))
