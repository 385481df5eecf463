from __future__ import annotations

import itertools
import math

import pytest
import torch
from sklearn.cluster import KMeans
from torch import Tensor

from latentatlas.core import Batch, Constant, Ramp, SpecError
from latentatlas.landscape import DistanceScore, PrototypeBank
from latentatlas.models import Autoencoder, ChartEncoder, MLPEncoder
from latentatlas.terms import (
    Augmented,
    ChartSmoothness,
    MutualInformation,
    Objective,
    PrototypeEnergy,
    PrototypeSeparation,
    Reconstruction,
    SwappedAssignment,
    VirtualAdversary,
)
from latentatlas.train import Anneal, Callback, Checkpoint, MovingAverage, Recipe, RowBatches, fit


def groups(n: int = 90, seed: int = 0) -> Tensor:
    """Rows around three corners of a triangle."""
    draws = torch.Generator().manual_seed(seed)
    return 4 * torch.eye(3)[torch.arange(n) % 3][:, :2] + 0.2 * torch.randn(n, 2, generator=draws)


# ---------------------------------------------------------------- moving average


def test_one_update_by_hand():
    bank = PrototypeBank.at(torch.tensor([[0.0], [9.0]]), beta=100.0)
    average = MovingAverage(bank, decay=0.5)
    average.update(torch.tensor([[3.0], [10.0], [11.0], [12.0]]))
    u = [0.5 * 0.5 + 0.5 * 0.25, 0.5 * 0.5 + 0.5 * 0.75]
    m = [0.5 * 0.0 + 0.5 * 3 / 4, 0.5 * 4.5 + 0.5 * 33 / 4]
    assert average.usage.tolist() == pytest.approx(u)
    assert bank.prototypes.flatten().tolist() == pytest.approx([m[0] / u[0], m[1] / u[1]])


def test_weights_count_as_rows_do():
    rows = groups(9)
    first, second = (PrototypeBank.at(rows[:3]) for _ in range(2))
    MovingAverage(first).update(rows, torch.tensor([2.0] + 8 * [1.0]))
    MovingAverage(second).update(torch.cat([rows[:1], rows]))
    torch.testing.assert_close(first.prototypes, second.prototypes)


def test_without_memory_and_sharp_it_is_a_step_of_k_means():
    rows = torch.randn(200, 3, generator=torch.Generator().manual_seed(0))
    bank = PrototypeBank.at(rows[:5], beta=1e6)
    average = MovingAverage(bank, decay=0.0, dead=0.0)
    for _ in range(30):
        average.update(rows)
    peer = KMeans(5, init=rows[:5].numpy(), n_init=1, max_iter=30, tol=0, algorithm="lloyd").fit(rows.numpy())
    torch.testing.assert_close(bank.prototypes.detach(), torch.from_numpy(peer.cluster_centers_), atol=1e-4, rtol=0)


