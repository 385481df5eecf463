from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from latentatlas.build import build
from latentatlas.core import ShapeError, SpecError, to_spec
from latentatlas.graph import knn_graph
from latentatlas.landscape import descend, energies, find_basins, find_minima, langevin, minimum_energy_path
from latentatlas.models import NeuralEnergy
from latentatlas.terms import DenoisingScore


def _random(seed: int = 0) -> NeuralEnergy:
    torch.manual_seed(seed)
    energy = NeuralEnergy(2, hidden=(16,), spread=2.0)
    energy.layers[-1].weight.data.mul_(50)
    return energy


def test_the_well_is_a_parabola_around_the_rows():
    energy, rows = NeuralEnergy(2), torch.tensor([[1.0, 2.0], [3.0, 6.0]])  # mean (2, 4), mean square (1 + 4)/2
    energy.adapt(rows)
    for layer in energy.layers:
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    assert energy(torch.tensor([[2.0, 4.0], [3.0, 6.0]])).tolist() == pytest.approx([0.0, 1.0])  # ½ · 5/2.5


def test_rows_that_do_not_vary_leave_the_spread():
    energy = NeuralEnergy(2, spread=3.0)
    energy.adapt(torch.ones(4, 2))
    assert float(energy.scale) == 3.0


def test_double_precision_is_kept_and_half_is_raised():
    energy, z = _random(), torch.randn(5, 2, dtype=torch.float64)
    assert energy(z).dtype == torch.float64
    assert energy(z.bfloat16()).dtype == torch.float32
    torch.testing.assert_close(energy(z).float(), energy(z.float()))
    leaf = z.clone().requires_grad_()
    assert torch.autograd.gradcheck(energy, leaf)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(energy(z.float()), energy(z.float()))
        assert energy(z.float()).dtype == torch.float32


def test_far_out_the_well_wins():
    far = 1e4 * torch.nn.functional.normalize(torch.randn(50, 2))
    assert (_random()(far) > 1e5).all()


def test_round_trip():
    energy = _random()
    energy.adapt(torch.randn(20, 2))
    again = build(json.loads(json.dumps(to_spec(energy))))
    again.load_state_dict(energy.state_dict())
    z = torch.randn(5, 2)
    assert torch.equal(again(z), energy(z))


@pytest.mark.parametrize("hidden", [(8,), (8, 5), (8, 5, 3)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_slope_is_the_gradient_of_the_energy(hidden: tuple[int, ...], dtype: torch.dtype):
    torch.manual_seed(3)
    energy = NeuralEnergy(3, hidden=hidden)
    energy.adapt(torch.randn(50, 3) * 2 + 1)
    z = (3 * torch.randn(20, 3)).to(dtype).requires_grad_()
    (wanted,) = torch.autograd.grad(energy(z).sum(), z)
    heights, slope = energy.with_slope(z)
    assert slope.dtype == dtype
    assert not slope.requires_grad
    assert not heights.requires_grad
    assert torch.equal(heights, energy(z))
    assert torch.allclose(slope, wanted, atol=1e-6)
    assert all(p.grad is None for p in energy.parameters())


def test_wrong_input(unchecked: None):
    with pytest.raises(ShapeError, match=r"^NeuralEnergy wants 2 columns; got 3\."):
        _random()(torch.zeros(4, 3))
    with pytest.raises(SpecError, match="wants a finite spread > 0"):
        NeuralEnergy(2, spread=0.0)


def test_the_landscape_engine_takes_a_learned_energy_as_it_is():
    torch.manual_seed(0)
    rows = torch.cat([torch.tensor([-1.5, 0.0]) + 0.3 * torch.randn(100, 2), 0.3 * torch.randn(100, 2) + 1.0])
    energy = NeuralEnergy(2, hidden=(32,))
    energy.adapt(rows)
    term = DenoisingScore(energy, 0.3)
    optimiser = torch.optim.Adam(term.parameters(), lr=0.02)
    for _ in range(300):
        loss = term(rows)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    heights = energies(energy, rows.double().numpy())
    found = find_minima(heights, knn_graph(rows.numpy(), 10).indices).merged(count=2)
    side = np.arange(200) >= 100
    assert (found.basins == found.basins[0]).tolist() == (side == side[0]).tolist()
    wells = find_basins(energy, rows.double()[::10], rate=0.3, steps=200, radius=0.2)
    assert len(wells.points) == 2
    assert len(set(wells.basins[:10])) == len(set(wells.basins[10:])) == 1
    run = descend(energy, rows[:5], steps=20)
    assert (run.energy[1:] <= run.energy[:-1]).all()
    low, high = (torch.from_numpy(point) for point in wells.points)
    path = minimum_energy_path(energy, low, high, images=9, steps=300)
    assert path.barrier > wells.energy.max() + 0.5
    walks = langevin(energy, rows, step=0.01, steps=20)
    assert torch.isfinite(walks.last).all()
    assert all(p.grad is None or torch.isfinite(p.grad).all() for p in energy.parameters())
