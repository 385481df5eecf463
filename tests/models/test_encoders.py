from __future__ import annotations

import pytest
import torch

from latentatlas.models import Autoencoder, ImageEncoder, MapHead, MLPDecoder, MLPEncoder, SignalEncoder


def test_adapted_encoder_starts_with_unit_axes():
    x = torch.randn(400, 5, generator=torch.Generator().manual_seed(0)) * torch.tensor([100.0, 10.0, 1.0, 0.1, 1.0])
    encoder = MLPEncoder(5, 2, hidden=(8,), spread=10.0).eval()
    encoder.adapt(x)
    straight = encoder.linear(x * encoder.scale)
    torch.testing.assert_close(straight.std(dim=0, unbiased=False), torch.ones(2))
    correlation = torch.corrcoef(torch.stack([straight[:, 0], x[:, 0]]))[0, 1]
    assert correlation.item() == pytest.approx(1, abs=1e-5)


def test_adapted_encoder_ignores_constant_columns():
    x = torch.randn(50, 3)
    x[:, 1] = 4.0
    encoder = MLPEncoder(3, 3, hidden=(8,)).eval()
    encoder.adapt(x)
    moved = x.clone()
    moved[:, 1] = 1e3
    torch.testing.assert_close(encoder(moved), encoder(x))


def test_adapted_decoder_has_the_scale_of_each_column():
    x = torch.randn(500, 3) * torch.tensor([1e2, 1.0, 0.0])
    decoder = MLPDecoder(2, 3, hidden=(32,))
    decoder.adapt(x)
    out = decoder(10 * torch.randn(500, 2))
    assert (out[:, 2] == 0).all()
    ratio = out[:, 0].std() / out[:, 1].std()
    assert 2 < ratio < 50  # about 10, the square root of the ratio of spreads


def test_noise_in_training_only():
    encoder, x = MLPEncoder(4, 2, noise=0.5), torch.randn(10, 4)
    assert not torch.equal(encoder(x), encoder(x))
    encoder.eval()
    assert torch.equal(encoder(x), encoder(x))
    silent = MLPEncoder(4, 2, noise=0.0)
    assert torch.equal(silent(x), silent(x))


def test_images_and_signals_may_keep_their_axes(unchecked):
    image = torch.randn(3, 2, 7, 9)
    encoder = ImageEncoder((2, 7, 9), 3)
    assert torch.equal(encoder(image), encoder(image.flatten(1)))
    signal = torch.randn(3, 2, 11)
    encoder = SignalEncoder((2, 11), 3)
    assert torch.equal(encoder(signal), encoder(signal.flatten(1)))


def test_the_far_corner_of_an_odd_image_is_drawn_by_the_latent():
    encoder = ImageEncoder((1, 7, 9), 2)
    decoder = encoder.mirror()
    z = torch.zeros(1, 2, requires_grad=True)
    image = decoder(z).reshape(7, 9)
    assert image.shape == (7, 9)
    (slope,) = torch.autograd.grad(image[6, 8], z)
    assert (slope != 0).any()


def test_without_a_head_the_latent_is_the_map():
    model = Autoencoder(MLPEncoder(4, 2)).eval()
    z = torch.randn(3, 2)
    assert model.map(z) is z
    assert model.head is None
    assert model.bank is None


def test_a_head_starts_as_the_first_two_axes():
    head = MapHead(4)
    with torch.no_grad():
        for parameter in head.net.parameters():
            parameter.zero_()
    z = torch.randn(3, 4)
    torch.testing.assert_close(head(z), z[:, :2])
    assert MapHead(1)(torch.randn(3, 1)).shape == (3, 2)


def test_images_with_the_channels_behind_are_the_same_images():
    small = {"channels": (4, 8), "hidden": 16}
    first, last = ImageEncoder((3, 8, 6), 2, **small), ImageEncoder((8, 6, 3), 2, **small)
    last.load_state_dict(first.state_dict())
    images = torch.rand(5, 3, 8, 6)
    x, moved = images.flatten(1), images.movedim(1, 3).flatten(1)
    torch.testing.assert_close(first(x), last(moved))
    decoder, other = first.mirror(), last.mirror()
    other.load_state_dict(decoder.state_dict())
    z = torch.randn(5, 2)
    torch.testing.assert_close(decoder(z).reshape(5, 3, 8, 6), other(z).reshape(5, 8, 6, 3).movedim(3, 1))
