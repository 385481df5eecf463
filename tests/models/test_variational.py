from __future__ import annotations

import pytest
import torch

from latentatlas.core import Batch, SpecError
from latentatlas.models import Autoencoder, ImageEncoder, MLPEncoder, VariationalEncoder
from latentatlas.terms import gather_fields


def _encoder(spread: float = 1.0) -> VariationalEncoder:
    torch.manual_seed(0)
    return VariationalEncoder(MLPEncoder(5, 4, hidden=(8,), spread=spread, noise=0.0))


@pytest.mark.parametrize("spread", [1.0, 10.0])
def test_draws_have_the_mean_and_the_variance_that_are_told(spread: float):
    encoder = _encoder(spread)
    row = torch.randn(1, 5)
    with torch.no_grad():
        told = encoder.latents(row)
        draws = encoder(row.repeat(20_000, 1))
        assert torch.equal(encoder.eval()(row), told.mean)
    torch.testing.assert_close(draws.mean(dim=0), told.mean[0], atol=0.05 * spread, rtol=0)
    torch.testing.assert_close(draws.var(dim=0).log(), told.log_variance[0], atol=0.06, rtol=0)


def test_the_spread_only_changes_the_units():
    small, large = _encoder(1.0).eval(), _encoder(10.0).eval()
    large.load_state_dict(small.state_dict())
    row = torch.randn(3, 5)
    one, wide = small.latents(row), large.latents(row)
    torch.testing.assert_close(wide.mean, 10 * one.mean)
    torch.testing.assert_close(wide.log_variance.exp(), 100 * one.log_variance.exp())


def test_no_input_makes_the_variance_overflow():
    assert (_encoder().latents(1e6 * torch.randn(4, 5)).log_variance.abs() <= 10).all()


def test_mirrors_have_half_the_axes_of_the_trunk():
    images = VariationalEncoder(ImageEncoder((1, 8, 8), 6, channels=(4,), hidden=8))
    assert (images.dim, images.shape, images.mirror().dim) == (3, (1, 8, 8), 3)
    assert images.mirror()(torch.zeros(2, 3)).shape == (2, 64)


def test_terms_see_the_distribution():
    model, x = Autoencoder(_encoder()), torch.randn(6, 5)
    fields = gather_fields(Batch(x), model(Batch(x)))
    told = model.encoder.latents(x)
    assert torch.equal(fields["mean"], told.mean)
    assert torch.equal(fields["log_variance"], told.log_variance)
    assert fields["recon"].shape == x.shape
    model.eval()
    assert torch.equal(model(Batch(x)).z, model.encode(x))
    assert torch.equal(model(Batch(x)).recon, model.decode(model.encode(x)))


def test_a_trunk_of_odd_size():
    with pytest.raises(
        SpecError, match=r"even number of axes.*got 3\. For a latent of 3 axes build the trunk with dim=6"
    ):
        VariationalEncoder(MLPEncoder(5, 3))
