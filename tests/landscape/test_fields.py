from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from latentatlas.core import DataError, ShapeError, SpecError
from latentatlas.landscape import (
    Field,
    GaussianWells,
    HopfieldField,
    MinMaxScale,
    PrototypeBank,
    PrototypeField,
    RankScale,
    ReconstructionDynamics,
    Scale,
    blend,
    energies,
    fit_density,
    fit_wells,
    gradient,
)


def quadratic(z: Tensor) -> Tensor:
    return z.square().sum(dim=1)


def examples() -> dict[str, Field]:
    torch.manual_seed(0)
    reference = np.random.default_rng(0).normal(size=(50, 3))
    patterns = torch.randn(4, 3, dtype=torch.float64)
    return {
        "prototypes": PrototypeField(PrototypeBank(4, 3).double()),
        "hopfield": HopfieldField(patterns, beta=2.0),
        "density": fit_density(reference),
        "wells": fit_wells(reference, np.arange(50) % 3, variance=1.0),
        "blend": blend(quadratic, fit_density(reference), 0.3, reference=reference),
        "ranks": blend(quadratic, fit_density(reference), 0.3, reference=reference, scale=RankScale),
        "dynamics": ReconstructionDynamics(lambda x: torch.tanh(x @ patterns), lambda z: z @ patterns.T),
    }


@pytest.mark.parametrize("name", examples())
def test_every_field_is_differentiable_row_by_row(name: str):
    field = examples()[name]
    assert isinstance(field, Field)
    z = 0.5 * torch.randn(6, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    energy, slope = gradient(field, z)
    assert energy.shape == (6,)
    torch.testing.assert_close(field(z[2:3]), energy[2:3])  # rows do not know of each other
    torch.testing.assert_close(field(z.flip(0)), energy.flip(0))
    step = 1e-6 * torch.eye(3, dtype=torch.float64)
    numeric = torch.stack([(field(z + move) - field(z - move)) / 2e-6 for move in step], dim=1)
    torch.testing.assert_close(slope, numeric, atol=1e-5, rtol=1e-4)


def test_a_plain_function_is_a_field():
    assert isinstance(quadratic, Field)
    assert energies(quadratic, np.array([[1.0, 2.0]], np.float32)).tolist() == [5.0]


def test_energies_in_blocks(monkeypatch: pytest.MonkeyPatch):
    x = np.random.default_rng(0).normal(size=(25, 2))
    monkeypatch.setattr("latentatlas.landscape.fields._BLOCK_ROWS", 4)
    np.testing.assert_allclose(energies(quadratic, x), np.square(x).sum(axis=1))


def test_energies_that_cannot_be():
    with pytest.raises(ShapeError, match=r"one energy per row, shape \(2,\); got \(2, 1\)"):
        energies(lambda z: z[:, :1], np.zeros((2, 2)))
    with pytest.raises(DataError, match=r"gives nan for row 1 and 1 rows"):
        energies(lambda z: z[:, 0].sqrt(), np.array([[4.0], [-1.0]]))


# ---------------------------------------------------------------- Hopfield


def test_the_hopfield_energy_by_hand():
    field = HopfieldField(torch.tensor([[1.0], [-1.0]]), beta=2.0)
    # −½ log(e² + e⁻²) + ½ + ½ log 2 + ½ at z = 1
    expected = -math.log(math.exp(2) + math.exp(-2)) / 2 + 0.5 + math.log(2) / 2 + 0.5
    assert field(torch.tensor([[1.0]])).item() == pytest.approx(expected, abs=1e-6)


def test_a_field_that_knows_its_slope_is_asked_for_it():
    class Bowl:
        def __call__(self, z: torch.Tensor) -> torch.Tensor:
            raise AssertionError("nobody needs autograd here")

        def with_slope(self, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return z.square().sum(dim=1), 2 * z

    energy, slope = gradient(Bowl(), torch.tensor([[3.0, 4.0]]))
    assert energy.tolist() == [25.0]
    assert slope.tolist() == [[6.0, 8.0]]


def test_one_gradient_step_of_length_one_is_recall_and_never_raises_the_energy():
    generator = torch.Generator().manual_seed(0)
    patterns, z = (torch.randn(n, 4, dtype=torch.float64, generator=generator) for n in (6, 30))
    for beta in (0.1, 1.0, 30.0):
        field = HopfieldField(patterns, beta=beta)
        energy, slope = gradient(field, z)
        torch.testing.assert_close(z - slope, field.retrieve(z))
        assert (energy >= 0).all()
        assert (field(field.retrieve(z)) <= energy + 1e-12).all()


def test_a_sharp_memory_recalls_the_pattern_and_a_smooth_one_the_mean():
    patterns = torch.eye(4)
    noisy = patterns + 0.2
    torch.testing.assert_close(HopfieldField(patterns, beta=50.0).retrieve(noisy, steps=3), patterns)
    smooth = HopfieldField(patterns, beta=1e-4).retrieve(noisy)
    torch.testing.assert_close(smooth, torch.full((4, 4), 0.25), atol=1e-4, rtol=0)


@pytest.mark.parametrize("beta", [0.0, -1.0, math.nan, math.inf])
def test_a_bad_sharpness(beta: float):
    with pytest.raises(SpecError, match="finite beta > 0"):
        HopfieldField(torch.ones(1, 1), beta=beta)


def test_no_patterns():
    with pytest.raises(SpecError, match="0 patterns"):
        HopfieldField(torch.ones(0, 1))


# ---------------------------------------------------------------- an autoencoder's map


def test_the_map_of_an_autoencoder_comes_to_rest_on_its_fixed_points():
    dynamics = ReconstructionDynamics(lambda x: x / 2 + 1, lambda z: z)  # z ← z/2 + 1 rests at 2
    z = torch.tensor([[0.0], [2.0], [10.0]])
    torch.testing.assert_close(dynamics(z), torch.tensor([1.0, 0.0, 16.0]))
    torch.testing.assert_close(dynamics.velocity(z), torch.tensor([[1.0], [0.0], [-4.0]]))
    torch.testing.assert_close(dynamics.iterate(z, steps=40), torch.full((3, 1), 2.0))
    assert torch.equal(dynamics.iterate(z, steps=0), z)


# ---------------------------------------------------------------- scales and blends


def test_ranks_are_those_of_the_reference_rows():
    scale = RankScale.fit(np.array([5.0, 1.0, 1.0, 100.0]))
    # ranks 1½, 1½, 3, 4 of 1, 1, 5, 100, brought to 0 … 1
    torch.testing.assert_close(scale(torch.tensor([1.0, 5.0, 100.0])), torch.tensor([0.0, 0.6, 1.0]))
    torch.testing.assert_close(scale(torch.tensor([-9.0, 3.0, 1e9])), torch.tensor([0.0, 0.3, 1.0]))


@pytest.mark.parametrize("kind", [MinMaxScale, RankScale])
def test_scales_keep_the_order_and_do_not_depend_on_units(kind: type[Scale]):
    reference = np.random.default_rng(0).exponential(size=40)
    plain = kind.fit(reference)(torch.from_numpy(reference))
    assert (plain.min().item(), plain.max().item()) == (0.0, 1.0)
    assert (plain.argsort() == torch.from_numpy(reference).argsort()).all()
    other = kind.fit(1e6 * reference - 7)(torch.from_numpy(1e6 * reference - 7))
    torch.testing.assert_close(plain, other, atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", [MinMaxScale, RankScale])
def test_a_flat_field_has_no_scale(kind: type[Scale]):
    for flat in (np.ones(4), np.ones(0)):
        with pytest.raises(DataError, match="wants a field that varies"):
            kind.fit(flat)


def test_the_ends_of_a_blend_are_its_fields():
    reference = np.random.default_rng(0).normal(size=(30, 2))
    z = torch.from_numpy(reference)
    first, second = quadratic, lambda z: z[:, 0]
    for alpha, alone in ((1.0, first), (0.0, second)):
        mixed = energies(blend(first, second, alpha, reference=reference), reference)
        assert (mixed.argsort() == alone(z).numpy().argsort()).all()
        assert (mixed.min(), mixed.max()) == pytest.approx((0.0, 1.0))


@pytest.mark.parametrize("alpha", [-0.1, 1.1, math.nan])
def test_a_bad_alpha(alpha: float):
    with pytest.raises(SpecError, match="0 ≤ alpha ≤ 1"):
        blend(quadratic, quadratic, alpha, reference=np.eye(2))


# ---------------------------------------------------------------- wells


def test_wells_are_lowest_in_the_middle_of_their_basins():
    rng = np.random.default_rng(0)
    basins = np.repeat([0, 1], 500)
    x = rng.normal(size=(1000, 2)) * [3.0, 0.5] + np.where(basins[:, None] == 1, [0.0, 10.0], 0.0)
    wells = fit_wells(x, basins)
    np.testing.assert_allclose(wells.centres.numpy(), [[0, 0], [0, 10]], atol=0.3)
    np.testing.assert_allclose(wells.shares.numpy(), 0.5)
    energy = energies(wells, np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 0.5], [0.0, 5.0]]))
    assert energy[1] - energy[0] == pytest.approx(0.5, abs=0.1)  # one standard deviation along either axis
    assert energy[2] - energy[0] == pytest.approx(0.5, abs=0.1)
    assert energy[3] > energy[1]


