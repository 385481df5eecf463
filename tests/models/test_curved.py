from __future__ import annotations

import math

import torch

from latentatlas.core import Batch
from latentatlas.geometry import PoincareBall
from latentatlas.models import Autoencoder, CurvedDecoder, CurvedEncoder, MapHead, MLPEncoder, VariationalEncoder

BALL = PoincareBall()


def encoder(spread: float = 1.0) -> MLPEncoder:
    return MLPEncoder(4, 2, hidden=(8,), spread=spread)


def test_a_point_lies_twice_its_vector_from_the_centre():
    torch.manual_seed(0)
    inner, x = encoder(), torch.randn(9, 4)
    z, v = CurvedEncoder(inner, BALL).eval()(x), inner.eval()(x)
    torch.testing.assert_close(BALL.dist(torch.zeros_like(z), z), 2 * v.norm(dim=1))
    torch.testing.assert_close(CurvedDecoder(inner.mirror(), BALL).geometry.vector(z), v)


def test_outputs_of_any_size_are_points_with_finite_slopes():
    module = CurvedEncoder(encoder(spread=100.0), BALL)
    x = torch.randn(20, 4, requires_grad=True)
    z = module(x)
    assert (z.norm(dim=1) < 1).all()
    BALL.squared_distances(z).sum().backward()
    assert torch.isfinite(x.grad).all()


def test_an_autoencoder_in_a_ball_decodes_its_points_and_maps_them_into_the_disc():
    torch.manual_seed(0)
    curved = CurvedEncoder(encoder(), BALL)
    model = Autoencoder(curved, head=MapHead(2, hidden=(8,), spread=1.0, geometry=BALL)).eval()
    out = model(Batch(torch.randn(6, 4)))
    assert isinstance(model.decoder, CurvedDecoder)
    torch.testing.assert_close(model.decode(out.z), out.recon)
    assert (out.map.norm(dim=1) < 1).all()


def test_charts_and_distributions_stay_those_of_the_vector():
    wrapped = CurvedEncoder(VariationalEncoder(MLPEncoder(4, 4, hidden=(8,), spread=1.0)), BALL).eval()
    found, inner = wrapped.latents(torch.ones(3, 4)), wrapped.encoder.latents(torch.ones(3, 4))
    torch.testing.assert_close(found.mean, inner.mean)
    torch.testing.assert_close(found.z, BALL.point(inner.z))
    assert math.isclose(wrapped.dim, 2)
