from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from latentatlas.core import DataError, ShapeError, SpecError
from latentatlas.landscape import FixedBandwidth, find_basins, fit_density, minimum_energy_path


def double_well(z: Tensor) -> Tensor:
    """E = (z² − 1)², and a parabola across: a barrier of 1 at 0."""
    return (z[:, 0].square() - 1).square() + 3 * z[:, 1:].square().sum(dim=1)


def mueller_brown(z: Tensor) -> Tensor:
    """K. Müller, L. D. Brown, Theoretica Chimica Acta 53, 75 (1979)."""
    height, a = z.new_tensor([-200, -100, -170, 15]), z.new_tensor([-1, -1, -6.5, 0.7])
    b, c = z.new_tensor([0, 0, 11, 0.6]), z.new_tensor([-10, -10, -6.5, 0.7])
    x, y = z[:, :1] - z.new_tensor([1, 0, -0.5, -1]), z[:, 1:] - z.new_tensor([0, 0.5, 1.5, 1])
    return (height * torch.exp(a * x**2 + b * x * y + c * y**2)).sum(dim=1)


def point(*numbers: float) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float64)


@pytest.mark.parametrize("images", [3, 4, 9, 33])
def test_the_barrier_of_a_double_well(images: int):
    path = minimum_energy_path(double_well, point(-1.0, 0.2), point(1.0, -0.1), images=images)
    assert path.converged
    assert path.barrier == pytest.approx(1.0, abs=1e-6)
    torch.testing.assert_close(path.saddle, point(0.0, 0.0), atol=1e-4, rtol=0)
    torch.testing.assert_close(path.points[[0, -1]], torch.stack([point(-1, 0), point(1, 0)]), atol=1e-3, rtol=0)
    assert path.points.shape == (images, 2)
    assert path.energy.max().item() == path.barrier


@pytest.fixture(scope="module")
def mueller_brown_minima() -> np.ndarray:
    grid = torch.cartesian_prod(torch.linspace(-1.3, 1, 8).double(), torch.linspace(-0.2, 1.8, 8).double())
    wells = find_basins(mueller_brown, grid, rate=1e-4, steps=1000)
    np.testing.assert_allclose(wells.energy, [-146.700, -108.167, -80.768], atol=1e-3)
    return wells.points


def test_the_minima_of_mueller_and_brown(mueller_brown_minima: np.ndarray):
    known = [[-0.558, 1.442], [0.623, 0.028], [-0.050, 0.467]]
    np.testing.assert_allclose(mueller_brown_minima, known, atol=1e-3)


@pytest.mark.parametrize(
    ("first", "second", "barrier", "saddle"),
    [(0, 2, -40.665, (-0.822, 0.624)), (1, 2, -72.249, (0.212, 0.293)), (0, 1, -40.665, (-0.822, 0.624))],
)
def test_the_saddles_of_mueller_and_brown(
    mueller_brown_minima: np.ndarray, first: int, second: int, barrier: float, saddle: tuple[float, float]
):
    ends = torch.from_numpy(mueller_brown_minima[[first, second]])
    path = minimum_energy_path(mueller_brown, ends[0], ends[1], images=17)
    assert path.converged
    assert path.barrier == pytest.approx(barrier, abs=1e-3)
    np.testing.assert_allclose(path.saddle.numpy(), saddle, atol=1e-3)


@pytest.mark.parametrize("apart", [1.5, 3.0])
def test_the_barrier_between_two_kernels(apart: float):
    """Between equal Gaussians the saddle is the middle: −log of the kernel's density there."""
    field = fit_density(np.array([[-apart, 0.0, 0.0], [apart, 0.0, 0.0]]), bandwidth=FixedBandwidth(1.0))
    path = minimum_energy_path(field, point(-apart, 0.3, 0.0), point(apart, 0.0, -0.3), images=15)
    assert path.barrier == pytest.approx(apart**2 / 2 + 1.5 * np.log(2 * np.pi), abs=1e-3)
    torch.testing.assert_close(path.saddle, point(0, 0, 0), atol=1e-3, rtol=0)


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_units_of_space_and_energy_do_not_matter(scale: float):
    path = minimum_energy_path(
        lambda z: 1e3 * double_well(z / scale), scale * point(-1, 0), scale * point(1, 0), images=9
    )
    assert path.barrier / 1e3 == pytest.approx(1.0, abs=1e-5)


def test_waypoints_choose_between_two_ways():
    """A ring with a hill at the top (1) and a higher one at the bottom (2)."""

    def ring(z: Tensor) -> Tensor:
        radius = z.norm(dim=1)
        return 20 * (radius - 1).square() + (z[:, 1] / radius).square() * (1.5 - 0.5 * z[:, 1] / radius)

    left, right = point(-1.0, 0.0), point(1.0, 0.0)
    for side, barrier in ((1.0, 1.0), (-1.0, 2.0)):
        path = minimum_energy_path(ring, left, right, images=21, waypoints=point(0.0, side)[None])
        assert path.barrier == pytest.approx(barrier, abs=1e-3)
        assert path.saddle[1].item() == pytest.approx(side, abs=1e-2)


def test_downhill_all_the_way_there_is_no_saddle():
    path = minimum_energy_path(lambda z: z[:, 0] + 0 * z[:, 0].square(), point(0.0), point(1.0), images=5, steps=1)
    assert path.barrier == path.energy.max().item()


def test_bad_arguments(unchecked: None):
    with pytest.raises(ShapeError, match="two points of one space"):
        minimum_energy_path(double_well, point(0.0), point(0.0, 1.0))
    with pytest.raises(SpecError, match="images ≥ 3"):
        minimum_energy_path(double_well, point(0.0), point(1.0), images=2)
    with pytest.raises(DataError, match="both ends are the same"):
        minimum_energy_path(double_well, point(1.0), point(1.0))
    with pytest.raises(DataError, match="finite, with its gradient, along the path"):
        minimum_energy_path(lambda z: z[:, 0].log(), point(-1.0), point(1.0))