def test_affine_changes_leave_wells_as_they_are():
    rng = np.random.default_rng(0)
    x, basins = rng.normal(size=(60, 3)), np.arange(60) % 2
    plain = energies(fit_wells(x, basins, variance=1.0), x)
    for change in (1e-6 * np.eye(3), 1e6 * np.eye(3), rng.normal(size=(3, 3))):
        moved = x @ change
        np.testing.assert_allclose(energies(fit_wells(moved, basins, variance=1.0), moved), plain, rtol=1e-5)


def test_axes_of_noise_are_left_out():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(400, 2)), 0.01 * rng.normal(size=(400, 20))], axis=1)
    assert fit_wells(x, np.zeros(400, int)).whitening.shape == (22, 2)
    assert fit_wells(x, np.zeros(400, int), variance=1.0).whitening.shape == (22, 22)


def test_wells_that_cannot_be(unchecked: None):
    with pytest.raises(ShapeError, match="got 2 for 3 rows"):
        fit_wells(np.zeros((3, 1)), np.zeros(2, int))
    with pytest.raises(SpecError, match="0 < variance ≤ 1"):
        fit_wells(np.eye(3), np.zeros(3, int), variance=0.0)
    with pytest.raises(DataError, match="vary within their basins"):
        fit_wells(np.array([[0.0], [0.0], [1.0], [1.0]]), np.array([0, 0, 1, 1]))
    wells = GaussianWells(torch.zeros(1, 2), torch.ones(1), torch.eye(2))
    with pytest.raises(ShapeError, match="2 axes; got 3"):
        wells(torch.zeros(1, 3))
