from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

from latentatlas.core import ShapeError, reproducible
from latentatlas.models import AtlasEncoder, charted_autoencoder
from latentatlas.train import learn_cover, unroll_charts


def encoder_of(features: int, dim: int, charts: int) -> AtlasEncoder:
    with reproducible(0, threads=1):
        return charted_autoencoder(features, dim, charts=charts, width=48).encoder


@pytest.fixture
def square(rng: np.random.Generator) -> torch.Tensor:
    return torch.from_numpy(rng.uniform(-1, 1, size=(200, 2)).astype(np.float32))


def test_the_router_learns_memberships_and_what_asks_for_no_gradient_stays(square: torch.Tensor):
    first = (1 + square[:, 0].numpy().astype(np.float64)) / 2
    wanted = np.column_stack([first, 1 - first])
    encoder = encoder_of(2, 1, 2)
    encoder.trunk.requires_grad_(False)
    before = encoder.trunk(square).detach()
    with reproducible(0, threads=1):
        learn_cover(encoder, square, wanted, steps=300, seed=0)
    assert torch.equal(encoder.trunk(square).detach(), before)
    found = encoder(square).weights.detach().numpy()
    assert np.abs(found - wanted).mean() < 0.05


def test_the_trunk_learns_too_where_it_may(square: torch.Tensor):
    encoder = encoder_of(2, 1, 2)
    before = encoder.trunk(square).detach()
    with reproducible(0, threads=1):
        learn_cover(encoder, square, np.tile([0.3, 0.7], (200, 1)), steps=5, seed=0)
    assert not torch.equal(encoder.trunk(square).detach(), before)


def test_a_chart_begins_unrolled():
    """Known answer: the coordinate along most of a circle is the angle; a principal axis would fold it."""
    angle = torch.linspace(0, 5.5, 300)
    x = torch.stack([angle.cos(), angle.sin()], dim=1)
    encoder = encoder_of(2, 1, 1).eval()
    unroll_charts(encoder, x, torch.ones(300, 1, dtype=torch.bool), seed=0)
    along = encoder(x).local[:, 0, 0].detach().numpy()
    assert abs(np.corrcoef(along, angle.numpy())[0, 1]) > 0.99
    assert (np.diff(along) * np.sign(along[-1] - along[0]) > 0).mean() > 0.8  # half of a folded one
    assert float(np.square(along).mean()) == pytest.approx(1, abs=0.1)


def test_a_chart_with_few_rows_keeps_its_coordinates(square: torch.Tensor):
    encoder = encoder_of(2, 2, 2).eval()
    before = encoder(square).local.detach()
    inside = torch.zeros(200, 2, dtype=torch.bool)
    inside[:, 0], inside[:12, 1] = True, True
    unroll_charts(encoder, square, inside, seed=0)
    after = encoder(square).local.detach()
    assert not torch.equal(before[:, 0], after[:, 0])
    torch.testing.assert_close(before[:, 1], after[:, 1])


def test_equal_rows_and_parts_that_lie_apart_are_finite_and_silent(rng: np.random.Generator):
    apart = torch.from_numpy(rng.normal(size=(60, 2)).astype(np.float32))
    apart[30:] += 1_000
    for x in (torch.zeros(40, 2), apart):
        encoder = encoder_of(2, 1, 1).eval()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            unroll_charts(encoder, x, torch.ones(len(x), 1, dtype=torch.bool), seed=0)
        assert torch.isfinite(encoder(x).local).all()


def test_memberships_of_other_charts(square: torch.Tensor):
    with pytest.raises(ShapeError, match="3 charts"):
        learn_cover(encoder_of(2, 1, 2), square, np.full((200, 3), 1 / 3), steps=1, seed=0)