@pytest.mark.parametrize("beta", [0.3, 1.0, 10.0])
def test_without_memory_the_mean_energy_never_rises(beta):
    rows = 3 * torch.randn(100, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    bank = PrototypeBank.at(rows[:6], beta=beta)
    average = MovingAverage(bank, decay=0.0, dead=0.0)
    energies = []
    for _ in range(20):
        energies.append(bank.energy(rows).mean().item())
        average.update(rows)
    assert all(after <= before + 1e-12 for before, after in itertools.pairwise(energies))
    assert energies[-1] < energies[0] - 0.01


def test_dead_prototypes_are_revived_among_far_rows_and_not_without_the_rule():
    for dead, alive in ((0.02, 3), (0.0, 1)):
        torch.manual_seed(0)
        bank = PrototypeBank.at(torch.tensor([[0.0, 0.0], [50.0, 0.0], [90.0, 90.0]]), beta=10.0)
        average = MovingAverage(bank, decay=0.9, dead=dead)
        for step in range(150):
            average.update(groups(seed=step))
        assert (average.usage > 0.2).sum() == alive  # 1: provoked, one basin for three groups
        assert torch.isfinite(bank.prototypes).all()


@pytest.mark.parametrize("seed", range(5))
def test_an_outlier_keeps_no_prototype_from_the_groups(seed):
    torch.manual_seed(seed)
    rows = torch.cat([groups(), torch.tensor([[1e6, 1e6]])])
    bank = PrototypeBank.at(torch.tensor([[0.0, 0.0], [5e3, 0.0], [0.0, 9e3]]), beta=10.0)
    average = MovingAverage(bank, decay=0.5, dead=0.1)
    for _ in range(60):
        average.update(rows)
    assert (torch.cdist(bank.prototypes, groups()).amin(dim=1) < 1).all()


def test_without_a_reach_an_outlier_drags_prototypes_away():
    torch.manual_seed(0)
    bank = PrototypeBank.at(torch.tensor([[0.0, 0.0], [4.0, 0.0]]), beta=10.0)
    average = MovingAverage(bank, decay=0.5, dead=0.0, reach=math.inf)
    average.update(torch.cat([groups(), torch.tensor([[1e6, 1e6]])]))
    assert bank.prototypes.max() > 1e3  # provoked: one row in 91 decides where it goes


def test_equal_rows_one_prototype_and_more_prototypes_than_rows():
    for count, rows in ((1, groups()), (5, torch.ones(3, 2)), (7, groups(4))):
        bank = PrototypeBank(count, 2)
        average = MovingAverage(bank, decay=0.5)
        for _ in range(20):
            average.update(rows)
        assert torch.isfinite(bank.prototypes).all()
    one = PrototypeBank(1, 2)
    MovingAverage(one, decay=0.0).update(groups())
    torch.testing.assert_close(one.prototypes[0].detach(), groups().mean(dim=0))


def test_its_shares_merge_prototypes_where_their_rows_are():
    bank = PrototypeBank.at(torch.tensor([[0.0], [1.0], [9.0]]), beta=1e4)
    average = MovingAverage(bank, decay=0.0)
    average.update(torch.tensor([[0.0], [0.0], [0.0], [1.0], [9.0]]))
    first, second = average.usage[:2].tolist()
    merged = bank.merge(0, 1, shares=(first, second))
    assert merged.prototypes.flatten().tolist() == pytest.approx([0.25, 9.0])
    parts = merged.split(0, torch.tensor([0.25]))
    again = MovingAverage(parts, decay=0.0)
    again.update(torch.tensor([[0.0], [0.0], [0.0], [1.0], [9.0]]))
    assert parts.prototypes.flatten().tolist() == pytest.approx([1.0, 9.0, 0.0])


@pytest.mark.parametrize(("decay", "dead"), [(1.0, 0.1), (-0.1, 0.1), (0.5, 1.0), (0.5, -0.1), (math.nan, 0.1)])
def test_bad_settings(decay, dead):
    with pytest.raises(SpecError, match="0 ≤ decay < 1 and 0 ≤ dead < 1"):
        MovingAverage(PrototypeBank(2, 2), decay=decay, dead=dead)


# ---------------------------------------------------------------- in a fit


def model_of(bank: PrototypeBank | None) -> Autoencoder:
    torch.manual_seed(0)
    model = Autoencoder(MLPEncoder(2, 2, hidden=(16,)), bank=bank)
    model.adapt(groups())
    return model


def objective() -> Objective:
    return Objective({"recon": Reconstruction(), "energy": (PrototypeEnergy(), Constant(0.01))})


def trained(steps: int, *hooks: Callback, model: Autoencoder) -> Autoencoder:
    fit(model, objective(), RowBatches(Batch(groups()), size=32), Recipe(steps, log_every=20), callbacks=hooks)
    return model


def test_a_fit_moves_prototypes_by_their_rows_and_leaves_them_trainable():
    model = model_of(PrototypeBank(3, 2, score=DistanceScore(2.0)))
    average = MovingAverage(model.bank, decay=0.9)
    seen = []

    class Watch(Callback):
        def on_batch(self, step, batch, latents):
            seen.append((step, len(batch.x), latents.z.requires_grad, latents.charts.weights.requires_grad))
            assert not model.bank.prototypes.requires_grad
            assert model.bank.prototypes.grad is None

    trained(60, average, Watch(), model=model)
    assert seen == [(step, 32, False, False) for step in range(60)]
    assert model.bank.prototypes.requires_grad
    z = model.encode(groups()).detach()
    members = model.bank.weights(z)
    means = members.T @ z / members.sum(dim=0)[:, None]
    assert (means - model.bank.prototypes).norm(dim=1).max() < 0.5 * z.std(dim=0).max()
    assert average.usage.min() > 0.02 / 3  # or it would have been moved


def test_a_fit_resumed_with_both_callbacks_gives_the_same_bits(tmp_path):
    class Interrupt(Callback):
        def on_step(self, step):
            if step == 30:
                raise KeyboardInterrupt

    def hooks(model: Autoencoder, *more: Callback) -> list[Callback]:
        anneal = Anneal(model.bank, Ramp(start=0, stop=60, low=0.5, high=4.0))
        return [MovingAverage(model.bank, decay=0.9), anneal, *more]

    torch.manual_seed(3)
    whole = model_of(PrototypeBank(3, 2))
    trained(60, *hooks(whole), model=whole)
    torch.manual_seed(3)
    part = model_of(PrototypeBank(3, 2))
    with pytest.raises(KeyboardInterrupt):
        trained(60, *hooks(part, Checkpoint(tmp_path / "fit", every=0.0), Interrupt()), model=part)
    again = model_of(PrototypeBank(3, 2))
    trained(60, *hooks(again, Checkpoint(tmp_path / "fit", every=0.0)), model=again)
    for name, tensor in whole.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor), name
    assert again.bank.beta == whole.bank.beta > 3.9


