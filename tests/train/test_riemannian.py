from __future__ import annotations

from pathlib import Path

import geoopt
import pytest
import torch
from torch import Tensor, nn

from latentatlas.core import Batch, Latents, SpecError
from latentatlas.geometry import DepthSpace, Geometry, PoincareBall, ProductGeometry, frechet_mean
from latentatlas.landscape import DistanceScore, PrototypeBank
from latentatlas.models import Autoencoder, MLPEncoder
from latentatlas.terms import Objective, PrototypeEnergy
from latentatlas.train import At, Checkpoint, MovingAverage, Recipe, RiemannianAdam, RowBatches, fit

BALL = PoincareBall()
SPACES = [BALL, DepthSpace(), ProductGeometry([BALL, DepthSpace()], [2, 2])]


def points_of(space: Geometry, count: int = 6) -> Tensor:
    vectors = torch.randn(count, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(2)) / 2
    return space.exp(torch.zeros_like(vectors), vectors)


def spread(space: Geometry, point: Tensor, rows: Tensor) -> Tensor:
    return space.dist(point, rows).square().mean()


def test_flat_parameters_go_as_with_adamw():
    rows = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    ours, theirs = (nn.Parameter(rows.clone()) for _ in range(2))
    optimisers = [
        RiemannianAdam([{"params": [ours]}], {}, lr=0.1, betas=(0.8, 0.95), weight_decay=0.2),
        torch.optim.AdamW([theirs], lr=0.1, betas=(0.8, 0.95), weight_decay=0.2),
    ]
    for _ in range(20):
        for parameter, optimiser in zip((ours, theirs), optimisers, strict=True):
            optimiser.zero_grad()
            (parameter - 1).pow(4).sum().backward()
            optimiser.step()
    torch.testing.assert_close(ours, theirs)


def test_on_the_ball_it_is_the_optimiser_of_geoopt():
    start, rows = points_of(BALL, 3), points_of(BALL)
    ours = nn.Parameter(start.clone())
    theirs = geoopt.ManifoldParameter(start.clone(), manifold=geoopt.PoincareBallExact())
    optimisers = [RiemannianAdam([ours], {ours: BALL}, lr=0.05), geoopt.optim.RiemannianAdam([theirs], lr=0.05)]
    for _ in range(30):
        for parameter, optimiser in zip((ours, theirs), optimisers, strict=True):
            optimiser.zero_grad()
            BALL.dist(parameter[:, None], rows[None]).square().mean().backward()
            optimiser.step()
    torch.testing.assert_close(ours.detach(), theirs.detach(), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("space", SPACES, ids=lambda space: type(space).__name__)
def test_it_finds_the_mean(space: Geometry):
    rows = points_of(space)
    point = nn.Parameter(rows[0].clone())
    adam = RiemannianAdam([point], {point: space}, lr=0.05)
    for _ in range(300):
        adam.zero_grad()
        spread(space, point, rows).backward()
        adam.step()
    assert float(space.dist(point.detach(), frechet_mean(rows, space))) < 1e-3


def test_points_never_leave_the_ball_however_far_they_are_driven():
    point = nn.Parameter(torch.tensor([[0.5, 0.0]]))
    adam = RiemannianAdam([point], {point: BALL}, lr=3.0)
    for _ in range(20):
        adam.zero_grad()
        (-BALL.dist(point, torch.zeros(2))).sum().backward()
        adam.step()
        assert torch.isfinite(point).all()
        assert float(point.detach().norm()) < 1


def test_a_closure_is_evaluated_and_parameters_without_gradient_stay():
    moved, still = (nn.Parameter(torch.ones(2)) for _ in range(2))
    adam = RiemannianAdam([moved, still], {}, lr=0.1)

    def loss() -> Tensor:
        value = moved.sum()
        value.backward()
        return value

    assert float(adam.step(loss).detach()) == 2.0
    assert moved.tolist() == pytest.approx([0.9, 0.9])
    assert still.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("wrong", [{"lr": 0.0}, {"eps": 0.0}, {"betas": (1.0, 0.9)}, {"weight_decay": -1.0}])
def test_wrong_settings(wrong: dict):
    with pytest.raises(SpecError, match=r"^RiemannianAdam wants lr and eps > 0"):
        RiemannianAdam([nn.Parameter(torch.ones(1))], {}, **wrong)


class Placed(nn.Module):
    """Rows that are points of the ball already, and a bank of prototypes among them."""

    def __init__(self):
        super().__init__()
        start = torch.tensor([[0.3, 0.0], [0.0, 0.3]])
        self.bank = PrototypeBank.at(start, beta=20.0, score=DistanceScore(0.5, geometry=BALL))

    def forward(self, batch: Batch) -> Latents:
        return Latents(batch.x)


def two_heaps() -> Tensor:
    sides = torch.tensor([[0.9, 0.0], [0.0, 0.9]]).repeat_interleave(40, dim=0)
    return BALL.exp(sides, 0.02 * torch.randn(80, 2, generator=torch.Generator().manual_seed(3)))


def learned(folder: Path | None = None, *, steps: int = 120, until: int | None = None) -> Placed:
    model, rows = Placed(), two_heaps()
    objective = Objective({"energy": PrototypeEnergy()})
    hooks = [] if folder is None else [Checkpoint(folder / "fit.safetensors", every=0.0)]

    def stop() -> None:
        raise KeyboardInterrupt

    if until is not None:
        hooks.append(At(until, stop))
    fit(model, objective, RowBatches(Batch(rows), size=40), Recipe(steps, rate=0.1), callbacks=hooks)
    return model


def test_the_trainer_moves_prototypes_along_the_ball_to_the_means_of_their_rows():
    model, rows = learned(), two_heaps()
    wanted = torch.stack([frechet_mean(part, BALL) for part in (rows[:40], rows[40:])])
    assert float(BALL.dist(model.bank.prototypes.detach(), wanted).max()) < 0.1


def test_a_fit_on_the_ball_that_was_interrupted_goes_on_to_the_same_bits(tmp_path: Path):
    whole = learned()
    with pytest.raises(KeyboardInterrupt):
        learned(tmp_path, until=60)
    assert torch.equal(learned(tmp_path).bank.prototypes, whole.bank.prototypes)


def test_moving_averages_on_the_ball_are_means_there():
    torch.manual_seed(0)
    rows = two_heaps().double()
    bank = PrototypeBank.at(rows[[0, 40]], beta=1e6, score=DistanceScore(0.5, geometry=BALL))
    average = MovingAverage(bank, decay=0.0)
    for _ in range(20):
        average.update(rows)
    wanted = torch.stack([frechet_mean(part, BALL) for part in (rows[:40], rows[40:])])
    torch.testing.assert_close(bank.prototypes.detach(), wanted, rtol=1e-6, atol=1e-6)


def test_recipes_take_it_only_where_a_parameter_is_curved():
    flat = Autoencoder(MLPEncoder(3, 2, hidden=(4,)), bank=PrototypeBank(2, 2))
    assert isinstance(Recipe(5).optimiser(flat), torch.optim.AdamW)
    optimiser = Recipe(5, decay=0.5).optimiser(Placed())
    assert isinstance(optimiser, RiemannianAdam)
    assert [group["weight_decay"] for group in optimiser.param_groups] == [0.0]
