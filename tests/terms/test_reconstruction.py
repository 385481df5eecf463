from __future__ import annotations

import math

import pytest
import torch

from latentatlas.core import ShapeError, SpecError
from latentatlas.terms import Reconstruction


def test_by_hand():
    x, recon = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([[1.0, 0.0], [0.0, 4.0]])
    assert Reconstruction()(x, recon).item() == (2 + 4.5) / 2
    assert Reconstruction(scale=2.0)(x, recon).item() == (2 + 4.5) / 8


def test_weights_are_relative():
    x, recon = torch.tensor([[1.0], [2.0], [3.0]]), torch.zeros(3, 1)
    weight = torch.tensor([0.0, 1.0, 3.0])
    for factor in (1.0, 10.0):
        assert Reconstruction()(x, recon, factor * weight).item() == pytest.approx((4 + 27) / 4)
    assert Reconstruction()(x, recon, torch.ones(3)).item() == Reconstruction()(x, recon).item()


def test_images_count_features_not_axes():
    x = torch.randn(3, 2, 4, 5)
    term = Reconstruction()
    torch.testing.assert_close(term(x, torch.zeros_like(x)), term(x.flatten(1), torch.zeros(3, 40)))


def test_the_unexplained_share():
    x = 7 + 3 * torch.randn(500, 4, generator=torch.Generator().manual_seed(0))
    scale = x.sub(x.mean(dim=0)).square().mean().sqrt().item()
    assert Reconstruction(scale)(x, x.mean(dim=0).expand_as(x)).item() == pytest.approx(1, rel=1e-5)
    assert Reconstruction(scale)(x, x.clone()).item() == 0


def test_gradient_against_differences():
    x = torch.randn(4, 3, dtype=torch.float64)
    recon = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    weight = torch.rand(4, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda r: Reconstruction(0.7)(x, r, weight), recon)


def test_a_step_against_the_gradient_decodes_better():
    x, recon = torch.randn(8, 3), torch.zeros(8, 3, requires_grad=True)
    before = Reconstruction()(x, recon)
    (slope,) = torch.autograd.grad(before, recon)
    assert Reconstruction()(x, recon - slope) < before


def test_no_weight_at_all_is_zero_with_a_gradient():
    recon = torch.zeros(2, 2, requires_grad=True)
    loss = Reconstruction()(torch.ones(2, 2), recon, torch.zeros(2))
    loss.backward()
    assert loss.item() == 0
    assert (recon.grad == 0).all()


def test_shapes_that_would_broadcast_are_refused(unchecked):
    with pytest.raises(ShapeError, match=r"shaped like the patterns \(4, 1\); got \(4, 3\)"):
        Reconstruction()(torch.zeros(4, 1), torch.zeros(4, 3))


@pytest.mark.parametrize("scale", [0.0, -1.0, math.nan, math.inf])
def test_bad_scale(scale):
    with pytest.raises(SpecError, match="scale > 0"):
        Reconstruction(scale)