def test_annealing_by_steps_and_its_state():
    bank = PrototypeBank(2, 2)
    anneal = Anneal(bank, Ramp(start=0, stop=10, low=1.0, high=3.0))
    for step, beta in ((0, 1.0), (5, 2.0), (99, 3.0)):
        anneal.on_step(step)
        assert bank.beta == beta
    state = anneal.state_dict()
    bank.sharpen(7.0)
    anneal.load_state_dict(state)
    assert bank.beta == 3.0
    with pytest.raises(SpecError, match="beta > 0"):
        Anneal(bank, Ramp(start=0, stop=10)).on_step(0)


# ---------------------------------------------------------------- what terms reach


def test_terms_reach_prototypes_and_router_of_the_model():
    model = model_of(PrototypeBank(3, 2, score=DistanceScore(2.0)))
    rows = Batch(groups(), view=groups(seed=1))
    terms = {
        "recon": Reconstruction(),
        "apart": PrototypeSeparation(3.0),
        "information": MutualInformation(),
        "smooth": ChartSmoothness(VirtualAdversary(0.3)),
        "augmented": ChartSmoothness(Augmented(lambda x: x + 0.1)),
        "swapped": SwappedAssignment(),
    }
    history = fit(model, Objective(terms), RowBatches(rows, size=45), Recipe(40, log_every=20), held_out=rows).columns()
    for name in terms:
        assert torch.isfinite(torch.from_numpy(history[f"value/{name}"])).all()
        assert history[f"share/{name}"][-1] > 0
    assert {"held_out/apart", "held_out/information"} <= set(history)
    assert "held_out/smooth" not in history  # it reaches for the router


def test_the_router_is_the_bank_or_else_the_encoder():
    rows = groups()
    banked = model_of(PrototypeBank(3, 2)).eval()
    torch.testing.assert_close(banked.route(rows), banked.bank.weights(banked.encode(rows)))
    charted = Autoencoder(ChartEncoder(2, 2, charts=4, hidden=(8,))).eval()
    torch.testing.assert_close(charted.route(rows), charted(Batch(rows)).charts.weights)
    with pytest.raises(SpecError, match="wants charts; the model has no bank"):
        model_of(None).route(rows)
