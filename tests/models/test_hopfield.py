from __future__ import annotations

import pytest
import torch

from latentatlas.core import ShapeError, SpecError
from latentatlas.landscape import DotScore, HopfieldField, PrototypeBank, ReconstructionDynamics
from latentatlas.models import Autoencoder, HopfieldEncoder, HopfieldLayer, MLPEncoder


@pytest.mark.parametrize("beta", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("steps", [1, 3])
def test_recall_is_that_of_the_bank_and_of_the_field(beta: float, steps: int):
    torch.manual_seed(0)
    layer, bank = HopfieldLayer(6, 4, beta=beta, steps=steps), PrototypeBank(6, 4, beta=beta, score=DotScore())
    bank.prototypes.data.copy_(layer.patterns.data)
    keys = torch.randn(9, 4)
    torch.testing.assert_close(layer(keys), bank.retrieve(keys, steps=steps))
    field = HopfieldField(layer.patterns.detach(), beta=beta / 2)  # √4
    torch.testing.assert_close(layer(keys), field.retrieve(keys, steps=steps))


def test_what_lies_between_one_pattern_and_the_mean_of_all():
    patterns = torch.tensor([[2.0, 0.0], [0.0, 1.0], [-1.0, -1.0]])
    sharp, smooth = HopfieldLayer(3, 2, beta=1e4), HopfieldLayer(3, 2, beta=1e-6)
    for layer in (sharp, smooth):
        layer.store(patterns)
    key = torch.tensor([[0.1, 1.0]])
    torch.testing.assert_close(sharp(key), patterns[1:2])
    torch.testing.assert_close(smooth(key), patterns.mean(dim=0, keepdim=True), atol=1e-5, rtol=0)
    assert torch.isfinite(sharp(1e6 * key)).all()


def test_an_encoder_that_recalls_undoes_noise():
    torch.manual_seed(0)
    encoder = HopfieldEncoder(MLPEncoder(6, 3, hidden=(8,), spread=1.0, noise=0.0), HopfieldLayer(4, 3, beta=50.0))
    rows = 2 * torch.randn(4, 6)
    encoder.layer.store(encoder.encoder(rows).detach() * 5)
    clean, noisy = encoder(rows), encoder(rows + 0.05 * torch.randn(4, 6))
    assert (clean - noisy).norm() < 0.1 * (encoder.encoder(rows) - encoder.encoder(rows + 0.05)).norm() + 1e-3
    model = Autoencoder(encoder)
    assert model.decode(model.encode(rows)).shape == (4, 6)


def test_the_dynamics_of_an_autoencoder_with_memory():
    torch.manual_seed(0)
    model = Autoencoder(HopfieldEncoder(MLPEncoder(5, 2, hidden=(8,), spread=1.0), HopfieldLayer(3, 2))).eval()
    dynamics, z = ReconstructionDynamics(model.encode, model.decode), torch.randn(4, 2)
    with torch.no_grad():
        torch.testing.assert_close(dynamics.velocity(z), model.encode(model.decode(z)) - z)
        torch.testing.assert_close(
            dynamics.iterate(z, steps=2), model.encode(model.decode(model.encode(model.decode(z))))
        )
        assert (dynamics(z) >= 0).all()


def test_wrong_input(unchecked: None):
    with pytest.raises(ShapeError, match=r"stores 3 patterns of 2 axes; got shape \(4, 2\)"):
        HopfieldLayer(3, 2).store(torch.zeros(4, 2))
    with pytest.raises(ShapeError, match="HopfieldEncoder wants 3 columns; got 2"):
        HopfieldEncoder(MLPEncoder(5, 3), HopfieldLayer(4, 2))
    with pytest.raises(SpecError, match="wants a finite beta > 0"):
        HopfieldLayer(3, 2, beta=0.0)
