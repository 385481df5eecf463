"""Energies learned from codes whose density is known, and what keeps the learning from going astray."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from latentatlas.core import Batch, DataError, ShapeError, SpecError
from latentatlas.landscape import MixtureDensity, ShortRun, log_partition
from latentatlas.models import Autoencoder, MLPEncoder, NeuralEnergy
from latentatlas.terms import (
    ContrastiveDivergence,
    DenoisingScore,
    Detached,
    NoiseContrast,
    Objective,
    Reconstruction,
    ReplayBuffer,
    Term,
)
from latentatlas.train import Recipe, RowBatches, fit

_MEAN = torch.tensor([1.0, -1.0])
_COVARIANCE = torch.tensor([[1.0, 0.6], [0.6, 1.0]])


class Parabola(nn.Module):
    """E = slope · ½‖z‖², with one parameter."""

    def __init__(self, slope: float = 1.0):
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(slope))

    def forward(self, z: Tensor) -> Tensor:
        return self.slope * z.square().sum(dim=1) / 2


def gaussian(n: int) -> Tensor:
    return _MEAN + torch.randn(n, 2) @ torch.linalg.cholesky(_COVARIANCE).T


def gaussian_energy(z: Tensor, *, blur: float = 0.0) -> Tensor:
    precision = torch.linalg.inv(_COVARIANCE + blur**2 * torch.eye(2))
    return ((z - _MEAN) @ precision * (z - _MEAN)).sum(dim=1) / 2


def learn(term: Term, draw: Callable[[int], Tensor], steps: int, *, rate: float = 0.01) -> None:
    optimiser = torch.optim.Adam(term.parameters(), lr=rate)
    fall = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        loss = term(draw(128))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        fall.step()
    term.eval()


def distance(energy: nn.Module, truth: Tensor, z: Tensor) -> float:
    """Root-mean-square difference of two energies whose constants are free, in nats."""
    difference = energy(z).detach() - truth
    return float((difference - difference.mean()).square().mean().sqrt())


# ---------------------------------------------------------------- known answers


def _chains(energy: nn.Module) -> Term:
    return ContrastiveDivergence(energy, ReplayBuffer(512, 2), sampler=ShortRun(step=0.05), alpha=0.001)


def _noise(energy: nn.Module) -> Term:
    return NoiseContrast(energy, MixtureDensity(1, 2).fit(gaussian(500) + 0.5 * torch.randn(500, 2)))


@pytest.mark.parametrize(
    ("make", "blur"),
    [(_chains, 0.0), (_noise, 0.0), (lambda energy: DenoisingScore(energy, 0.2), 0.2)],
    ids=["chains", "noise", "denoising"],
)
def test_the_energy_of_a_gaussian_is_found_up_to_a_constant(make: Callable[[nn.Module], Term], blur: float):
    torch.manual_seed(0)
    energy, rows = NeuralEnergy(2, hidden=(16, 16), spread=2.0), gaussian(1000)
    truth = gaussian_energy(rows, blur=blur)
    before = distance(energy, truth, rows)
    learn(make(energy), gaussian, 400)
    assert before > 0.6
    assert distance(energy, truth, rows) < 0.25


def _two_clusters(n: int) -> Tensor:
    side = 2.0 * (torch.rand(n, 1) < 0.5) - 1
    return torch.cat([2 * side, torch.zeros(n, 1)], dim=1) + 0.4 * torch.randn(n, 2)


def test_noise_contrast_is_normalised_and_its_likelihood_is_that_of_importance_sampling():
    torch.manual_seed(0)
    energy, rows = NeuralEnergy(2, hidden=(32, 32), spread=1.5), _two_clusters(1000)
    proposal = MixtureDensity(2, 2).fit(rows)
    term = NoiseContrast(energy, MixtureDensity(2, 2).fit(rows + 0.3 * torch.randn(1000, 2)))
    learn(term, _two_clusters, 500)
    normaliser = log_partition(energy, proposal)
    assert normaliser.effective > 500
    assert float(term.constant.detach()) == pytest.approx(-normaliser.value, abs=0.02)
    likelihood = float(energy(rows).detach().mean()) + normaliser.value
    entropy = math.log(2) + math.log(2 * math.pi * math.e * 0.4**2)  # of two clusters that hardly touch
    assert likelihood == pytest.approx(entropy, abs=0.06)


def test_an_energy_ranks_as_the_density_does():
    from sklearn.metrics import roc_auc_score

    torch.manual_seed(0)
    energy = NeuralEnergy(2, hidden=(16, 16))
    energy.adapt(_two_clusters(500))
    learn(ContrastiveDivergence(energy, ReplayBuffer(512, 2)), _two_clusters, 300)
    rows = torch.cat([_two_clusters(500), torch.tensor([6.0, 3.0]) * (torch.rand(500, 2) - 0.5)])
    inside = torch.arange(1000) >= 500
    side = torch.stack([((rows - torch.tensor([at, 0.0])).square().sum(dim=1)) for at in (-2.0, 2.0)])
    truth = -torch.logsumexp(-side / (2 * 0.4**2), dim=0)
    best = roc_auc_score(inside, truth)
    assert roc_auc_score(inside, energy(rows).detach()) > best - 0.03


# ---------------------------------------------------------------- values by hand


def test_contrastive_divergence_of_one_chain_by_hand():
    buffer = ReplayBuffer(4, 1)
    buffer.keep(torch.tensor([2]), torch.tensor([[3.0]]))
    codes = torch.tensor([[1.0], [-1.0]])  # E = .5 on both, 4.5 on the chain
    plain = ContrastiveDivergence(Parabola(), buffer, alpha=0.0).eval()
    assert float(plain(codes).detach()) == pytest.approx(0.5 - 4.5)
    held = ContrastiveDivergence(Parabola(), buffer, alpha=0.1).eval()
    assert float(held(codes).detach()) == pytest.approx(0.5 - 4.5 + 0.1 * (0.25 + 20.25))


def test_the_energy_learns_and_samples_get_no_gradient():
    buffer = ReplayBuffer(4, 1)
    buffer.keep(torch.tensor([0]), torch.tensor([[3.0]]))
    term = ContrastiveDivergence(Parabola(), buffer, alpha=0.0).eval()
    codes = torch.tensor([[1.0]], requires_grad=True)
    term(codes).backward()
    assert codes.grad.item() == pytest.approx(1.0)  # downhill
    assert term.energy.slope.grad.item() == pytest.approx(0.5 - 4.5)  # steeper: samples are farther out than codes
    assert buffer.states.grad is None


def test_noise_contrast_of_a_right_energy_is_log_two():
    noise = MixtureDensity(2, 2).fit(_two_clusters(300))
    value = NoiseContrast(noise, noise, ratio=1)(torch.randn(20, 2))
    assert float(value.detach()) == pytest.approx(math.log(2), abs=1e-5)
    value = NoiseContrast(noise, noise, ratio=3)(torch.randn(20, 2))  # one code among four rows
    assert float(value.detach()) == pytest.approx(-0.25 * math.log(0.25) - 0.75 * math.log(0.75), abs=1e-5)


def test_denoising_of_a_flat_energy_is_the_number_of_axes():
    assert float(DenoisingScore(Parabola(0.0), 0.5).eval()(torch.randn(7, 3)).detach()) == pytest.approx(3.0)
    wrong_sign = DenoisingScore(Parabola(-1.0), 1.0).eval()(torch.zeros(1, 1))  # (−ξ − ξ)²
    assert float(wrong_sign.detach()) == pytest.approx(4.0)


@pytest.mark.parametrize(
    "term",
    [
        NoiseContrast(Parabola(), MixtureDensity(1, 2)),
        DenoisingScore(Parabola(), 0.1),
        ContrastiveDivergence(Parabola(), ReplayBuffer(32, 2)),
    ],
    ids=lambda term: type(term).__name__,
)
def test_training_draws_anew_and_evaluation_does_not(term: Term):
    torch.manual_seed(0)
    codes = torch.randn(16, 2)
    term.train()
    assert term(codes) != term(codes)
    term.eval()
    assert term(codes) == term(codes)
    with torch.no_grad():
        assert not term(codes).requires_grad


# ---------------------------------------------------------------- safeguards, provoked


def _swollen(alpha: float) -> float:
    """Largest energy after learning with samples that hardly move, which any energy tells from the codes."""
    torch.manual_seed(0)
    energy = NeuralEnergy(2, hidden=(16,))
    buffer = ReplayBuffer(128, 2, fresh=1.0)
    term = ContrastiveDivergence(energy, buffer, sampler=ShortRun(1, step=1e-6), alpha=alpha, jitter=2.0)
    learn(term, lambda n: 0.1 * torch.randn(n, 2), 200, rate=0.1)
    return float(energy(0.3 * torch.randn(200, 2)).detach().abs().max())


def test_alpha_keeps_energies_from_running_away():
    assert _swollen(0.0) > 100
    assert _swollen(0.1) < 40  # on the mean, 1/(2α) = 5


def _left_behind(*, fresh: float, reach: float) -> float:
    """Share of the chains that are still where the codes once were."""
    torch.manual_seed(0)
    term = ContrastiveDivergence(Parabola(0.0), ReplayBuffer(64, 2, fresh=fresh, reach=reach))
    for centre in (0.0, 50.0):
        for _ in range(5):
            term(centre + torch.randn(32, 2))
    return float((term.buffer.chains()[:, 0] < 25).float().mean())


def test_chains_that_were_left_behind_begin_anew():
    assert _left_behind(fresh=0.0, reach=math.inf) > 0.9
    assert _left_behind(fresh=0.0, reach=2.0) < 0.1


def test_fresh_chains_alone_follow_too_but_late():
    assert 0.1 < _left_behind(fresh=0.3, reach=math.inf) < 0.9


def test_a_huge_step_is_a_clear_error(unchecked: None):
    term = ContrastiveDivergence(NeuralEnergy(2), ReplayBuffer(64, 2), sampler=ShortRun(5, step=1e38))
    with pytest.raises(DataError, match=r"^ShortRun wants an energy whose chains stay finite; with step 1e\+38"):
        term(100 * torch.randn(32, 2))


def test_latents_that_are_not_numbers_are_a_clear_error():
    term = ContrastiveDivergence(NeuralEnergy(2), ReplayBuffer(64, 2))
    with pytest.raises(DataError, match="look for NaN in the latents"):
        term(torch.full((8, 2), math.nan))


# ---------------------------------------------------------------- buffer, wrapper, fit


def test_chains_go_on_where_they_were_after_saving():
    torch.manual_seed(0)
    first = ContrastiveDivergence(Parabola(), ReplayBuffer(32, 2))
    first(torch.randn(16, 2))
    second = ContrastiveDivergence(Parabola(), ReplayBuffer(32, 2))
    second.load_state_dict(first.state_dict())
    assert torch.equal(second.buffer.chains(), first.buffer.chains())
    assert len(first.buffer.chains()) == 16
    codes = torch.randn(16, 2)
    torch.manual_seed(1)
    value = first(codes)
    torch.manual_seed(1)
    assert second(codes) == value


def test_one_row_and_equal_rows_are_finite():
    for codes in (torch.randn(1, 2), torch.ones(8, 2)):
        for term in (
            ContrastiveDivergence(NeuralEnergy(2), ReplayBuffer(32, 2)),
            NoiseContrast(NeuralEnergy(2), MixtureDensity(1, 2)),
            DenoisingScore(NeuralEnergy(2), 0.1),
        ):
            value = term(codes)
            value.backward()
            assert torch.isfinite(value)
            assert all(p.grad is None or torch.isfinite(p.grad).all() for p in term.parameters())


def test_a_detached_term_learns_and_leaves_the_codes():
    term = Detached(ContrastiveDivergence(Parabola(), ReplayBuffer(32, 2)))
    z = torch.randn(8, 2, requires_grad=True)
    Objective({"energy": term})({"z": z}, step=0).total.backward()
    assert z.grad is None
    assert term.term.energy.slope.grad is not None


def test_an_energy_is_trained_with_an_autoencoder_by_the_usual_loop():
    torch.manual_seed(0)
    x = torch.randn(200, 5)
    model, energy = Autoencoder(MLPEncoder(5, 2, hidden=(16,), spread=1.0)), NeuralEnergy(2, hidden=(16,))
    objective = Objective(
        {"recon": Reconstruction(), "energy": Detached(ContrastiveDivergence(energy, ReplayBuffer(256, 2)))}
    )
    before = [p.clone() for p in energy.parameters()]
    history = fit(model, objective, RowBatches(Batch(x), size=64), Recipe(20, log_every=5), held_out=Batch(x[:50]))
    assert all(not torch.equal(p, q) for p, q in zip(before, energy.parameters(), strict=True))
    assert len(history.columns()["held_out/energy"]) == 5
    assert torch.isfinite(torch.tensor(history.columns()["held_out/energy"])).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ContrastiveDivergence(Parabola(), ReplayBuffer(4, 2), alpha=-1.0), "wants a finite alpha ≥ 0; got -1"),
        (lambda: ContrastiveDivergence(Parabola(), ReplayBuffer(4, 2), jitter=math.nan), "wants a finite jitter ≥ 0"),
        (lambda: ReplayBuffer(0, 2), "wants size ≥ 1 and dim ≥ 1; got 0"),
        (lambda: ReplayBuffer(4, 2, fresh=1.5), "wants 0 ≤ fresh ≤ 1 and reach > 0; got 1.5"),
        (lambda: ReplayBuffer(4, 2, reach=0.0), "wants 0 ≤ fresh ≤ 1 and reach > 0"),
        (lambda: NoiseContrast(Parabola(), MixtureDensity(1, 2), ratio=0), "wants a ratio of at least 1; got 0"),
        (lambda: DenoisingScore(Parabola(), 0.0), "wants a finite sigma > 0; got 0"),
    ],
)
def test_wrong_settings(make: Callable[[], Term], message: str):
    with pytest.raises(SpecError, match=message):
        make()


def test_codes_that_do_not_fit_the_buffer(unchecked: None):
    term = ContrastiveDivergence(Parabola(), ReplayBuffer(8, 2))
    with pytest.raises(ShapeError, match=r"at most 8 rows in a batch, one per chain; got 9\. Build it with size=18"):
        term(torch.randn(9, 2))
    with pytest.raises(ShapeError, match=r"wants codes of 2 axes; got 3"):
        term(torch.randn(4, 3))
