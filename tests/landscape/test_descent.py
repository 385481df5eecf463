from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from latentatlas.core import DataError, SpecError
from latentatlas.landscape import descend, find_basins


def double_well(z: Tensor) -> Tensor:
    return (z[:, 0].square() - 1).square() + z[:, 1:].square().sum(dim=1)


def test_descent_of_a_bowl_goes_straight_down():
    starts = torch.tensor([[3.0, 4.0], [0.0, 0.0]], dtype=torch.float64)
    run = descend(lambda z: z.square().sum(dim=1) / 2, starts, rate=0.1, steps=300)
    assert run.converged.all()
    torch.testing.assert_close(run.ends, torch.zeros(2, 2, dtype=torch.float64), atol=1e-5, rtol=0)
    torch.testing.assert_close(run.path[1, 0], 0.9 * starts[0])
    direction = run.path[:, 0] / run.path[:, 0].norm(dim=1, keepdim=True)
    torch.testing.assert_close(direction[:-1], direction[:1].expand(len(direction) - 1, 2))
    assert (run.path[:, 1] == 0).all()  # a start on the minimum stays


def test_energy_never_rises_even_if_the_first_step_is_far_too_long():
    starts = torch.tensor([[2.0], [-0.3], [1e-3]], dtype=torch.float64)
    for rate in (1e-3, 1.0, 1e6):
        run = descend(double_well, starts, rate=rate, steps=400)
        assert (run.energy.diff(dim=0) <= 0).all()
        torch.testing.assert_close(run.ends.abs(), torch.ones(3, 1, dtype=torch.float64), atol=1e-4, rtol=0)
        assert run.path.shape == (len(run.energy), 3, 1)


def test_rows_do_not_know_of_each_other():
    starts = torch.tensor([[2.0], [-0.3]], dtype=torch.float64)
    both, alone = descend(double_well, starts), descend(double_well, starts[:1])
    steps = min(len(both.path), len(alone.path))
    assert torch.equal(both.path[:steps, :1], alone.path[:steps])
    assert torch.equal(starts, torch.tensor([[2.0], [-0.3]], dtype=torch.float64))


def test_too_few_steps_say_so():
    run = descend(double_well, torch.tensor([[2.0]]), rate=1e-6, steps=2)
    assert len(run.path) == 3
    assert not run.converged.any()


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_the_units_do_not_matter(scale: float):
    starts = scale * torch.tensor([[2.0], [-0.5]], dtype=torch.float64)
    run = descend(lambda z: double_well(z / scale), starts, rate=0.1 * scale**2, steps=400)
    assert run.converged.all()
    torch.testing.assert_close(run.ends / scale, torch.tensor([[1.0], [-1.0]]).double(), atol=1e-5, rtol=0)


def test_basins_of_four_wells():
    def four_wells(z: Tensor) -> Tensor:
        return (z.square() - 1).square().sum(dim=1) + 0.1 * z[:, 0]

    grid = torch.cartesian_prod(*[torch.linspace(-1.9, 1.9, 8, dtype=torch.float64)] * 2)
    wells = find_basins(four_wells, grid)
    assert wells.converged.all()
    assert wells.points.round(1).tolist() == [[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]]  # low first
    assert (np.diff(wells.energy) > -1e-9).all()
    where = wells.points[wells.basins]
    away = np.abs(grid.numpy()) > 0.3
    assert (np.sign(where) == np.sign(grid.numpy()))[away].all()


def test_a_flat_field_leaves_every_start_where_it_is():
    starts = torch.tensor([[0.0], [1.0], [1.001]])
    wells = find_basins(lambda z: 0 * z[:, 0], starts)
    assert wells.converged.all()
    assert len(wells.points) == 2  # the last two are nearer than 1 % of the spread of the starts
    assert wells.basins[1] == wells.basins[2]


def test_one_start():
    wells = find_basins(double_well, torch.tensor([[0.4, 3.0]], dtype=torch.float64))
    np.testing.assert_allclose(wells.points, [[1.0, 0.0]], atol=1e-5)


def test_bad_arguments():
    starts = torch.ones(1, 1)
    for arguments in ({"rate": 0.0}, {"rate": math.nan}, {"steps": 0}, {"tolerance": -1.0}):
        with pytest.raises(SpecError, match="rate > 0, steps ≥ 1 and tolerance ≥ 0"):
            descend(double_well, starts, **arguments)
    with pytest.raises(SpecError, match="radius ≥ 0"):
        find_basins(double_well, starts, radius=-1.0)
    with pytest.raises(DataError, match="finite, with its gradient, at every start"):
        descend(lambda z: z[:, 0].log(), torch.zeros(1, 1))
