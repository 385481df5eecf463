from __future__ import annotations

import pytest
import torch

from latentatlas.core import LatentLayout, ShapeError, SpecError
from latentatlas.terms import HSIC, BetweenBlocks, Covariance, Detached, NTXent, OnBlock, Reconstruction

LAYOUT = LatentLayout(invariant=2, variant=1, free=1)


def normal(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_a_term_sees_one_block_of_rows_and_views():
    z, z_view = normal(0, 9, 4), normal(1, 9, 4)
    term = OnBlock(NTXent(), LAYOUT, "invariant")
    bound = term.bind({"z": z, "z_view": z_view})
    assert torch.equal(term(**bound), NTXent()(z[:, :2], z_view[:, :2]))
    moved = z + torch.tensor([0.0, 0.0, 5.0, -3.0])
    assert torch.equal(term(z=moved, z_view=z_view), term(z=z, z_view=z_view))


def test_terms_can_be_wrapped_in_one_another():
    z = normal(0, 9, 4)
    term = OnBlock(Detached(Covariance()), LAYOUT, "invariant")
    assert torch.equal(term(**term.bind({"z": z})), Covariance()(z[:, :2]))


def test_dependence_between_blocks_has_a_gradient_on_both():
    z = normal(0, 200, 4)
    z[:, 2] = z[:, 0] ** 2
    dependent, independent = BetweenBlocks(HSIC(), LAYOUT, "invariant", "variant"), normal(2, 200, 4)
    assert dependent(z) > 10 * dependent(independent).abs()
    leaf = z[:20].clone().requires_grad_()
    dependent(leaf).backward()
    assert leaf.grad[:, :3].abs().amin() > 0
    assert not leaf.grad[:, 3].any()


def test_bad_input(unchecked: None):
    with pytest.raises(SpecError, match="'variant' is empty"):
        OnBlock(Covariance(), LatentLayout(invariant=2), "variant")
    with pytest.raises(SpecError, match="no block 'inv'"):
        BetweenBlocks(HSIC(), LAYOUT, "inv", "free")
    with pytest.raises(SpecError, match="Reconstruction reads none"):
        OnBlock(Reconstruction(), LAYOUT, "free")
    with pytest.raises(SpecError, match="Covariance does not"):
        BetweenBlocks(Covariance(), LAYOUT, "invariant", "free")
    with pytest.raises(ShapeError, match="sum to the 5 axes"):
        OnBlock(Covariance(), LAYOUT, "free")(z=torch.zeros(3, 5))
